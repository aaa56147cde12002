// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What listen() yields when notifications come at once. Reconnecting is in integration/test_listen.cpp.
#include <string>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/coro/task.hpp"
#include "pgstride/driver/listen.hpp"

#include "tests/support/backend_writer.hpp"
#include "tests/support/fake_loop.hpp"
#include "tests/support/scripted_server.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

ConnectOptions options_for(const ScriptedServer& server) {
  ConnectOptions options;
  options.hosts.emplace_back("127.0.0.1", server.port());
  options.user = "me";
  options.tls.mode = SslMode::disable;
  return options;
}

Task<ListenEvent> next_of(AsyncGenerator<ListenEvent>& events) { co_return *co_await events.next(); }

}  // namespace

BOOST_AUTO_TEST_SUITE(listening)

BOOST_AUTO_TEST_CASE(what_comes_right_behind_the_answer_is_not_lost) {
  FakeLoop loop;
  ScriptedServer server;
  AsyncGenerator<ListenEvent> events = listen(loop, options_for(server), {"jobs"});
  Task<ListenEvent> first = next_of(events);
  first.start();
  loop.run_until_idle();
  Peer peer = server.accepts();
  peer.hears();
  peer.says(authentication(0), backend_key_data(7, "abcd"), ready_for_query());
  loop.run_until_idle();
  BOOST_TEST(peer.hears() == "Query(LISTEN \"jobs\";)");

  peer.says(command_complete("LISTEN"), ready_for_query(), notification(9, "jobs", "one"));
  loop.run_until_idle();
  BOOST_REQUIRE(first.done());
  BOOST_CHECK(first.take().kind == ListenEvent::Kind::listening);
  Task<ListenEvent> second = next_of(events);
  second.start();
  loop.run_until_idle();
  BOOST_REQUIRE(second.done());
  BOOST_TEST(second.take().payload == "one");
}

BOOST_AUTO_TEST_SUITE_END()
