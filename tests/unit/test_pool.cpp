// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The pool for coroutines with its servers and its clock in the test's hands (R-L5, R-L6, R-L7, R-L11).
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/pool.hpp"
#include "pgstride/driver/transact.hpp"
#include "pgstride/protocol/codec/text.hpp"

#include "tests/support/pooling.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

namespace {

bool contains(std::string_view text, std::string_view piece) {
  return text.find(piece) != std::string_view::npos;
}

// Gives back what it is given.
Task<std::string> ask(Pool& pool, std::string what, Duration limit = unlimited) {
  try {
    const Result result = co_await pool.query("select $1", what).timeout(limit);
    co_return result.value<std::string>();
  } catch (const Error& e) {
    co_return e.what();
  }
}

// A pool of two connections that are idle.
void open_two(Pooling& in) {
  in.open(in.options(2));
  {
    Lease first, second;
    auto one = hold(*in.pool, first), other = hold(*in.pool, second);
    one.start();
    other.start();
    in.settle();
  }
  in.settle();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pool_in_virtual_time, Pooling)

BOOST_AUTO_TEST_CASE(a_request_and_its_reset_leave_together) {
  open(options());
  auto asking = ask(*pool, "answer 1");
  asking.start();
  settle();
  BOOST_TEST(asking.take() == "answer 1");
  // One delivery to the server had both.
  BOOST_TEST(contains(backends[0].heard, "answer 1"));
  BOOST_TEST(contains(backends[0].heard, "RESET ALL"));
  BOOST_TEST(pool->stats().counts.idle == 1u);
  BOOST_TEST(diary.take() == (Notes{"connected 1", "acquired"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(nothing_is_reset_where_nothing_is_left_behind) {
  PoolOptions with = options();
  with.reset_script = "";
  open(with);
  auto asking = ask(*pool, "answer 1");
  asking.start();
  settle();
  BOOST_TEST(asking.take() == "answer 1");
  BOOST_TEST(!contains(backends[0].heard, "RESET"));
  BOOST_TEST(pool->stats().counts.idle == 1u);
  // But no transaction is left to the next.
  const auto leave_open = [](Pool& in) -> Task<> {
    Lease lease = co_await in.acquire();
    co_await lease->execute("begin");
  };
  auto leaving = leave_open(*pool);
  leaving.start();
  settle();
  BOOST_TEST(contains(backends[0].heard, "ROLLBACK"));
}

// Nobody is sent away, and the server is not run over.
BOOST_AUTO_TEST_CASE(a_crowd_waits_for_a_server_that_is_down) {  // SK-8, R-L7
  PoolOptions with = options(10);
  with.limits.longest_backoff = 4s;
  is_down = true;
  open(with);
  std::vector<Task<std::string>> crowd;
  for (int i = 0; i < 1000; ++i) crowd.push_back(ask(*pool, "answer"));
  for (auto& asking : crowd) asking.start();
  pass(60s);
  BOOST_TEST(pool->stats().counts.waiting == 1000U);
  BOOST_TEST(sent_away > 10);
  BOOST_TEST(sent_away < 4 * 60);
  is_down = false;
  pass(5s);
  for (auto& asking : crowd) {
    BOOST_REQUIRE(asking.done());
    BOOST_TEST(asking.take() == "answer");
  }
  BOOST_TEST(backends.size() <= 10U);
}

BOOST_AUTO_TEST_CASE(the_deadline_is_over_waiting_and_asking) {
  open(options());
  Lease lease;
  auto holding = hold(*pool, lease);
  holding.start();
  settle();
  auto asking = ask(*pool, "answer 1", 5s);
  asking.start();
  pass(4s);
  BOOST_TEST(!asking.done());
  backends[0].mute = true;
  lease.release();
  pass(900ms);
  BOOST_TEST(!asking.done());
  pass(200ms);
  BOOST_REQUIRE(asking.done());
  BOOST_TEST(contains(asking.take(), "deadline passed"));
}

BOOST_AUTO_TEST_CASE(who_waits_for_the_default_time_is_told_where_the_connection_is) {
  open(options());
  Lease lease;
  auto holding = hold(*pool, lease);
  holding.start();
  settle();
  diary.take();
  auto asking = ask(*pool, "answer 1", 30s);
  asking.start();
  pass(29s);
  BOOST_TEST(!asking.done());
  pass(1s);
  BOOST_REQUIRE(asking.done());
  const std::string what = asking.take();
  BOOST_TEST(contains(what, "no connection became free in 30.0 s: 1 of 1 are lent"));
  BOOST_TEST(contains(what, "pooling.hpp:"));  // hold()
  BOOST_TEST(diary.take() == Notes{"refused: no connection became free"}, boost::test_tools::per_element());
  BOOST_TEST((diary.waited == 30s));
}

// Where a request of the pool was made is known, too.
BOOST_AUTO_TEST_CASE(a_request_of_the_pool_has_a_place_in_the_program) {
  open(options());
  auto opening = ask(*pool, "answer 0");
  opening.start();
  settle();
  backends[0].mute = true;
  auto first = ask(*pool, "answer 1");
  first.start();
  auto second = ask(*pool, "answer 2", 1s);
  second.start();
  pass(2s);
  BOOST_REQUIRE(second.done());
  BOOST_TEST(contains(second.take(), "acquired at "));
  BOOST_REQUIRE(pool->loans().size() == 1u);
  BOOST_TEST(contains(pool->loans()[0].where.function_name(), "ask"));
}

BOOST_AUTO_TEST_CASE(waiting_can_be_stopped) {
  open(options());
  Lease lease;
  auto holding = hold(*pool, lease);
  holding.start();
  settle();
  diary.take();
  const auto wait = [](Pool& in, std::stop_token token) -> Task<bool> {
    try {
      co_await in.query("select 1").stop(token);
    } catch (const Error& e) {
      co_return e.code() == Errc::cancelled;
    }
    co_return false;
  };
  std::stop_source source;
  auto waiting = wait(*pool, source.get_token());
  waiting.start();
  settle();
  source.request_stop();
  settle();
  BOOST_REQUIRE(waiting.done());
  BOOST_TEST(waiting.take());
  auto too_late = wait(*pool, source.get_token());
  too_late.start();
  settle();
  BOOST_REQUIRE(too_late.done());
  BOOST_TEST(too_late.take());
  lease.release();
  settle();
  BOOST_TEST(pool->stats().counts.idle == 1u);
  BOOST_TEST(diary.take() == (Notes{"refused: operation was cancelled"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_old_and_the_idle_go) {
  PoolOptions with = options(3);
  with.limits.min_size = 1;
  with.limits.max_idle = 60s;
  with.limits.max_lifetime = 1h;
  open(with);
  {
    Lease first, second;
    auto one = hold(*pool, first), other = hold(*pool, second);
    one.start();
    other.start();
    settle();
  }
  settle();
  BOOST_TEST(pool->stats().counts.idle == 2u);
  diary.take();
  pass(61s);
  BOOST_TEST(pool->stats().counts.idle == 1u);
  const Notes idle = diary.take();
  BOOST_REQUIRE(idle.size() == 1u);
  BOOST_TEST(contains(idle[0], " idle for too long"));
  pass(1h);
  const Notes old = diary.take();
  BOOST_REQUIRE(old.size() == 2u);
  BOOST_TEST(contains(old[0], " too old"));
  BOOST_TEST(old[1] == "connected 3");
  pool->expire();
  auto asking = ask(*pool, "answer 1");
  asking.start();
  settle();
  BOOST_TEST(asking.take() == "answer 1");
  BOOST_TEST(diary.take() == (Notes{"3 expired", "connected 4", "acquired"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_was_idle_for_long_is_asked_first) {
  PoolOptions with = options();
  with.limits.check_after = 30s;
  open(with);
  auto first = ask(*pool, "answer 1");
  first.start();
  settle();
  pass(31s);
  diary.take();
  backends[0].mute = true;  // the machine between us has forgotten the connection
  auto asking = ask(*pool, "answer 2");
  asking.start();
  pass(4s);
  BOOST_TEST(!asking.done());
  pass(2s);
  BOOST_REQUIRE(asking.done());
  BOOST_TEST(asking.take() == "answer 2");
  BOOST_TEST(diary.take() == (Notes{"1 check failed", "connected 2", "acquired"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_reset_that_is_not_answered) {
  open(options());
  auto first = ask(*pool, "answer 1");
  first.start();
  settle();
  diary.take();
  {
    Lease lease;
    auto holding = hold(*pool, lease);
    holding.start();
    auto asking = [](Lease& on) -> Task<> { co_await on->query("select 2"); }(lease);
    asking.start();
    settle();
    backends[0].mute = true;
  }
  pass(9s);
  BOOST_TEST(pool->stats().counts.resetting == 1u);
  pass(10s);
  BOOST_TEST(pool->stats().counts.size() == 0u);
  BOOST_TEST(diary.take() == (Notes{"acquired", "1 not reset"}), boost::test_tools::per_element());
}

// A reset that left with a long query has its own time, not the query's.
BOOST_AUTO_TEST_CASE(a_long_request_does_not_make_its_reset_late) {
  open(options());
  auto first = ask(*pool, "answer 1");
  first.start();
  settle();
  backends[0].mute = true;
  auto asking = ask(*pool, "answer 1");
  asking.start();
  pass(1min);
  BOOST_TEST(!asking.done());
  BOOST_TEST(pool->stats().counts.leased == 1u);
  backends[0].peer.says(bind_complete(), data_row({"late"}), command_complete("SELECT 1"), ready_for_query());
  settle();
  BOOST_TEST(asking.take() == "late");
  backends[0].peer.says(command_complete("RESET"), ready_for_query());
  settle();
  BOOST_TEST(pool->stats().counts.idle == 1u);
}

BOOST_AUTO_TEST_CASE(nobody_home_then_somebody) {
  const PoolOptions with = options(4);
  {
    ScriptedServer gone;
    std::swap(gone, server);
    gone.closes();
  }
  // The address that the options name is now refused.
  open(with);
  std::vector<Task<std::string>> asking;
  for (int i = 0; i < 4; ++i) asking.push_back(ask(*pool, "answer 1", 10s));
  for (auto& each : asking) each.start();
  pass(10s);
  for (auto& each : asking) {
    BOOST_REQUIRE(each.done());
    BOOST_TEST(contains(each.take(), "connecting failed: "));
  }
  const std::uint64_t failed = pool->stats().counts.failed;
  BOOST_TEST(failed >= 4u);
  BOOST_TEST(failed < 40u);  // ever longer pauses, for all of them together
  pass(10min);
  BOOST_TEST(pool->stats().counts.failed == failed);  // nobody wants one: nobody tries
}

BOOST_AUTO_TEST_CASE(one_that_dies_makes_the_others_be_asked) {
  open_two(*this);
  diary.take();
  backends[1].peer.says(error_response("57P01", "FATAL"));
  backends[1].peer.hangs_up();
  settle();
  BOOST_TEST(diary.take() == Notes{"2 lost"}, boost::test_tools::per_element());
  auto asking = ask(*pool, "answer 1");
  asking.start();
  loop.run_until_idle();
  BOOST_TEST(backends[0].peer.hears() == "Query()");  // are you there?
  backends[0].peer.says(empty_query_response(), ready_for_query());
  settle();
  BOOST_TEST(asking.take() == "answer 1");
}

// Its user gives it back before the pool has been told, and asks again at once.
BOOST_AUTO_TEST_CASE(so_does_one_that_dies_while_it_is_lent) {
  open_two(*this);
  const auto insist = [](Pool& in) -> Task<std::string> {
    const std::string failure = co_await ask(in, "answer 1");
    co_return failure + ", then " + co_await ask(in, "answer 2");
  };
  auto asking = insist(*pool);
  asking.start();
  const std::size_t dying = contains(backends[0].peer.hears(), "answer 1") ? 0 : 1;
  backends[dying].peer.hangs_up();
  loop.run_until_idle();
  BOOST_TEST(backends[1 - dying].peer.hears() == "Query()");
  backends[1 - dying].peer.says(empty_query_response(), ready_for_query());
  settle();
  BOOST_TEST(contains(asking.take(), "then answer 2"));
}

BOOST_AUTO_TEST_CASE(a_transaction_on_the_pool) {
  open(options());
  const auto work = [](Pool& in) -> Task<std::string> {
    const auto body = [](Connection& conn) -> Task<std::string> {
      const Result result = co_await conn.query("select 1");
      co_return result.value<std::string>();
    };
    Task<std::string> transaction = transact(in, body);
    co_return co_await transaction;
  };
  auto working = work(*pool);
  working.start();
  settle();
  BOOST_REQUIRE(working.done());
  BOOST_TEST(working.take() == "select 1");
  BOOST_TEST(pool->stats().counts.idle == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
