// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

struct Numbered {
  std::string_view name;
  int number;
};

Task<std::int64_t> open_portals(Connection& conn) {
  const Result result = co_await conn.query("select count(*) from pg_cursors where name like 'pgstride%'");
  co_return result.value<std::int64_t>();
}

Task<> read_slowly(Connection& conn, int& seen) {
  Transaction tx = co_await conn.begin();
  Cursor rows = conn.cursor("select g, case when g > 4 then pg_sleep(60) end from generate_series(1, 10) g");
  rows.batch(4);
  while (co_await rows.next()) ++seen;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(cursor, Database)

BOOST_AUTO_TEST_CASE(reads_everything_whatever_the_batch) {
  go([](Connection& conn) -> Task<> {
    Transaction tx = co_await conn.begin();
    for (const std::uint32_t batch : {1U, 7U, 100U, 101U, 256U}) {
      Cursor rows = conn.cursor("select g, 'row ' || g from generate_series(1, $1) g", 100);
      rows.batch(batch);
      int expected = 0;
      while (const RowView* row = co_await rows.next()) {
        ++expected;
        BOOST_TEST(row->get<int>(0) == expected);
        BOOST_TEST(row->get<std::string_view>(1) == "row " + std::to_string(expected));
      }
      BOOST_TEST(expected == 100);
      const RowView* after = co_await rows.next();
      BOOST_TEST(after == nullptr);
    }
    const auto open = co_await open_portals(conn);
    BOOST_TEST(open == 0);
    co_await tx.commit();
  });
}

BOOST_AUTO_TEST_CASE(no_rows) {
  go([](Connection& conn) -> Task<> {
    Transaction tx = co_await conn.begin();
    Cursor rows = conn.cursor("select 1 where false");
    const RowView* row = co_await rows.next();
    BOOST_TEST(row == nullptr);
  });
}

BOOST_AUTO_TEST_CASE(the_server_computes_no_more_than_is_read) {
  go([](Connection& conn) -> Task<> {
    co_await conn.execute("create temp sequence s");
    Transaction tx = co_await conn.begin();
    {
      Cursor rows = conn.cursor("select nextval('s') from generate_series(1, 1000)");
      rows.batch(10);
      for (int i = 0; i < 15; ++i) {
        const RowView* row = co_await rows.next();
        BOOST_REQUIRE(row != nullptr);
        BOOST_TEST(row->get<std::int64_t>(0) == i + 1);
      }
    }
    const Result last = co_await conn.query("select last_value from s");
    BOOST_TEST(last.value<std::int64_t>() == 20);
    const auto open = co_await open_portals(conn);
    BOOST_TEST(open == 0);
    co_await tx.commit();
  });
}

BOOST_AUTO_TEST_CASE(two_at_a_time_and_queries_between) {
  go([](Connection& conn) -> Task<> {
    Transaction tx = co_await conn.begin();
    Cursor up = conn.cursor("select generate_series(1, 50)");
    Cursor down = conn.cursor("select generate_series(50, 1, -1)");
    up.batch(3);
    down.batch(5);
    for (int i = 0; i < 50; ++i) {
      const RowView* a = co_await up.next();
      const RowView* b = co_await down.next();
      BOOST_REQUIRE((a && b));
      BOOST_TEST(a->get<int>(0) + b->get<int>(0) == 51);
      const Result between = co_await conn.query("select $1", i);
      BOOST_TEST(between.value<int>() == i);
    }
    co_await tx.commit();
  });
}

BOOST_AUTO_TEST_CASE(needs_a_transaction) {
  go([](Connection& conn) -> Task<> {
    Cursor rows = conn.cursor("select 1");
    std::string what;
    try {
      co_await rows.next();
    } catch (const Error& e) {
      what = e.what();
    }
    BOOST_TEST(what == "a cursor lives inside a transaction block, and there is none");
    const Result after = co_await conn.query("select 1");
    BOOST_TEST(after.value<int>() == 1);
  });
}

BOOST_AUTO_TEST_CASE(errors) {
  go([](Connection& conn) -> Task<> {
    std::string states;
    try {
      Transaction tx = co_await conn.begin();
      Cursor rows = conn.cursor("select nonsense");
      co_await rows.next();
    } catch (const ServerException& e) {
      states += e.sqlstate();
    }
    int seen = 0;
    try {
      Transaction tx = co_await conn.begin();
      Cursor rows = conn.cursor("select 1 / (5 - g) from generate_series(1, 10) g");
      rows.batch(2);
      while (co_await rows.next()) ++seen;
    } catch (const ServerException& e) {
      states += e.sqlstate();
    }
    BOOST_TEST(states == "4270322012");
    BOOST_TEST(seen == 4);
    std::string what;
    try {
      Transaction tx = co_await conn.begin();
      Cursor rows = conn.cursor("select $1::date", std::chrono::year_month_day{});
      co_await rows.next();
    } catch (const Error& e) {
      what = e.what();
    }
    BOOST_TEST(contains(what, "parameter $1"));
    const Result after = co_await conn.query("select 1");
    BOOST_TEST(after.value<int>() == 1);
  });
}

BOOST_AUTO_TEST_CASE(timeout_of_a_batch) {
  go([](Connection& conn) -> Task<> {
    int seen = 0;
    bool timed_out = false;
    try {
      Transaction tx = co_await conn.begin();
      Cursor rows =
          conn.cursor("select g, case when g > 4 then pg_sleep(60) end from generate_series(1, 10) g");
      rows.batch(4).timeout(50ms);
      while (co_await rows.next()) ++seen;
    } catch (const Error& e) {
      timed_out = e.code() == Errc::timed_out;
    }
    BOOST_TEST(timed_out);
    BOOST_TEST(seen == 4);
    const Result after = co_await conn.query("select 1");
    BOOST_TEST(after.value<int>() == 1);
    BOOST_TEST((conn.transaction_status() == TransactionStatus::idle));
  });
}

BOOST_AUTO_TEST_CASE(destroyed_while_it_waits) {
  Connection watcher = another();
  int seen = 0;
  auto reading = read_slowly(connection, seen);
  reading.start();
  loop.run_until([&] { return seen == 4; });
  run(loop, until_busy(watcher, connection.backend_pid(), "select g, case"));
  reading = Task<>();
  const auto after = [](Connection& conn) -> Task<int> {
    const Result result = co_await conn.query("select 9");
    co_return result.value<int>();
  };
  BOOST_TEST(run(loop, after(connection)) == 9);
  BOOST_TEST((connection.transaction_status() == TransactionStatus::idle));
}

BOOST_AUTO_TEST_CASE(of_a_prepared_statement) {
  go([](Connection& conn) -> Task<> {
    Prepared numbers = co_await conn.prepare<int>("select generate_series(1, $1)");
    Transaction tx = co_await conn.begin();
    Cursor rows = numbers.cursor(5);
    int count = 0;
    while (co_await rows.next()) ++count;
    BOOST_TEST(count == 5);
    co_await tx.commit();
  });
}

BOOST_AUTO_TEST_CASE(rows_as_objects) {
  go([](Connection& conn) -> Task<> {
    Transaction tx = co_await conn.begin();
    auto rows =
        conn.cursor_as<Numbered>("select g as number, 'row ' || g as name from generate_series(1, $1) g", 20);
    rows.batch(7);
    int expected = 0;
    while (Numbered* row = co_await rows.next()) {
      ++expected;
      BOOST_TEST(row->number == expected);
      BOOST_TEST(row->name == "row " + std::to_string(expected));
    }
    BOOST_TEST(expected == 20);
    Prepared numbers = co_await conn.prepare<int>("select generate_series(1, $1)");
    auto prepared = numbers.cursor_as<int>(5);
    int sum = 0;
    while (const int* number = co_await prepared.next()) sum += *number;
    BOOST_TEST(sum == 15);
    co_await tx.commit();
  });
}

// Also when there is no row; and nothing is read into what it does not fit.
BOOST_AUTO_TEST_CASE(what_does_not_fit_is_told_each_time) {
  go([](Connection& conn) -> Task<> {
    Transaction tx = co_await conn.begin();
    for (const bool any : {false, true}) {
      auto rows = conn.cursor_as<Numbered>("select 'x' as name, 1::bigint as number where $1", any);
      for (int i = 0; i < 2; ++i) {
        std::string what;
        try {
          co_await rows.next();
        } catch (const Error& e) {
          what = e.what();
        }
        BOOST_TEST(contains(what, "number"), what);
        BOOST_TEST(contains(what, "[select 'x' as name"), what);
      }
    }
    auto values = conn.cursor_as<int>("select nullif(g, 2) from generate_series(1, 2) g");
    const int* first = co_await values.next();
    BOOST_TEST(*first == 1);
    std::string what;
    try {
      co_await values.next();
    } catch (const Error& e) {
      what = e.what();
    }
    BOOST_TEST(contains(what, "NULL"), what);
    BOOST_TEST(contains(what, "[select nullif"), what);
    co_await tx.commit();
  });
}

BOOST_AUTO_TEST_SUITE_END()
