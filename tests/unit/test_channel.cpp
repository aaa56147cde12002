// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Bytes, deadlines and ends of a channel. What cancelling does is in test_cancel_fence.cpp.
// Proves R-M6.
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "tests/support/open_channel.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_SUITE(channel, OpenChannel)

BOOST_AUTO_TEST_CASE(nothing_is_sent_before_flush_and_then_all_of_it) {
  Request a("select 1"), b("select 2");
  BOOST_REQUIRE(channel->submit(a));
  BOOST_REQUIRE(channel->submit(b));
  BOOST_TEST(server.hears() == "");
  channel->flush();
  BOOST_TEST(server.hears() == "Query(select 1) Query(select 2)");
  server.says(answer("1"), answer("2"));
  loop.run_until_idle();
  BOOST_TEST(a.outcome() == "[1] SELECT 1");
  BOOST_TEST(b.outcome() == "[2] SELECT 1");
}

BOOST_AUTO_TEST_CASE(owners_are_told_after_the_parser_and_in_order) {
  Request a("select 1"), b("select 2");
  std::string order;
  a.on_end = [&] { order += b.failure() || !b.rows ? "a" : "A"; };  // A: the row behind was parsed already
  b.on_end = [&] { order += "b"; };
  ask(a);
  ask(b);
  server.says(answer("1") + answer("2"));
  loop.turn();
  BOOST_TEST(order == "Ab");
}

BOOST_AUTO_TEST_CASE(whole_replies_of_single_bytes) {
  Request a("select 1");
  ask(a);
  for (const char byte : answer("1")) {
    BOOST_TEST(a.ended == 0);
    server.says(std::string(1, byte));
    loop.run_until_idle();
  }
  BOOST_TEST(a.outcome() == "[1] SELECT 1");
}

// The rest of it still has to leave, and the server is asked to cancel when all of it may have arrived.
BOOST_AUTO_TEST_CASE(given_up_while_the_socket_is_full) {  // R-C10, DT-19
  const std::string sql(3'000'000, 'q');
  for (const std::size_t read_before : {0U, 1U, 100'000U}) {
    Request victim(sql), next("select 'next'");
    ask(victim);
    std::string arrived(read_before, '\0');
    if (read_before > 0)
      BOOST_REQUIRE(::recv(server.socket().fd(), arrived.data(), read_before, MSG_WAITALL) ==
                    static_cast<ssize_t>(read_before));
    BOOST_TEST((channel->session().pending_write().size() > 1'000'000));
    channel->cancel(victim);
    ask(next);
    for (int i = 0; i < 200 && arrived.size() < sql.size() + 6; ++i) {
      arrived += server.takes();
      loop.run_until_idle();
    }
    BOOST_TEST((arrived == message('Q', cstring(sql))));
    Peer messenger = cancels.accepts();
    loop.run_until_idle();
    BOOST_TEST(messenger.hears() == "Cancel(7, abcd)");
    messenger.hangs_up();
    server.says(error_response("57014"), ready_for_query());
    loop.run_until_idle();
    BOOST_TEST(server.hears() == "Query(select 'next')");
    server.says(answer("next"));
    loop.run_until_idle();
    BOOST_TEST(next.outcome() == "[next] SELECT 1");
  }
}

// The end of the stream lies behind the reply. Reading once more would meet it, for nothing most times.
BOOST_AUTO_TEST_CASE(a_whole_reply_is_read_at_once) {
  Request a("select 1");
  ask(a);
  server.says(answer("1"));
  server.hangs_up();
  bool open = false;
  a.on_end = [&] { open = channel->is_open(); };
  loop.turn();
  BOOST_TEST(a.outcome() == "[1] SELECT 1");
  BOOST_TEST(open);
  loop.run_until_idle();
  BOOST_TEST(!channel->is_open());
}

BOOST_AUTO_TEST_CASE(an_owner_may_ask_on) {
  Request a("select 1"), b("select 2");
  a.on_end = [&] { ask(b); };
  ask(a);
  server.hears();
  server.says(answer("1"));
  loop.run_until_idle();
  BOOST_TEST(server.hears() == "Query(select 2)");
  server.says(answer("2"));
  loop.run_until_idle();
  BOOST_TEST(b.outcome() == "[2] SELECT 1");
}

BOOST_AUTO_TEST_CASE(an_owner_may_destroy_the_channel) {
  Request a("select 1"), b("select 2");
  a.on_end = [&] { channel.reset(); };
  ask(a);
  ask(b);
  server.says(answer("1") + answer("2"));
  loop.run_until_idle();
  BOOST_TEST(a.outcome() == "[1] SELECT 1");
  BOOST_TEST(b.ended == 0);
  BOOST_TEST(!b.pending());
  BOOST_TEST(closed == 0);
}

BOOST_AUTO_TEST_CASE(an_owner_may_run_the_loop_in_which_another_destroys_the_channel) {
  Request a("select 1"), b("select 2"), c("select 3");
  a.on_end = [&] {
    server.says(answer("2"), answer("3"));
    loop.run_until_idle();
  };
  b.on_end = [&] { channel.reset(); };
  ask(a);
  ask(b);
  ask(c);
  server.says(answer("1"));
  loop.run_until_idle();
  BOOST_TEST(b.outcome() == "[2] SELECT 1");
  BOOST_TEST(c.ended == 0);
}

// --- writing ------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_full_socket_is_waited_for_and_then_no_more) {
  const std::string sql = "select '" + std::string(8 << 20, 'x') + "'";
  Request a(sql);
  ask(a);
  std::string heard = server.takes();
  BOOST_TEST(heard.size() < sql.size());
  for (int i = 0; i < 10'000 && heard.size() < sql.size() + 6; ++i) {
    loop.turn();
    heard += server.takes();
  }
  BOOST_TEST(heard.size() == sql.size() + 6);
  server.says(answer("done"));
  loop.run_until_idle();
  BOOST_TEST(a.outcome() == "[done] SELECT 1");
  BOOST_TEST(!loop.turn());  // a socket that one may write to is nothing to do
}

