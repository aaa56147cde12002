// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// When somebody else may have a connection: not before the server has confirmed that nothing is left of
// its last user (R-L2, R-L3).
#include "pgstride/driver/session_reset.hpp"

#include "tests/support/open_channel.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

namespace {

struct Resetting : OpenChannel, ResetHandler {
  ~Resetting() { channel.reset(); }

  void on_reset(bool is_clean) noexcept override { outcomes += is_clean ? "clean " : "dirty "; }

  void start(bool rolls_back = false) {
    BOOST_TEST_REQUIRE(reset.submit("RESET ALL;", rolls_back, loop.now() + 10s));
    channel->flush();
  }
  template <class... Messages>
  void server_says(const Messages&... messages) {
    server.says(messages...);
    loop.run_until_idle();
  }
  std::string done(char status = 'I') { return command_complete("RESET") + ready_for_query(status); }

  std::string outcomes;
  SessionReset reset{*channel, *this};
};

constexpr const char* again = "Query(ROLLBACK;\nRESET ALL;)";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(session_reset, Resetting)

BOOST_AUTO_TEST_CASE(it_is_clean_when_the_server_says_so) {
  start();
  BOOST_TEST(server.hears() == "Query(RESET ALL;)");
  BOOST_TEST(outcomes == "");
  server_says(done());
  BOOST_TEST(outcomes == "clean ");
  BOOST_TEST(!reset.pending());
  check_usable();
}

BOOST_AUTO_TEST_CASE(it_leaves_together_with_the_last_request) {
  Request last("select 1");
  BOOST_TEST_REQUIRE(channel->submit(last));
  start();
  BOOST_TEST(server.hears() == "Query(select 1) Query(RESET ALL;)");
  server_says(answer("1"));
  BOOST_TEST(last.outcome() == "[1] SELECT 1");
  BOOST_TEST(outcomes == "");
  server_says(done());
  BOOST_TEST(outcomes == "clean ");
}

BOOST_AUTO_TEST_CASE(a_transaction_that_was_left_open_is_rolled_back) {
  start();
  server.hears();
  server_says(done('T'));
  BOOST_TEST(outcomes == "");
  BOOST_TEST(server.hears() == again);
  server_says(command_complete("ROLLBACK"), done());
  BOOST_TEST(outcomes == "clean ");
}

BOOST_AUTO_TEST_CASE(so_is_one_that_has_failed) {
  start();
  server.hears();
  server_says(error_response("25P02"), ready_for_query('E'));
  BOOST_TEST(server.hears() == again);
  server_says(command_complete("ROLLBACK"), done());
  BOOST_TEST(outcomes == "clean ");
}

BOOST_AUTO_TEST_CASE(one_that_is_known_of_costs_one_round_trip) {
  start(true);
  BOOST_TEST(server.hears() == again);
  server_says(command_complete("ROLLBACK"), done());
  BOOST_TEST(outcomes == "clean ");
}

BOOST_AUTO_TEST_CASE(what_can_not_be_reset_is_not_clean) {
  start();
  server_says(error_response("42501"), ready_for_query());
  BOOST_TEST(outcomes == "");
  server_says(error_response("42501"), ready_for_query());
  BOOST_TEST(outcomes == "dirty ");
}

BOOST_AUTO_TEST_CASE(a_transaction_that_will_not_end_is_not_clean) {
  start();
  server_says(done('T'));
  server_says(done('T'));
  BOOST_TEST(outcomes == "dirty ");
}

// The cancel is meant for the request in front, has come late, and hits the reset.
BOOST_AUTO_TEST_CASE(a_cancel_may_hit_it) {
  Request last("select pg_sleep(60)");
  BOOST_TEST_REQUIRE(channel->submit(last));
  start();
  server.hears();
  channel->cancel(last);
  BOOST_TEST(channel->cancelling());  // the reset behind it does not keep the server from being asked
  Peer messenger = cancels.accepts();
  loop.run_until_idle();
  server_says(answer("too late"), error_response("57014"), ready_for_query());
  BOOST_TEST(server.hears() == "");  // the messenger is still there
  messenger.hangs_up();
  loop.run_until_idle();
  BOOST_TEST(server.hears() == again);
  BOOST_TEST(outcomes == "");
  server_says(command_complete("ROLLBACK"), done());
  BOOST_TEST(outcomes == "clean ");
}

// It went well, but a cancel may still be on its way: not to be given to anybody yet.
BOOST_AUTO_TEST_CASE(a_cancel_may_still_arrive) {
  Request last("select pg_sleep(60)");
  BOOST_TEST_REQUIRE(channel->submit(last));
  start();
  server.hears();
  channel->cancel(last);
  Peer messenger = cancels.accepts();
  loop.run_until_idle();
  server_says(error_response("57014"), ready_for_query(), done());
  BOOST_TEST(outcomes == "");
  messenger.hangs_up();
  loop.run_until_idle();
  BOOST_TEST(server.hears() == again);
  server_says(command_complete("ROLLBACK"), done());
  BOOST_TEST(outcomes == "clean ");
}

BOOST_AUTO_TEST_CASE(what_is_late_is_not_clean) {
  start();
  loop.advance(10s);
  BOOST_TEST(outcomes == "dirty ");
}

BOOST_AUTO_TEST_CASE(the_deadline_can_be_set_when_the_last_request_has_ended) {
  BOOST_TEST_REQUIRE(reset.submit("RESET ALL;"));
  channel->flush();
  loop.advance(1000s);
  BOOST_TEST(outcomes == "");
  reset.set_deadline(loop.now() + 1s);
  loop.advance(1s);
  BOOST_TEST(outcomes == "dirty ");
}

BOOST_AUTO_TEST_CASE(the_server_goes) {
  start();
  server.hangs_up();
  loop.run_until_idle();
  BOOST_TEST(outcomes == "dirty ");
  BOOST_TEST(closed == 1);
  BOOST_TEST(!reset.submit("RESET ALL;"));
}

BOOST_AUTO_TEST_CASE(what_each_kind_of_server_can_reset) {
  Parameters parameters;
  BOOST_TEST(default_reset_script(parameters).starts_with("RESET SESSION AUTHORIZATION;"));
  BOOST_TEST(default_reset_script(parameters).ends_with("RESET ALL;"));
  BOOST_TEST_REQUIRE(parameters.set("padb_revision", "1"));
  BOOST_TEST(default_reset_script(parameters) == "RESET ALL;");
  Parameters cockroach;
  BOOST_TEST_REQUIRE(cockroach.set("crdb_version", "1"));
  BOOST_TEST(default_reset_script(cockroach) == "");
}

BOOST_AUTO_TEST_SUITE_END()
