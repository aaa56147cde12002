// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What is given up never hits anybody else: which requests the server is asked to cancel, and what
// may leave before it has obeyed (R-C4 to R-C8).
#include <sys/socket.h>

#include "tests/support/open_channel.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

namespace {

/// A request that runs on the server when its owner gives up, and one that came later.
struct GivenUp : OpenChannel {
  GivenUp() {
    ask(victim);
    server.hears();
    channel->cancel(victim);
    messenger = cancels.accepts();
    loop.run_until_idle();
    ask(next);
  }
  ~GivenUp() { channel.reset(); }

  void server_obeys() {
    server.says(error_response("57014"), ready_for_query());
    loop.run_until_idle();
  }
  void messenger_leaves() {
    messenger.hangs_up();
    loop.run_until_idle();
  }
  void check_next_runs() {
    BOOST_TEST(server.hears() == "Query(select 'next')");
    server.says(answer("next"));
    loop.run_until_idle();
    BOOST_TEST(next.outcome() == "[next] SELECT 1");
  }

  Request victim{"select pg_sleep(60)"};
  Request next{"select 'next'"};
  Peer messenger;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(cancel_fence)

BOOST_FIXTURE_TEST_CASE(the_server_is_asked_with_the_connections_own_key, GivenUp) {
  BOOST_TEST(messenger.hears() == "Cancel(7, abcd)");
  BOOST_TEST(!victim.pending());
  BOOST_TEST(victim.ended == 0);  // who gave up is not told
  BOOST_TEST(channel->cancelling());
}

BOOST_FIXTURE_TEST_CASE(who_is_dismissed_is_told_why, OpenChannel) {
  Request request("select pg_sleep(60)");
  ask(request);
  channel->dismiss(request, {Errc::cancelled, {}});
  BOOST_TEST(request.ended == 0);  // not from within that call
  loop.run_until_idle();
  BOOST_TEST(request.ended == 1);
  BOOST_TEST(request.outcome() == make_error_code(Errc::cancelled).message());
  BOOST_TEST(cancels.accepts().hears() == "Cancel(7, abcd)");
}

BOOST_FIXTURE_TEST_CASE(nothing_leaves_before_the_victim_has_ended_and_the_messenger_left, GivenUp) {
  BOOST_TEST(server.hears() == "");
  server_obeys();
  BOOST_TEST(server.hears() == "");
  messenger_leaves();
  check_next_runs();
  BOOST_TEST(!channel->cancelling());
  BOOST_TEST(!channel->tainted());
}

BOOST_FIXTURE_TEST_CASE(the_messenger_may_leave_first, GivenUp) {
  messenger_leaves();
  BOOST_TEST(server.hears() == "");
  server_obeys();
  check_next_runs();
  BOOST_TEST(!channel->tainted());
}

BOOST_FIXTURE_TEST_CASE(the_victim_may_have_ended_well, GivenUp) {
  server.says(answer("too late"));
  messenger_leaves();
  check_next_runs();
}

BOOST_FIXTURE_TEST_CASE(a_messenger_that_talks_is_not_listened_to, GivenUp) {
  messenger.says(empty_query_response(), ready_for_query());
  server_obeys();
  BOOST_TEST(server.hears() == "");
  messenger_leaves();
  check_next_runs();
}

BOOST_FIXTURE_TEST_CASE(a_reset_tells_as_much_as_an_end, GivenUp) {
  messenger.hears();
  messenger.breaks_off();
  server_obeys();
  check_next_runs();
  BOOST_TEST(!channel->tainted());
}

BOOST_FIXTURE_TEST_CASE(a_messenger_that_came_before_the_victim_had_begun_is_sent_again, GivenUp) {
  messenger_leaves();
  BOOST_TEST(!cancels.is_called());
  loop.advance(250ms);
  messenger = cancels.accepts();
  loop.run_until_idle();
  BOOST_TEST(messenger.hears() == "Cancel(7, abcd)");
  server_obeys();
  BOOST_TEST(server.hears() == "");  // this one, too, has to leave first
  messenger_leaves();
  check_next_runs();
  loop.advance(1s);
  BOOST_TEST(!cancels.is_called());
  BOOST_TEST(!channel->tainted());
}

BOOST_FIXTURE_TEST_CASE(nobody_elses_deadline_sends_a_messenger_early, GivenUp) {
  messenger_leaves();
  channel->set_deadline(next, loop.now() + 100ms);
  loop.advance(100ms);
  BOOST_TEST(next.outcome() == "deadline passed");
  BOOST_TEST(!cancels.is_called());
  channel->flush_soon();
  loop.advance(149ms);
  BOOST_TEST(!cancels.is_called());
  loop.advance(1ms);
  messenger = cancels.accepts();
  loop.run_until_idle();
  BOOST_TEST(messenger.hears() == "Cancel(7, abcd)");
  server_obeys();
  messenger_leaves();
  check_usable();
}

BOOST_FIXTURE_TEST_CASE(a_victim_that_does_not_end_takes_the_connection_with_it, GivenUp) {
  messenger_leaves();
  loop.advance(5s);
  BOOST_TEST(next.ended == 1);
  BOOST_TEST(next.failure()->detail == "a cancelled request did not end within the grace period");
  BOOST_TEST(!next.failure()->outcome_unknown);  // it never left
  BOOST_TEST(closed == 1);
}

BOOST_FIXTURE_TEST_CASE(a_victim_that_ended_while_the_loop_was_busy_has_ended_in_time, GivenUp) {
  messenger_leaves();
  server.says(error_response("57014"), ready_for_query());
  loop.stay_busy_for(1min);
  loop.run_until_idle();
  BOOST_TEST(!channel->cancelling());
  check_next_runs();
}

BOOST_FIXTURE_TEST_CASE(so_has_one_whose_end_lies_behind_more_notices_than_are_read_in_a_turn, GivenUp) {
  messenger_leaves();
  const int size = 1 << 20;
  BOOST_REQUIRE(::setsockopt(server.socket().fd(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
  for (int i = 0; i < 20; ++i) server.says(notice_response(std::string(15'000, 'n')));
  server.says(error_response("57014"), ready_for_query());
  loop.stay_busy_for(1min);
  loop.run_until_idle();
  BOOST_TEST(!channel->cancelling());
  check_next_runs();
}

BOOST_FIXTURE_TEST_CASE(a_messenger_that_does_not_leave_taints, GivenUp) {
  server_obeys();
  loop.advance(4s);
  BOOST_TEST(server.hears() == "");
  loop.advance(1s);
  check_next_runs();
  BOOST_TEST(channel->tainted());  // the request may still be on its way
  BOOST_TEST(messenger.hears() == "Cancel(7, abcd)");
  BOOST_TEST(messenger.left());
}

BOOST_FIXTURE_TEST_CASE(who_waits_behind_the_fence_has_a_deadline_too, GivenUp) {
  channel->set_deadline(next, loop.now() + 1s);
  loop.advance(1s);
  BOOST_TEST(next.outcome() == "deadline passed");
  BOOST_TEST(!next.failure()->outcome_unknown);
  server_obeys();
  messenger_leaves();
  BOOST_TEST(server.hears() == "");  // it never left
  check_usable();
}

BOOST_FIXTURE_TEST_CASE(who_waits_behind_the_fence_may_give_up, GivenUp) {
  channel->cancel(next);
  server_obeys();
  messenger_leaves();
  BOOST_TEST(server.hears() == "");
  BOOST_TEST(!cancels.is_called());  // one messenger was enough
  check_usable();
}

BOOST_FIXTURE_TEST_CASE(the_connection_may_end_behind_the_fence, GivenUp) {
  server.says(error_response("57P01", "FATAL"));
  server.hangs_up();
  loop.run_until_idle();
  BOOST_TEST(next.ended == 1);
  BOOST_TEST(closed == 1);
  BOOST_TEST(messenger.hears() == "Cancel(7, abcd)");
  BOOST_TEST(messenger.left());
}

BOOST_FIXTURE_TEST_CASE(the_channel_may_die_behind_the_fence, GivenUp) {
  channel.reset();
  loop.run_until_idle();
  BOOST_TEST(next.ended == 0);
}

BOOST_AUTO_TEST_CASE(a_victim_has_as_long_as_it_is_given) {  // DT-18, R-C4
  for (const Duration grace : {Duration(0s), Duration(50ms), Duration(5s)}) {
    OpenChannel open("abcd", grace);
    Request victim("select pg_sleep(60)"), next("select 'next'");
    open.ask(victim, 1s);
    open.server.hears();
    open.loop.advance(1s);
    BOOST_TEST(victim.outcome() == "deadline passed");  // whatever the grace
    if (grace > 0s) {
      open.ask(next);
      open.loop.advance(grace - 1ns);
      BOOST_TEST(next.ended == 0);
      open.loop.advance(1ns);
      BOOST_TEST(next.failure()->detail == "a cancelled request did not end within the grace period");
    }
    BOOST_TEST(!open.channel->is_open());
    BOOST_TEST(open.server.left());
    BOOST_TEST(open.closed == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_victim_may_have_all_the_time_in_the_world) {  // DT-18
  OpenChannel open("abcd", Duration::max());
  Request victim("select pg_sleep(60)"), next("select 'next'");
  open.ask(victim, 1s);
  open.server.hears();
  open.loop.advance(1s);
  open.ask(next);
  open.loop.advance(1000h);
  BOOST_TEST(open.channel->cancelling());
  BOOST_TEST(open.server.hears() == "");
  open.cancels.accepts().hangs_up();
  open.server.says(error_response("57014"), ready_for_query());
  open.loop.run_until_idle();
  BOOST_TEST(open.server.hears() == "Query(select 'next')");
}

// --- who is asked, and who is not ---------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_timeout_asks_too_and_its_owner_is_told_at_once, OpenChannel) {
  Request a("select pg_sleep(60)");
  ask(a, 2s);
  server.hears();
  loop.advance(2s);
  BOOST_TEST(a.outcome() == "deadline passed");
  BOOST_TEST(a.failure()->outcome_unknown);
  Peer messenger = cancels.accepts();
  loop.run_until_idle();
  BOOST_TEST(messenger.hears() == "Cancel(7, abcd)");
  messenger.hangs_up();
  server.says(error_response("57014"), ready_for_query());
  loop.run_until_idle();
  check_usable();
}

BOOST_FIXTURE_TEST_CASE(what_was_not_sent_never_is, OpenChannel) {
  Request a("select 1"), b("select 2");
  BOOST_REQUIRE(channel->submit(a));
  BOOST_REQUIRE(channel->submit(b));
  channel->cancel(b);
  channel->flush();
  BOOST_TEST(server.hears() == "Query(select 1)");
  BOOST_TEST(!cancels.is_called());
  server.says(answer("1"));
  loop.run_until_idle();
  check_usable();
}

BOOST_FIXTURE_TEST_CASE(neighbours_are_not_put_at_risk, OpenChannel) {
  Request before("select 1"), given_up("select 2"), behind("select 3");
  ask(before);
  ask(given_up);
  ask(behind);
  channel->cancel(given_up);
  BOOST_TEST(!cancels.is_called());
  server.hears();
  server.says(answer("1"), answer("2"), answer("3"));
  loop.run_until_idle();
  BOOST_TEST(before.outcome() == "[1] SELECT 1");
  BOOST_TEST(behind.outcome() == "[3] SELECT 1");
  check_usable();
}

BOOST_FIXTURE_TEST_CASE(the_last_one_left_is_cancelled_though_abandoned_ones_run_before_it, OpenChannel) {
  Request a("select pg_sleep(1)"), b("select pg_sleep(2)");
  ask(a);
  ask(b);
  server.hears();
  channel->cancel(a);
  BOOST_TEST(!cancels.is_called());
  channel->cancel(b);
  Peer messenger = cancels.accepts();
  loop.run_until_idle();
  messenger.hangs_up();
  server.says(error_response("57014"), ready_for_query());
  loop.run_until_idle();
  Request next("select 'next'");
  ask(next);
  BOOST_TEST(server.hears() == "");  // b has not ended yet
  server.says(error_response("57014"), ready_for_query());
  loop.run_until_idle();
  BOOST_TEST(server.hears() == "Query(select 'next')");
}

BOOST_FIXTURE_TEST_CASE(what_had_not_left_yet_stays_behind_the_fence, OpenChannel) {
  Request victim("select pg_sleep(60)"), next("select 'next'");
  ask(victim);
  server.hears();
  BOOST_REQUIRE(channel->submit(next));  // but nobody waits for it yet
  channel->cancel(victim);
  Peer messenger = cancels.accepts();
  loop.run_until_idle();
  BOOST_TEST(server.hears() == "");
  server.says(error_response("57014"), ready_for_query());
  messenger.hangs_up();
  loop.run_until_idle();
  BOOST_TEST(server.hears() == "Query(select 'next')");
  server.says(answer("next"));
  loop.run_until_idle();
  BOOST_TEST(next.outcome() == "[next] SELECT 1");
  check_usable();
}

BOOST_AUTO_TEST_CASE(a_server_without_a_key_is_waited_for) {
  OpenChannel open("");
  Request a("select pg_sleep(1)"), next("select 'next'");
  open.ask(a);
  open.server.hears();
  open.channel->cancel(a);
  open.ask(next);
  open.loop.run_until_idle();
  BOOST_TEST(!open.cancels.is_called());
  BOOST_TEST(open.server.hears() == "");
  open.server.says(answer(""));
  open.loop.run_until_idle();
  BOOST_TEST(open.server.hears() == "Query(select 'next')");
  BOOST_TEST(!open.channel->tainted());
}

BOOST_FIXTURE_TEST_CASE(interrupt_leaves_the_owner_waiting, OpenChannel) {
  Request a("select pg_sleep(60)");
  ask(a);
  server.hears();
  channel->interrupt();
  Peer messenger = cancels.accepts();
  loop.run_until_idle();
  BOOST_TEST(messenger.hears() == "Cancel(7, abcd)");
  messenger.hangs_up();
  server.says(error_response("57014"), ready_for_query());
  loop.run_until_idle();
  BOOST_TEST(a.outcome() == "57014");
  channel->interrupt();  // idle: nobody to interrupt
  loop.run_until_idle();
  BOOST_TEST(!cancels.is_called());
  check_usable();
}

BOOST_AUTO_TEST_SUITE_END()
