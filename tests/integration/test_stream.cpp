// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

struct Numbered {
  int number;
  std::string name;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(stream, Database)

BOOST_AUTO_TEST_CASE(everything_outside_a_transaction) {
  go([](Connection& conn) -> Task<> {
    Stream rows = conn.stream("select g, repeat('x', 100) from generate_series(1, $1) g", 30'000);
    auto behind = conn.query("select 7");  // has its turn when the stream is over
    int expected = 0;
    while (const RowView* row = co_await rows.next()) {
      ++expected;
      if (row->get<int>(0) != expected || row->get<std::string_view>(1).size() != 100) break;
    }
    BOOST_TEST(expected == 30'000);
    const RowView* after = co_await rows.next();
    BOOST_TEST(after == nullptr);
    const Result result = co_await behind;
    BOOST_TEST(result.value<int>() == 7);
    BOOST_TEST((conn.transaction_status() == TransactionStatus::idle));
  });
}

BOOST_AUTO_TEST_CASE(rows_as_objects) {
  go([](Connection& conn) -> Task<> {
    auto rows =
        conn.stream_as<Numbered>("select 'row ' || g as name, g as number from generate_series(1, 1000) g");
    int expected = 0;
    while (Numbered* row = co_await rows.next()) {
      ++expected;
      if (row->number != expected || row->name != "row " + std::to_string(expected)) break;
    }
    BOOST_TEST(expected == 1000);
    auto none = conn.stream_as<int>("select 1 where false");
    const int* nothing = co_await none.next();
    BOOST_TEST(nothing == nullptr);
  });
}

// What it was to do about its full buffer, it has nobody to do it with.
BOOST_AUTO_TEST_CASE(a_full_one_is_emptied_after_the_connection_has_gone) {
  go([](Database& database) -> Task<> {
    auto conn = std::make_unique<Connection>(database.another());
    Stream rows = conn->stream("select repeat('x', 1000) from generate_series(1, 100000)");
    const RowView* row = co_await rows.next();
    BOOST_TEST(row != nullptr);
    co_await sleep(database.loop, 300ms);
    conn.reset();
    co_await sleep(database.loop, 10ms);
    std::string what;
    try {
      while (co_await rows.next()) {
      }
    } catch (const Error& e) {
      what = e.what();
    }
    BOOST_TEST(contains(what, "the connection was closed"), what);
  });
}

BOOST_AUTO_TEST_CASE(leaving_early_ends_the_query_on_the_server) {
  go([](Connection& conn) -> Task<> {
    for (int i = 0; i < 3; ++i) {
      Stream rows = conn.stream("select generate_series(1, 1000000000), repeat('x', 1000)");
      const RowView* row = co_await rows.next();
      BOOST_TEST(row->get<int>(0) == 1);
    }
    co_await conn.query("select 1").timeout(5s);
  });
}

BOOST_AUTO_TEST_CASE(closing_lets_the_next_one_go) {
  go([](Connection& conn) -> Task<> {
    Stream rows = conn.stream("select generate_series(1, 1000000000), repeat('x', 1000)");
    for (int i = 0; i < 3; ++i) co_await rows.next();
    rows.close();
    const int next = co_await conn.query_one<int>("select 1").timeout(5s);
    BOOST_TEST(next == 1);
    const RowView* row = co_await rows.next();
    BOOST_TEST(row == nullptr);
  });
}

BOOST_AUTO_TEST_CASE(of_a_prepared_statement) {
  go([](Connection& conn) -> Task<> {
    Prepared numbers =
        co_await conn.prepare<int>("select g as number, 'x' as name from generate_series(1, $1) g");
    Stream rows = numbers.stream(5);
    auto objects = numbers.stream_as<Numbered>(6);
    int sum = 0;
    while (const RowView* row = co_await rows.next()) sum += row->get<int>(0);
    while (const Numbered* row = co_await objects.next()) sum += row->number;
    BOOST_TEST(sum == 15 + 21);
  });
}

BOOST_AUTO_TEST_SUITE_END()
