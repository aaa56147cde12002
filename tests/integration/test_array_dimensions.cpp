// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Lists in lists: to the server as arrays, and back.
#include <array>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

template <class T>
using Two = std::vector<std::vector<T>>;
template <class T>
using Three = std::vector<Two<T>>;

enum class Mood { sad, happy };
struct Street {
  std::string name;
  int number = 0;
  friend bool operator==(const Street&, const Street&) = default;
};

struct Board {
  int id = 0;
  Two<std::string> cells;
  std::array<std::array<double, 2>, 2> matrix{};
  std::optional<Two<std::optional<int>>> scores;
  friend bool operator==(const Board&, const Board&) = default;
};

template <class T>
Task<> check(Connection& conn, const T& value, std::string_view type, std::string_view text) {
  const std::string sql = "select $1::" + std::string(type) + ", ($1::" + std::string(type) + ")::text";
  const Result result = co_await conn.query(sql, value);
  const T back = result[0].template get<T>(0);
  BOOST_TEST((back == value), "it came back changed: " << text);
  const auto spelled = result[0].template get<std::string>(1);
  BOOST_TEST(spelled == text);
}

template <class T>
Task<std::string> misfit(Connection& conn, std::string sql) {
  std::string what;
  try {
    co_await conn.query_as<T>(sql);
  } catch (const Error& e) {
    what = e.what();
  }
  co_return what;
}

}  // namespace

template <>
struct pgstride::Codec<Mood> : pgstride::EnumCodec<Mood, "ad_mood"> {};
template <>
struct pgstride::Codec<Street> : pgstride::CompositeCodec<Street, "ad_street"> {};

BOOST_FIXTURE_TEST_SUITE(array_dimensions, Database)

BOOST_AUTO_TEST_CASE(to_the_server_and_back) {
  go([](Connection& conn) -> Task<> {
    const Two<int> numbers{{1, 2, 3}, {4, 5, 6}};
    co_await check(conn, numbers, "int4[]", "{{1,2,3},{4,5,6}}");
    const Two<std::optional<double>> nulls{{0.5, std::nullopt}};
    co_await check(conn, nulls, "float8[]", "{{0.5,NULL}}");
    const Three<std::string> texts{{{"a", "b,c"}}, {{"NULL", ""}}};
    co_await check(conn, texts, "text[]", R"({{{a,"b,c"}},{{"NULL",""}}})");
    const Three<Three<bool>> six{{{{{{true, false}}}}}};
    co_await check(conn, six, "bool[]", "{{{{{{t,f}}}}}}");
    const Two<std::byte> one_dimension{{std::byte{1}}, {}};
    co_await check(conn, one_dimension, "bytea[]", R"({"\\x01","\\x"})");
    const std::array<std::array<int, 2>, 3> fixed{{{1, 2}, {3, 4}, {5, 6}}};
    co_await check(conn, fixed, "int4[]", "{{1,2},{3,4},{5,6}}");
    const std::vector<std::array<int, 2>> pairs{{1, 2}, {3, 4}};
    co_await check(conn, pairs, "int4[]", "{{1,2},{3,4}}");
    const Two<int> none;
    co_await check(conn, none, "int4[]", "{}");
    const Two<std::string> no_texts;
    co_await check(conn, no_texts, "text[]", "{}");
    const auto hollow = co_await conn.query_one<std::string>("select $1::int4[]::text || $2::text[]::text",
                                                             Two<int>(3), Two<std::string>(2));
    BOOST_TEST(hollow == "{}{}");
    const auto sum =
        co_await conn.query_one<std::int64_t>("select sum(x) from unnest($1) x", std::span(pairs));
    BOOST_TEST(sum == 10);
    const auto shifted = co_await conn.query_one<Two<int>>("select '[0:1][5:6]={{1,2},{3,4}}'::int4[]");
    BOOST_TEST((shifted == Two<int>{{1, 2}, {3, 4}}));
  });
}

BOOST_AUTO_TEST_CASE(in_typed_rows_and_as_the_row) {
  go([](Connection& conn) -> Task<> {
    const Board board = co_await conn.query_one<Board>(
        "select 7 as id, '{{a,b},{c,d}}'::text[] as cells, '{{1,0},{0,1}}'::float8[] as matrix,"
        " '{{1},{null}}'::int4[] as scores");
    const Board expected{
        7, {{"a", "b"}, {"c", "d"}}, {{{1, 0}, {0, 1}}}, Two<std::optional<int>>{{1}, {std::nullopt}}};
    BOOST_TEST((board == expected));
    // A std::array as the row has a column for each element.
    const auto row = co_await conn.query_one<std::array<int, 3>>("select 1, 2, 3");
    BOOST_TEST((row == std::array<int, 3>{1, 2, 3}));
    const auto column = co_await conn.query_one<std::tuple<std::array<int, 3>>>("select '{1,2,3}'::int4[]");
    BOOST_TEST((std::get<0>(column) == row));
    const Result result = co_await conn.query("select 1, 2, 3");
    const auto viewed = result[0].as<std::array<int, 3>>();
    BOOST_TEST((viewed == row));
  });
}

