// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

constexpr std::size_t row_size = 4 + 4;  // on the wire: a length, and an int4
constexpr const char* count_to = "select generate_series(1, $1::int4)";
constexpr const char* endless =
    "select repeat('x', 1000) from generate_series(1, 10000) a, generate_series(1, 10000) b";

ConnectOptions limited(std::uint64_t rows, std::uint64_t bytes = UINT64_MAX) {
  ConnectOptions options = server_options();
  options.max_rows = rows;
  options.max_result_bytes = bytes;
  return options;
}

/// What becomes of a request: "fine", or the text of the Error, whose code has been looked at.
template <class Request>
Task<std::string> outcome_of(Request request) {
  try {
    co_await request();
  } catch (const Error& e) {
    BOOST_TEST((e.code() == Errc::result_too_large));
    co_return std::string(e.what()).substr(0, std::string(e.what()).find(" ["));
  }
  co_return "fine";
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(result_limits, Database)  // R-M7, DT-21

BOOST_AUTO_TEST_CASE(rows_and_bytes) {
  struct Case {
    std::uint64_t rows, bytes;
    int sent;
    const char* outcome;
  };
  const Case cases[] = {
      {1, UINT64_MAX, 1, "fine"},
      {1, UINT64_MAX, 2, "result is too large: more than 1 rows (max_rows)"},
      {500, UINT64_MAX, 500, "fine"},
      {500, UINT64_MAX, 501, "result is too large: more than 500 rows (max_rows)"},
      {500, UINT64_MAX, 100'000, "result is too large: more than 500 rows (max_rows)"},
      {UINT64_MAX, row_size - 1, 1, "result is too large: more than 7 bytes (max_result_bytes)"},
      {UINT64_MAX, row_size * 10, 20, "result is too large: more than 80 bytes (max_result_bytes)"},
      {UINT64_MAX, row_size * 19, 20, "result is too large: more than 152 bytes (max_result_bytes)"},
      {UINT64_MAX, row_size * 20, 20, "fine"},
  };
  for (const Case& c : cases) {
    Connection conn = another(limited(c.rows, c.bytes));
    const std::string kept = run(loop, outcome_of([&] { return conn.query(count_to, c.sent); }));
    BOOST_TEST(kept == c.outcome);
    const std::string read = run(loop, outcome_of([&] { return conn.query_as<int>(count_to, c.sent); }));
    BOOST_TEST(read == c.outcome);
    const Completion after = run(loop, [](Connection& usable) -> Task<Completion> {
      co_return co_await usable.execute("select 42");
    }(conn));
    BOOST_TEST(after.tag() == "SELECT 1");
  }
}

BOOST_AUTO_TEST_CASE(the_rest_is_cancelled_on_the_server) {
  Connection conn = another(limited(1000));
  const auto begin = Clock::now();
  const std::string outcome = run(loop, outcome_of([&] { return conn.query(endless); }));
  BOOST_TEST(outcome == "result is too large: more than 1000 rows (max_rows)");
  const std::string next = run(loop, outcome_of([&] { return conn.query(count_to, 1000); }));
  BOOST_TEST(next == "fine");
  BOOST_TEST((Clock::now() - begin < 30s));
}

BOOST_AUTO_TEST_CASE(neighbours_get_their_replies) {
  go([](Database& db) -> Task<> {
    Connection conn = co_await connect(db.loop, limited(2));
    auto before = conn.query(count_to, 2);
    auto over = conn.query(count_to, 100'000);
    auto behind = conn.query(count_to, 1);
    const Result first = co_await before;
    BOOST_TEST(first.size() == 2);
    bool refused = false;
    try {
      const Result none = co_await over;
    } catch (const Error& e) {
      refused = e.code() == Errc::result_too_large;
    }
    BOOST_TEST(refused);
    const Result last = co_await behind;
    BOOST_TEST(last.size() == 1);
  });
}

BOOST_AUTO_TEST_CASE(several_results_share_the_limits) {
  Connection conn = another(limited(3));
  const char* refused = "result is too large: more than 3 rows (max_rows)";
  const std::string script =
      run(loop, outcome_of([&] {
            return conn.query_script("select generate_series(1, 2); select generate_series(1, 2)");
          }));
  BOOST_TEST(script == refused);
  Batch few = conn.batch();
  few.add(count_to, 2).add(count_to, 1);
  const std::string fits = run(loop, outcome_of([&] { return few.run(); }));
  BOOST_TEST(fits == "fine");
  Batch many = conn.batch();
  many.add(count_to, 2).add(count_to, 2);
  const std::string batch = run(loop, outcome_of([&] { return many.run(); }));
  BOOST_TEST(batch.ends_with(refused));
}

BOOST_AUTO_TEST_CASE(what_is_not_kept_is_not_limited) {
  go([](Database& db) -> Task<> {
    Connection conn = co_await connect(db.loop, limited(1, 10));
    int seen = 0;
    co_await conn.each([&](const RowView&) { ++seen; }, count_to, 1000);
    BOOST_TEST(seen == 1000);
    Stream rows = conn.stream(count_to, 1000);
    while (co_await rows.next() != nullptr) --seen;
    BOOST_TEST(seen == 0);
    const Completion dropped = co_await conn.execute("select generate_series(1, 1000)");
    BOOST_TEST(dropped.tag() == "SELECT 1000");
  });
}

BOOST_AUTO_TEST_CASE(by_name) {
  ConnectOptions options("postgres://h/d?max_rows=10&max_result_bytes=4096");
  BOOST_TEST(options.max_rows == 10);
  BOOST_TEST(options.max_result_bytes == 4096);
  OptionError error;
  BOOST_TEST(!options.set("max_rows", "0", error));
  BOOST_TEST(error.message() == "option \"max_rows\": must be a number, 1 or more");
}

BOOST_AUTO_TEST_SUITE_END()
