// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Cancel requests for which there is no connection.
#include "tests/support/open_channel.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_SUITE(cancel_refused, OpenChannel)

BOOST_AUTO_TEST_CASE(one_is_sent_again) {
  const std::uint16_t port = cancels.port();
  cancels.closes();
  Request a("select pg_sleep(1)");
  ask(a);
  server.hears();
  channel->cancel(a);
  loop.run_until_idle();
  BOOST_TEST(!channel->tainted());  // nothing was sent that could still arrive
  BOOST_TEST(channel->cancelling());
  ScriptedServer back(port);
  loop.advance(250ms);
  Peer messenger = back.accepts();
  loop.run_until_idle();
  BOOST_TEST(messenger.hears() == "Cancel(7, abcd)");
  messenger.hangs_up();
  server.says(error_response("57014"), ready_for_query());
  loop.run_until_idle();
  check_usable();
}

BOOST_AUTO_TEST_CASE(the_victim_may_end_by_itself) {
  cancels.closes();
  Request a("select pg_sleep(1)");
  ask(a);
  server.hears();
  channel->cancel(a);
  loop.run_until_idle();
  server.says(answer("done"));
  loop.run_until_idle();
  check_usable();
}

BOOST_AUTO_TEST_SUITE_END()