BOOST_AUTO_TEST_CASE(in_typed_copies) {
  go([](Connection& conn) -> Task<> {
    co_await conn.execute("create temp table boards (cells text[], numbers int[])");
    const Two<std::string> cells{{"a", "b"}, {"c", ""}};
    const std::array<std::array<int, 2>, 1> numbers{{{1, 2}}};
    auto in = co_await conn.copy_rows_in<Two<std::string>, std::array<std::array<int, 2>, 1>>(
        "copy boards from stdin (format binary)");
    co_await in.write(cells, numbers);
    std::string ragged;
    try {
      (void)in.write({{"a"}, {}}, numbers);
    } catch (const Error& e) {
      ragged = e.what();
    }
    BOOST_TEST(contains(ragged, "column 1 of the COPY: this std::vector<std::vector<"));
    BOOST_TEST(contains(ragged, "cannot be sent: the lists in it are not equally long"));
    co_await in.finish();
    const auto text = co_await conn.query_one<std::string>("select string_agg(b::text, ' ') from boards b");
    BOOST_TEST(text == R"(("{{a,b},{c,""""}}","{{1,2}}"))");
    auto out = conn.copy_rows_out<Two<std::string>, Two<int>>("copy boards to stdout (format binary)");
    auto* row = co_await out.next();
    BOOST_REQUIRE(row != nullptr);
    BOOST_TEST((std::get<0>(*row) == cells));
    row = co_await out.next();
    BOOST_TEST(row == nullptr);
    std::string flat;
    try {
      auto rows = conn.copy_rows_out<std::vector<int>>("copy boards (numbers) to stdout (format binary)");
      while (co_await rows.next()) continue;
    } catch (const Error& e) {
      flat = e.what();
    }
    BOOST_TEST(
        contains(flat, "column 1 of the COPY holds an array of 2 dimensions, and std::vector<int> has 1"));
  });
}

BOOST_AUTO_TEST_CASE(of_types_known_by_name) {
  go([](Connection& conn) -> Task<> {
    co_await conn.execute(
        "create type pg_temp.ad_mood as enum ('sad', 'happy');"
        "create type pg_temp.ad_street as (name varchar(20), number int);"
        "set search_path = pg_temp, public");
    const Two<Mood> moods{{Mood::sad, Mood::happy}};
    const auto same = co_await conn.query_one<Two<Mood>>("select $1::ad_mood[]", moods);
    BOOST_TEST((same == moods));
    co_await load_types<Mood, Street>(conn);
    const Two<Street> streets{{Street{"a", 1}}, {Street{"b", 2}}};
    using Both = std::tuple<Two<Mood>, Two<Street>>;
    const Both both = co_await conn.query_one<Both>("select $1, $2", moods, streets);
    BOOST_TEST((both == Both(moods, streets)));
  });
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_says_what_came_and_what_would) {
  go([](Connection& conn) -> Task<> {
    std::string ragged;
    try {
      const Two<int> lists{{1, 2}, {3}};
      co_await conn.query("select $1, $2::int4[]", 1, lists);
    } catch (const Error& e) {
      ragged = e.what();
    }
    BOOST_TEST(contains(ragged, "parameter $2: this std::vector<std::vector<int>"));
    BOOST_TEST(contains(ragged, "cannot be sent as int4[]: the lists in it are not equally long [select $1"));
    const std::string deep = co_await misfit<std::vector<int>>(conn, "select '{{1,2}}'::int4[] as grid");
    BOOST_TEST(
        contains(deep,
                 "column \"grid\" (int4[]) holds an array of 2 dimensions, and std::vector<int> has 1; "
                 "nest one std::vector for each dimension [select"));
    const std::string flat = co_await misfit<Two<int>>(conn, "select '{1,2}'::int4[] as grid");
    BOOST_TEST(contains(flat, "column \"grid\" (int4[]) holds an array of 1 dimension, and std::vector<"));
    const std::string null = co_await misfit<std::vector<int>>(conn, "select '{1,null}'::int4[] as grid");
    BOOST_TEST(
        contains(null,
                 "column \"grid\" (int4[]) holds an array with a NULL in it, for which std::vector<int> has "
                 "no room; make its elements std::optional [select"));
    const std::string short_of =
        co_await misfit<std::tuple<std::array<int, 3>>>(conn, "select '{1,2}'::int4[] as grid");
    BOOST_TEST(
        contains(short_of, "holds an array of 2 elements, and std::array<int, 3> is not of that size"));
    const int good = co_await conn.query_one<int>("select 1");
    BOOST_TEST(good == 1);
  });
}

BOOST_AUTO_TEST_SUITE_END()
