// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <stop_token>
#include <string>
#include <tuple>
#include <utility>

#include "pgstride/driver/coro/run.hpp"

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

Task<> sleep_there(Connection& conn, double seconds) { co_await conn.query("select pg_sleep($1)", seconds); }

Task<> check_usable(Connection& conn) {
  const auto begin = Clock::now();
  const Result result = co_await conn.query("select 42");
  BOOST_TEST(result.value<int>() == 42);
  BOOST_TEST((Clock::now() - begin < 5s));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(cancel, Database)

BOOST_AUTO_TEST_CASE(a_timeout_is_kept_and_the_connection_stays) {
  go([](Connection& conn) -> Task<> {
    const auto begin = Clock::now();
    bool timed_out = false;
    try {
      co_await conn.query("select pg_sleep(60)").timeout(50ms);
    } catch (const Error& e) {
      timed_out = e.code() == Errc::timed_out;
      BOOST_TEST(e.outcome_unknown());
      BOOST_TEST(e.what() == "deadline passed [select pg_sleep(60)]");
    }
    BOOST_TEST(timed_out);
    BOOST_TEST((Clock::now() - begin >= 50ms));
    co_await check_usable(conn);
    BOOST_TEST((Clock::now() - begin < 5s));
    BOOST_TEST(conn.is_open());
  });
}

BOOST_AUTO_TEST_CASE(a_deadline_that_is_not_reached) {
  go([](Connection& conn) -> Task<> {
    auto query = conn.query("select 1");
    query.deadline(Clock::now() + 30s);
    const Result result = co_await query;
    BOOST_TEST(result.value<int>() == 1);
    const Completion done = co_await conn.execute("select 1; select 2").timeout(30s);
    BOOST_TEST(done.tag() == "SELECT 1");
  });
}

BOOST_AUTO_TEST_CASE(a_deadline_and_a_stop_for_a_request_whose_connection_has_gone) {
  go([](Database& database) -> Task<> {
    auto conn = std::make_unique<Connection>(database.another());
    auto query = conn->query("select 1");
    conn.reset();
    co_await sleep(database.loop, 10ms);
    std::stop_source source;
    query.timeout(1s).deadline(Clock::now()).stop(source.get_token());
    source.request_stop();
    std::string what;
    try {
      co_await query;
    } catch (const Error& e) {
      what = e.what();
    }
    BOOST_TEST(contains(what, "the connection was closed"), what);
  });
}

BOOST_AUTO_TEST_CASE(a_deadline_in_the_past) {
  go([](Connection& conn) -> Task<> {
    int timed_out = 0;
    for (const Duration limit : {Duration(0), Duration(-1s), Duration(1us)}) {
      try {
        co_await conn.query("select pg_sleep(60)").timeout(limit);
      } catch (const Error& e) {
        timed_out += e.code() == Errc::timed_out;
      }
      co_await check_usable(conn);
    }
    BOOST_TEST(timed_out == 3);
  });
}

BOOST_AUTO_TEST_CASE(a_query_that_nobody_awaits_is_not_sent) {
  go([](Connection& conn) -> Task<> {
    co_await conn.execute("create temp table n (a int)");
    { auto dropped = conn.query("insert into n values (1)"); }
    const Result result = co_await conn.query("select count(*) from n");
    BOOST_TEST(result.value<std::int64_t>() == 0);
  });
}

BOOST_AUTO_TEST_CASE(destroying_a_waiting_coroutine_cancels) {
  Connection watcher = another();
  for (int i = 0; i < 5; ++i) {
    auto waiting = sleep_there(connection, 60);
    waiting.start();
    run(loop, until_busy(watcher, connection.backend_pid(), "select pg_sleep"));
    waiting = Task<>();
    run(loop, check_usable(connection));
  }
  BOOST_TEST(connection.is_open());
}

// A cancel request that is late must not hit what comes after its victim (R-C6).
BOOST_AUTO_TEST_CASE(the_fence_holds) {
  go([](Connection& conn) -> Task<> {
    int timed_out = 0;
    for (int i = 0; i < 100; ++i) {
      try {
        co_await conn.query("select pg_sleep(0.002)").timeout(std::chrono::microseconds(500 + 30 * i));
      } catch (const Error& e) {
        BOOST_TEST((e.code() == Errc::timed_out));
        ++timed_out;
      }
      const Result after = co_await conn.query("select pg_sleep(0.001), $1::int", i);
      BOOST_TEST(after[0].get<int>(1) == i);
    }
    BOOST_TEST(timed_out > 0);
  });
}

BOOST_AUTO_TEST_CASE(dropping_one_of_a_pipeline_leaves_the_others) {
  go([](Connection& conn) -> Task<> {
    auto first = conn.query("select pg_sleep(0.02), 1");
    {
      auto dropped = conn.query("select 2");
      auto third = conn.query("select 3");
      const Result result = co_await third;
      BOOST_TEST(result.value<int>() == 3);
    }
    const Result result = co_await first;
    BOOST_TEST(result[0].get<int>(1) == 1);
  });
}

BOOST_AUTO_TEST_CASE(cancelled_from_outside_is_a_server_error) {
  Connection watcher = another();
  auto waiting = sleep_there(connection, 60);
  waiting.start();
  run(loop, until_busy(watcher, connection.backend_pid(), "select pg_sleep"));
  const auto cancel = [](Connection& conn, std::int32_t pid) -> Task<> {
    co_await conn.query("select pg_cancel_backend($1)", pid);
  };
  run(loop, cancel(watcher, connection.backend_pid()));
  loop.run_until([&] { return waiting.done(); });
  BOOST_CHECK_EXCEPTION(waiting.take(), ServerException,
                        [](const auto& e) { return e.sqlstate() == sqlstate::query_canceled; });
  run(loop, check_usable(connection));
}

BOOST_AUTO_TEST_CASE(when_all_over_two_connections) {
  Connection second = another();
  const auto fetch = [](Connection& conn, int value) -> Task<int> {
    const Result result = co_await conn.query("select $1 + 1", value);
    co_return result.value<int>();
  };
  BOOST_TEST((run(loop, when_all(fetch(connection, 1), fetch(second, 2), fetch(connection, 3))) ==
              std::tuple(2, 3, 4)));
}

BOOST_AUTO_TEST_CASE(the_same_while_a_sibling_waits_is_destroyed) {
  Connection second = another();
  Connection watcher = another();
  auto both = when_all(sleep_there(connection, 60), sleep_there(second, 60));
  both.start();
  run(loop, until_busy(watcher, connection.backend_pid(), "select pg_sleep"));
  run(loop, until_busy(watcher, second.backend_pid(), "select pg_sleep"));
  both = {};
  run(loop, check_usable(connection));
  run(loop, check_usable(second));
}

BOOST_AUTO_TEST_SUITE_END()
