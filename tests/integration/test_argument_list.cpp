// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Arguments that are put together when the program runs, wherever arguments are taken.
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

struct Street {
  std::string name;
  std::optional<int> number;
  friend bool operator==(const Street&, const Street&) = default;
};

Task<std::string> error_in(Task<> task) {
  std::string what;
  try {
    co_await task;
  } catch (const Error& e) {
    what = e.what();
  }
  co_return what;
}

Task<std::int64_t> prepared_statements(Connection& conn) {
  co_return co_await conn.query_one<std::int64_t>(
      "select count(*) from pg_prepared_statements where not statement like '%pg_prepared%'");
}

}  // namespace

template <>
struct pgstride::Codec<Street> : pgstride::CompositeCodec<Street, "al_street"> {};

BOOST_FIXTURE_TEST_SUITE(argument_list, Database)

BOOST_AUTO_TEST_CASE(a_condition_that_grows) {
  go([](Connection& conn) -> Task<> {
    ArgumentList args;
    std::string sql = "select g from generate_series(1, 20) g where g > " + args.add(3);
    const std::optional<int> most = 9;
    if (most) sql += " and g <= " + args.add(*most);
    sql +=
        " and g in (" + args.add(5, std::int64_t{7}, std::int16_t{11}) + ") and " + args.add("x") + " <> ''";
    const std::vector<int> expected{5, 7};
    for (int i = 0; i < 3; ++i) {
      const auto found = co_await conn.query_as<int>(sql, args);
      BOOST_TEST(found == expected);
    }
    const auto count = co_await prepared_statements(conn);
    BOOST_TEST(count == 1);
  });
}

