// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

Task<std::int64_t> prepared_statements(Connection& conn) {
  Prepared ask = co_await conn.prepare(
      "select count(*) from pg_prepared_statements where not statement like '%pg_prepared%'");
  const Result result = co_await ask.query();
  co_return result.value<std::int64_t>();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(query, Database)

BOOST_AUTO_TEST_CASE(rows_and_completion) {
  go([](Connection& conn) -> Task<> {
    const Result result = co_await conn.query("select g, 'n' || g as name from generate_series(1, $1) g", 3);
    BOOST_TEST(result.size() == 3U);
    BOOST_TEST(result.tag() == "SELECT 3");
    BOOST_TEST(result.affected_rows() == 3);
    BOOST_TEST(result.columns()[1].name == "name");
    BOOST_TEST((result[2].as<int, std::string_view>() == std::tuple(3, std::string_view("n3"))));
  });
}

BOOST_AUTO_TEST_CASE(no_rows_and_no_result) {
  go([](Connection& conn) -> Task<> {
    const Result none = co_await conn.query("select 1 where false");
    BOOST_TEST(none.empty());
    BOOST_TEST(none.columns().size() == 1U);
    const Result no_columns = co_await conn.query("select from generate_series(1, 3)");
    BOOST_TEST(no_columns.size() == 3U);
    BOOST_TEST(no_columns.columns().empty());
    const Result command = co_await conn.query("create temp table t (a int)");
    BOOST_TEST(command.tag() == "CREATE TABLE");
    BOOST_TEST(command.affected_rows() == -1);
    const Result inserted = co_await conn.query("insert into t values ($1), ($2) returning a", 1, 2);
    BOOST_TEST(inserted.affected_rows() == 2);
    BOOST_TEST(inserted.size() == 2U);
    const Result empty = co_await conn.query("");
    BOOST_TEST(empty.tag() == "");
  });
}

BOOST_AUTO_TEST_CASE(results_outlive_the_connection) {
  Result result;
  {
    Connection short_lived = another();
    const auto fetch = [](Connection& c) -> Task<Result> {
      co_return co_await c.query("select 'kept' as word, 7");
    };
    result = run(loop, fetch(short_lived));
  }
  BOOST_TEST(result[0].get<std::string_view>("word") == "kept");
  BOOST_TEST(result[0].get<int>(1) == 7);
}

BOOST_AUTO_TEST_CASE(each_sees_every_row) {
  go([](Connection& conn) -> Task<> {
    std::int64_t sum = 0;
    const auto add = [&](const RowView& row) { sum += row.get<int>(0); };
    const Completion done = co_await conn.each(add, "select g from generate_series(1, $1) g", 1000);
    BOOST_TEST(sum == 500500);
    BOOST_TEST(done.affected_rows() == 1000);

    int seen = 0;
    const auto until_third = [&](const RowView&) { return ++seen < 3; };
    co_await conn.each(until_third, "select generate_series(1, 100)");
    BOOST_TEST(seen == 3);
  });
}

BOOST_AUTO_TEST_CASE(what_each_throws_comes_out) {
  go([](Connection& conn) -> Task<> {
    std::string what;
    try {
      const auto fail = [](const RowView&) { throw std::out_of_range("enough"); };
      co_await conn.each(fail, "select generate_series(1, 100)");
    } catch (const std::out_of_range& e) {
      what = e.what();
    }
    BOOST_TEST(what == "enough");
    const auto wrong = [](const RowView& row) { (void)row.get<bool>(0); };
    try {
      co_await conn.each(wrong, "select 1 as one");
    } catch (const Error& e) {
      what = e.what();
    }
    BOOST_TEST(what == "column \"one\" is int4, which cannot be read into bool [select 1 as one]");
    const Result after = co_await conn.query("select 5");
    BOOST_TEST(after.value<int>() == 5);
  });
}

BOOST_AUTO_TEST_CASE(scripts_of_several_statements) {
  go([](Connection& conn) -> Task<> {
    const Completion done = co_await conn.execute(
        "create temp table s (a int); insert into s select generate_series(1, 5); select * from s; delete "
        "from s where a > 3");
    BOOST_TEST(done.tag() == "DELETE 2");
    BOOST_TEST(done.affected_rows() == 2);
    BOOST_TEST((done.earlier_tags() == std::vector<std::string>{"CREATE TABLE", "INSERT 0 5", "SELECT 5"}));
    const Completion updated = co_await conn.execute("update s set a = a + $1", 10);
    BOOST_TEST(updated.tag() == "UPDATE 3");
  });
}

BOOST_AUTO_TEST_CASE(prepared) {
  go([](Connection& conn) -> Task<> {
    Prepared add = co_await conn.prepare<int, int>("select $1 + $2 as sum");
    BOOST_TEST((add.parameters() == std::vector<Oid>{oid::int4, oid::int4}));
    BOOST_TEST(add.columns()[0].name == "sum");
    for (int i = 0; i < 3; ++i) {
      const Result result = co_await add.query(i, 10);
      BOOST_TEST(result.value<int>() == i + 10);
    }
    const auto before = co_await prepared_statements(conn);
    add = co_await conn.prepare("select 1");
    const auto after = co_await prepared_statements(conn);  // the first was closed
    BOOST_TEST(before == after);
  });
}

BOOST_AUTO_TEST_CASE(what_a_prepared_statement_was_moved_from_stands_for_it_too) {
  go([](Connection& conn) -> Task<> {
    Prepared one = co_await conn.prepare("select 1");
    Prepared moved = std::move(one);
    BOOST_TEST(one.sql() == "select 1");
    const int again = co_await one.query_one<int>();
    BOOST_TEST(again == 1);
    const int further = co_await moved.query_one<int>();
    BOOST_TEST(further == 1);
  });
}

BOOST_AUTO_TEST_CASE(prepared_refuses_arguments_that_do_not_fit) {
  go([](Connection& conn) -> Task<> {
    Prepared by_time = co_await conn.prepare("select $1::timestamptz, $2::text");
    std::string what;
    try {
      co_await by_time.query(std::int64_t{5}, "x");
    } catch (const Error& e) {
      what = e.what();
    }
    BOOST_TEST(contains(what, "parameter $1 is timestamptz, and long"));
    BOOST_TEST(contains(what, "is sent as int8"));
    try {
      co_await by_time.query("2000-01-01");
    } catch (const Error& e) {
      what = e.what();
    }
    BOOST_TEST(contains(what, "the query has 2 parameters, and 1 arguments were given"));
    const Result good = co_await by_time.query("2000-01-01 00:00:00Z", nullptr);
    BOOST_TEST(good[0].is_null(1));
  });
}

BOOST_AUTO_TEST_CASE(statements_are_prepared_once) {
  go([](Connection& conn) -> Task<> {
    for (int i = 0; i < 5; ++i) co_await conn.query("select $1::int", i);
    co_await conn.query("select $1::int", "7");  // other types: another statement
    const auto count = co_await prepared_statements(conn);
    BOOST_TEST(count == 2);
  });
}

BOOST_AUTO_TEST_CASE(the_cache_drops_the_oldest) {
  ConnectOptions options = server_options();
  options.statement_cache_size = 2;
  Connection small = another(options);
  const auto use = [](Connection& conn) -> Task<> {
    for (int i = 0; i < 10; ++i) {
      const std::string sql = "select " + std::to_string(i);
      const Result result = co_await conn.query(sql);
      BOOST_TEST(result.value<int>() == i);
    }
    const auto count = co_await prepared_statements(conn);
    BOOST_TEST(count == 2);
  };
  run(loop, use(small));
}

BOOST_AUTO_TEST_CASE(without_a_cache_nothing_stays_prepared) {
  ConnectOptions options = server_options();
  options.statement_cache_size = 0;
  Connection plain = another(options);
  const auto use = [](Connection& conn) -> Task<> {
    auto a = conn.query("select $1::int", 1);
    auto b = conn.query("select $1::text", "two");
    auto c = conn.query("select $1::int", 3);
    const Result first = co_await a;
    const Result second = co_await b;
    const Result third = co_await c;
    BOOST_TEST(first.value<int>() == 1);
    BOOST_TEST(second.value<std::string>() == "two");
    BOOST_TEST(third.value<int>() == 3);
    const Result named = co_await conn.query("select count(*) from pg_prepared_statements where name <> ''");
    BOOST_TEST(named.value<std::int64_t>() == 0);
  };
  run(loop, use(plain));
}

BOOST_AUTO_TEST_CASE(the_cache_heals) {  // R-X3, R-Q1
  go([](Connection& conn) -> Task<> {
    co_await conn.execute("create temp table h (a int); insert into h values (1)");
    const Result one = co_await conn.query("select * from h");
    BOOST_TEST(one.columns().size() == 1U);

    co_await conn.execute("alter table h add column b text");
    std::string state;
    try {
      co_await conn.query("select * from h");
    } catch (const ServerException& e) {
      state = e.sqlstate();
    }
    BOOST_TEST(state == sqlstate::feature_not_supported);
    const Result two = co_await conn.query("select * from h");
    BOOST_TEST(two.columns().size() == 2U);

    co_await conn.execute("deallocate all");
    const Result three = co_await conn.query("select * from h");
    BOOST_TEST(three.size() == 1U);
  });
}

BOOST_AUTO_TEST_SUITE_END()