BOOST_AUTO_TEST_CASE(a_reply_may_come_while_the_request_is_being_written) {  // DT-37
  const std::string sql = "select '" + std::string(8 << 20, 'x') + "'";
  Request a(sql);
  ask(a);
  server.says(error_response("53200"), ready_for_query());
  for (int i = 0; i < 10'000; ++i) {
    const bool turned = loop.turn();
    if (server.takes().empty() && !turned) break;
  }
  BOOST_TEST(a.outcome() == "53200");
  check_usable();
}

// --- reading ------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(work_per_turn_is_bounded) {
  const int size = 4 << 20;
  ::setsockopt(server.socket().fd(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  Request a("select repeat('x', 1000) from generate_series(1, 3000)");
  ask(a);
  const std::string row = data_row({std::string(1000, 'x')});
  std::string reply = row_description({"x"});
  for (int i = 0; i < 3000; ++i) reply += row;
  server.says(reply);
  std::size_t most = 0;
  for (std::size_t told = 0; loop.turn(); told = a.rows) most = std::max(most, a.rows - told);
  BOOST_TEST(a.rows == 3000U);
  BOOST_TEST(most * row.size() <= 512U << 10);  // 256 KiB, and what one more recv() may bring
}

// --- deadlines ----------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(requests_that_beat_their_deadline_do_not_touch_the_timer) {
  Request a("select 1"), b("select 2");
  ask(a, 10s);
  const TimePoint first = loop.next_timer();
  server.says(answer("1"));
  loop.run_until_idle();
  loop.advance(1s);
  ask(b, 10s);
  BOOST_TEST((loop.next_timer() == first));  // armed lazily: it fires for nothing and is armed anew
  server.hears();
  loop.advance(9s);
  BOOST_TEST(b.ended == 0);
  BOOST_TEST((loop.next_timer() == first + 1s));
  loop.advance(1s);
  BOOST_TEST(b.outcome() == "deadline passed");
}

BOOST_AUTO_TEST_CASE(an_earlier_deadline_rearms_the_timer) {
  Request a("select 1"), b("select 2");
  ask(a, 10s);
  ask(b, 1s);
  loop.advance(1s);
  BOOST_TEST(a.ended == 0);
  BOOST_TEST(b.ended == 1);
}

BOOST_AUTO_TEST_CASE(a_deadline_may_be_replaced) {
  Request a("select 1");
  ask(a, 10s);
  channel->set_deadline(a, loop.now() + 1s);
  loop.advance(1s);
  BOOST_TEST(a.outcome() == "deadline passed");
}

BOOST_AUTO_TEST_CASE(a_trickle_does_not_hold_off_a_deadline) {
  Request a("select 1");
  ask(a, 5s);
  const std::string reply = answer(std::string(100, 'x'));
  for (std::size_t i = 0; i < 10; ++i) {
    server.says(reply.substr(i, 1));
    loop.advance(1s);
  }
  BOOST_TEST(a.ended == 1);
  BOOST_TEST(a.outcome() == "deadline passed");
}

// --- ends ---------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(what_the_server_said_before_it_went_is_the_reason) {
  Request a("select 1"), b("select 2");
  ask(a);
  ask(b);
  server.says(error_response("57P01", "FATAL", "terminating connection"));
  server.hangs_up();
  loop.run_until_idle();
  for (const Request* request : {&a, &b}) {
    BOOST_REQUIRE(request->failure());
    BOOST_REQUIRE(request->failure()->server);
    BOOST_TEST(request->failure()->server->sqlstate() == "57P01");
    BOOST_TEST(request->ended == 1);
  }
  BOOST_TEST(closed == 1);
  BOOST_TEST(!channel->is_open());
  BOOST_TEST(channel->is_over());
}

BOOST_AUTO_TEST_CASE(a_fatal_while_idle_is_remembered) {
  server.says(error_response("57P05", "FATAL", "idle session timeout"));
  server.hangs_up();
  loop.run_until_idle();
  BOOST_TEST(closed == 1);
  Request late("select 1");
  BOOST_TEST(!channel->submit(late));
  BOOST_REQUIRE(late.failure() && late.failure()->server);
  BOOST_TEST(late.failure()->server->sqlstate() == "57P05");
}