BOOST_AUTO_TEST_CASE(as_many_rows_as_there_are) {
  go([](Connection& conn) -> Task<> {
    co_await conn.execute("create temp table t (id int, name text, score float8)");
    ArgumentList args;
    std::string sql = "insert into t values ";
    for (int i = 0; i < 21'845; ++i) {  // 65 535 arguments
      if (i > 0) sql += ", ";
      const std::optional<double> score = i % 2 == 0 ? std::optional<double>(i / 2.0) : std::nullopt;
      sql += "(" + args.add(i, "name " + std::to_string(i), score) + ")";
    }
    BOOST_TEST(args.size() == most_arguments);
    const Completion done = co_await conn.execute(sql, args);
    BOOST_TEST(done.affected_rows() == 21'845);
    const auto last = co_await conn.query_one<std::tuple<std::string, double>>(
        "select name, score from t where id = 21844");
    BOOST_TEST((last == std::tuple<std::string, double>("name 21844", 10922.0)));
  });
}

BOOST_AUTO_TEST_CASE(wherever_arguments_are_taken) {
  go([](Connection& conn) -> Task<> {
    const std::string sql = "select $1 + $2 as sum";
    ArgumentList args;
    args.add(1, 2);
    const Result result = co_await conn.query(sql, args);
    BOOST_TEST(result.value<int>() == 3);
    const int one = co_await conn.query_one<int>(sql, args);
    BOOST_TEST(one == 3);
    const auto maybe = co_await conn.query_optional<int>(sql, args);
    BOOST_TEST((maybe == 3));
    int seen = 0;
    const auto look = [&](const RowView& row) { seen += row.get<int>(0); };
    const auto look_typed = [&](int value) { seen += value; };
    co_await conn.each(look, sql, args);
    co_await conn.each<int>(look_typed, sql, args);
    BOOST_TEST(seen == 6);
    const Completion done = co_await conn.execute(sql, args);
    BOOST_TEST(done.tag() == "SELECT 1");
    Stream rows = conn.stream(sql, args);
    const RowView* row = co_await rows.next();
    BOOST_REQUIRE(row != nullptr);
    BOOST_TEST(row->get<int>(0) == 3);
    row = co_await rows.next();
    BOOST_TEST(row == nullptr);
    StreamAs<int> numbers = conn.stream_as<int>(sql, args);
    const int* number = co_await numbers.next();
    BOOST_REQUIRE(number != nullptr);
    BOOST_TEST(*number == 3);
    number = co_await numbers.next();

    Batch batch = conn.batch();
    batch.add(sql, args).add("select $1::text", "x").add(sql, args);
    const std::vector<Result> results = co_await batch.run();
    BOOST_TEST(results[2].value<int>() == 3);

    Prepared add = co_await conn.prepare("select $1::int + $2::int");
    const int sum = co_await add.query_one<int>(args);
    BOOST_TEST(sum == 3);
    co_await add.each(look, args);
    co_await add.execute(args);
    BOOST_TEST(seen == 9);

    Transaction tx = co_await conn.begin();
    Cursor cursor = conn.cursor(sql, args);
    row = co_await cursor.next();
    BOOST_REQUIRE(row != nullptr);
    BOOST_TEST(row->get<int>(0) == 3);
    Cursor prepared = add.cursor(args);
    row = co_await prepared.next();
    BOOST_REQUIRE(row != nullptr);
    BOOST_TEST(row->get<int>(0) == 3);
    co_await tx.commit();

    const ArgumentList none;
    const Completion nothing = co_await conn.execute("select 1", none);
    BOOST_TEST(nothing.tag() == "SELECT 1");
  });
}

BOOST_AUTO_TEST_CASE(on_a_pool_it_need_not_outlive_the_call) {
  PoolOptions options{server_options()};
  options.limits.max_size = 1;
  Pool pool(loop, options);
  const auto use = [](Pool& in) -> Task<> {
    Lease lent = co_await in.acquire();  // so that the request waits
    auto args = std::make_unique<ArgumentList>();
    args->add(std::string(100, 'x'), 5);
    auto waiting = in.query_one<std::tuple<std::string, int>>("select $1::text, $2", *args);
    for (int i = 0; i < 1000; ++i) args->add(i);
    args.reset();
    lent.release();
    const auto answer = co_await waiting;
    BOOST_TEST((answer == std::tuple<std::string, int>(std::string(100, 'x'), 5)));
    ArgumentList more;
    more.add(1, 2);
    const Completion done = co_await in.execute("select $1 + $2", more);
    BOOST_TEST(done.tag() == "SELECT 1");
  };
  run(loop, use(pool));
}

BOOST_AUTO_TEST_CASE(named_types_are_what_the_connection_knows_them_as) {
  go([](Connection& conn) -> Task<> {
    co_await conn.execute(
        "create type pg_temp.al_street as (name varchar(20), number int);"
        "set search_path = pg_temp, public");
    ArgumentList args;  // made before anything is known
    const Street street{"Rue X", 5};
    const std::vector<Street> streets{street, Street{"Rue Y", std::nullopt}};
    args.add(street, std::span(streets), 1);
    co_await load_types<Street>(conn);
    using Row = std::tuple<Street, std::vector<Street>, int>;
    const Row row = co_await conn.query_one<Row>("select $1, $2, $3", args);
    BOOST_TEST((row == Row(street, streets, 1)));
    Batch batch = conn.batch();
    batch.add("select $1, $2, $3", args);
    const std::vector<Result> results = co_await batch.run();
    BOOST_TEST((results[0][0].get<std::vector<Street>>(1) == streets));
  });
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_told_as_of_other_arguments) {
  go([](Connection& conn) -> Task<> {
    ArgumentList args;
    args.add(std::int64_t{5}, "x");
    const auto ask = [](const Prepared& query, const ArgumentList& list) -> Task<> {
      co_await query.query(list);
    };
    const auto ask_anew = [](Connection& in, const ArgumentList& list) -> Task<> {
      co_await in.query("select $1::text", list);
    };
    const Prepared by_time = co_await conn.prepare("select $1::timestamptz, $2::text");
    const std::string type = co_await error_in(ask(by_time, args));
    BOOST_TEST(contains(type, "parameter $1 is timestamptz, and long"));
    args.add(3);
    const std::string count = co_await error_in(ask(by_time, args));
    BOOST_TEST(contains(count, "the query has 2 parameters, and 3 arguments were given"));
    const std::string fresh = co_await error_in(ask_anew(conn, args));
    BOOST_TEST(contains(fresh, "the query has 1 parameters, and 3 arguments were given"));
    const int good = co_await conn.query_one<int>("select 1");
    BOOST_TEST(good == 1);
  });
}

BOOST_AUTO_TEST_SUITE_END()