BOOST_AUTO_TEST_CASE(the_reason_is_read_even_when_writing_fails_first) {
  server.says(error_response("57P01", "FATAL", "terminating connection"));
  server.hangs_up();
  Request a("select 1");  // the loop has not turned: nobody knows yet
  ask(a);
  loop.run_until_idle();
  BOOST_REQUIRE(a.failure() && a.failure()->server);
  BOOST_TEST(a.failure()->server->sqlstate() == "57P01");
}

BOOST_AUTO_TEST_CASE(an_end_without_a_word) {
  Request a("select 1");
  ask(a);
  server.hears();
  server.hangs_up();
  loop.run_until_idle();
  BOOST_TEST(a.outcome() == "connection to the server was lost");
  BOOST_TEST(a.failure()->outcome_unknown);
  BOOST_TEST(closed == 1);
}

BOOST_AUTO_TEST_CASE(a_reset_is_a_lost_connection_too) {
  Request a("select 1");
  ask(a);
  server.hangs_up();  // with the request unread, the system resets the connection
  loop.run_until_idle();
  BOOST_TEST(a.outcome() == "connection to the server was lost");
  BOOST_TEST((a.failure()->system == std::errc::connection_reset));
  BOOST_TEST(describe(*a.failure()).ends_with(": Connection reset by peer"));
}

// NF-04
BOOST_AUTO_TEST_CASE(an_end_that_is_told_of_only_once_is_not_missed) {
  loop.tell_of_errors_once();
  const int size = 4 << 20;
  ::setsockopt(server.socket().fd(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  Request a("select repeat('x', 1000) from generate_series(1, 2000)");
  ask(a);
  server.hears();
  server.says(row_description({"x"}));
  for (int i = 0; i < 2000; ++i) server.says(data_row({std::string(1000, 'x')}));
  server.hangs_up();
  loop.run_until_idle();
  BOOST_TEST(a.rows == 2000U);
  BOOST_TEST(a.outcome() == "connection to the server was lost");
  BOOST_TEST(closed == 1);
}

BOOST_AUTO_TEST_CASE(malformed_bytes_end_the_connection_at_once) {
  Request a("select 1");
  ask(a);
  server.hears();
  server.says(lying_message('Z', 3));
  loop.run_until_idle();
  BOOST_TEST(a.failure()->code == make_error_code(Errc::protocol_violation));
  BOOST_TEST(server.left());
  BOOST_TEST(closed == 1);
}

BOOST_AUTO_TEST_CASE(abort_tells_nobody_before_a_later_turn) {
  Request a("select 1");
  ask(a);
  server.hears();
  channel->abort({Errc::connection_lost, "enough"});
  BOOST_TEST(a.ended == 0);
  BOOST_TEST(closed == 0);
  BOOST_TEST(server.left());  // without a word
  loop.run_until_idle();
  BOOST_TEST(a.ended == 1);
  BOOST_TEST(closed == 1);
  channel->abort({Errc::connection_lost, "once more"});
  loop.run_until_idle();
  BOOST_TEST(closed == 1);
}

BOOST_AUTO_TEST_CASE(terminate_says_goodbye_and_waits_for_the_server) {
  channel->terminate();
  BOOST_TEST(server.hears() == "Terminate");
  loop.run_until_idle();
  BOOST_TEST(closed == 0);
  server.hangs_up();
  loop.run_until_idle();
  BOOST_TEST(closed == 1);
}

// R-B3: what a child does with its parent's connection stays in the child.
BOOST_AUTO_TEST_CASE(a_child_process_finds_it_over) {
  Request running("select pg_sleep(1)");
  ask(running);
  server.hears();
  const pid_t child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    if (!channel->is_inherited()) ::_exit(1);
    Request mine("select 'child'");
    const bool submitted = channel->submit(mine);
    channel->flush();
    channel->terminate();
    ::_exit(submitted || channel->is_open() ? 1 : 0);
  }
  int status = 0;
  BOOST_TEST(::waitpid(child, &status, 0) == child);
  BOOST_TEST(status == 0);
  BOOST_TEST(server.hears() == "");
  server.says(answer("still here"));
  loop.run_until_idle();
  BOOST_TEST(running.outcome() == "[still here] SELECT 1");
  check_usable();
}

BOOST_AUTO_TEST_CASE(requests_die_before_their_channel_and_after_it) {
  auto a = std::make_unique<Request>("select 1");
  Request b("select 2");
  ask(*a);
  ask(b);
  a.reset();  // its reply is swallowed
  server.says(answer("1"), answer("2"));
  loop.run_until_idle();
  BOOST_TEST(b.outcome() == "[2] SELECT 1");
  Request c("select 3");
  ask(c);
  channel.reset();
  BOOST_TEST(!c.pending());
  BOOST_TEST(c.ended == 0);
}

BOOST_AUTO_TEST_SUITE_END()
