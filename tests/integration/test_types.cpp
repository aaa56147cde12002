// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Every C++ type that has a codec, to the server and back; the server's own spelling says that it
// understood what was meant.
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono;

namespace {

template <class T>
Task<> check(Connection& conn, T value, std::string_view type, std::string_view text) {
  const std::string sql =
      "select $1::" + std::string(type) + " as value, ($1::" + std::string(type) + ")::text as text";
  const Result result = co_await conn.query(sql, value);
  const T back = result[0].template get<T>("value");
  BOOST_TEST((back == value), "a " << type << " came back changed: " << text);
  const auto spelled = result[0].template get<std::string>("text");
  BOOST_TEST(spelled == text);
  const Result null = co_await conn.query(sql, std::optional<T>());
  const auto none = null[0].template get<std::optional<T>>(0);
  BOOST_TEST(!none.has_value());
}

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> made;
  for (const int value : values) made.push_back(static_cast<std::byte>(value));
  return made;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(types, Database)

BOOST_AUTO_TEST_CASE(sizes_are_numbers_like_others) {
  go([](Connection& conn) -> Task<> {
    const std::vector<int> numbers{1, 2, 3};
    const auto some = co_await conn.query_as<int>("select generate_series(1, 9) limit $1", numbers.size());
    BOOST_TEST(some == numbers, boost::test_tools::per_element());
    BOOST_TEST(
        co_await conn.query_one<std::size_t>("select count(*) from pg_catalog.generate_series(1, 9)") == 9U);
    const std::vector<std::size_t> wanted{7, 8};
    const auto found =
        co_await conn.query_as<int>("select i from generate_series(1, 9) i where i = any($1)", wanted);
    BOOST_TEST(found.size() == 2U);
  });
}

BOOST_AUTO_TEST_CASE(numbers) {
  go([](Connection& conn) -> Task<> {
    co_await check(conn, true, "bool", "true");
    co_await check(conn, std::int16_t{-32768}, "int2", "-32768");
    co_await check(conn, std::numeric_limits<std::int32_t>::min(), "int4", "-2147483648");
    co_await check(conn, std::numeric_limits<std::int64_t>::max(), "int8", "9223372036854775807");
    co_await check(conn, 5LL, "int8", "5");
    co_await check(conn, std::uint32_t{4294967295}, "oid", "4294967295");
    co_await check(conn, std::size_t{9223372036854775807}, "int8", "9223372036854775807");
    co_await check(conn, FullTransactionId{18446744073709551615U}, "xid8", "18446744073709551615");
    co_await check(conn, 1.5F, "float4", "1.5");
    co_await check(conn, 0.1, "float8", "0.1");
    co_await check(conn, std::numeric_limits<double>::infinity(), "float8", "Infinity");
    for (const char* text : {"0", "-12.50", "123456789012345678901234567890.000000001", "NaN"}) {
      const Numeric number = Numeric::from_text(text).value();
      co_await check(conn, number, "numeric", text);
    }
  });
}

BOOST_AUTO_TEST_CASE(text_and_bytes) {
  go([](Connection& conn) -> Task<> {
    co_await check(conn, std::string("grüße, \"quoted\" \\ 'all'"), "text", "grüße, \"quoted\" \\ 'all'");
    co_await check(conn, std::string(), "varchar", "");
    co_await check(conn, std::string("abcde"), "bpchar(5)", "abcde");
    co_await check(conn, std::string("pg_class"), "name", "pg_class");
    co_await check(conn, Json{R"({"a": [1, 2]})"}, "jsonb", R"({"a": [1, 2]})");
    const auto few = bytes({0, 1, 0xff});
    co_await check(conn, few, "bytea", "\\x0001ff");
    const std::string large(3'000'000, 'z');
    co_await check(conn, large, "text", large);
    const Result literal =
        co_await conn.query("select $1 || $2 || $3", "a", std::string_view("b"), std::string("c"));
    BOOST_TEST(literal.value<std::string>() == "abc");
    const char* null = nullptr;
    const Result nulls =
        co_await conn.query("select $1::text, $2::int, $3::text", null, nullptr, std::nullopt);
    BOOST_TEST((nulls[0].is_null(0) && nulls[0].is_null(1) && nulls[0].is_null(2)));
  });
}

BOOST_AUTO_TEST_CASE(text_becomes_what_the_server_wants) {
  go([](Connection& conn) -> Task<> {
    co_await conn.execute("create type pg_temp.mood as enum ('sad', 'happy')");
    const Result result =
        co_await conn.query("select $1::pg_temp.mood, $2::date + 1, $3::int", "happy", "2024-02-28", "12");
    BOOST_TEST(result[0].get<std::string>(0) == "happy");
    BOOST_TEST((result[0].get<sys_days>(1) == sys_days(2024y / February / 29)));
    BOOST_TEST(result[0].get<int>(2) == 12);
  });
}

BOOST_AUTO_TEST_CASE(dates_and_times) {
  go([](Connection& conn) -> Task<> {
    co_await conn.execute("set timezone to 'UTC'; set datestyle to iso; set intervalstyle to postgres");
    const sys_days day = 2024y / February / 29;
    co_await check(conn, day, "date", "2024-02-29");
    co_await check(conn, year_month_day(1999y / December / 31), "date", "1999-12-31");
    co_await check(conn, sys_days::max(), "date", "infinity");
    const sys_time<microseconds> instant = day + 1h + 2min + 3s + 4us;
    co_await check(conn, instant, "timestamptz", "2024-02-29 01:02:03.000004+00");
    co_await check(conn, local_time<microseconds>(instant.time_since_epoch()), "timestamp",
                   "2024-02-29 01:02:03.000004");
    co_await check(conn, Time{86'399'999'999}, "time", "23:59:59.999999");
    co_await check(conn, TimeTz{3'600'000'000, -19'800}, "timetz", "01:00:00-05:30");
    co_await check(conn, Interval{14, -3, 5'000'000}, "interval", "1 year 2 mons -3 days +00:00:05");
  });
}

BOOST_AUTO_TEST_CASE(the_others) {
  go([](Connection& conn) -> Task<> {
    Uuid uuid;
    BOOST_REQUIRE(uuid_from_text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", uuid));
    co_await check(conn, uuid, "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
    co_await check(conn, Point{1.5, -2}, "point", "(1.5,-2)");
    co_await check(conn, Line{1, 2, 3}, "line", "{1,2,3}");
    co_await check(conn, Segment{{0, 1}, {2, 3}}, "lseg", "[(0,1),(2,3)]");
    co_await check(conn, Box{{2, 3}, {0, 1}}, "box", "(2,3),(0,1)");
    co_await check(conn, Circle{{1, 2}, 3}, "circle", "<(1,2),3>");
    co_await check(conn, TupleId{7, 8}, "tid", "(7,8)");
  });
}

BOOST_AUTO_TEST_CASE(arrays) {
  go([](Connection& conn) -> Task<> {
    const std::vector<int> ints{1, -2, 3};
    co_await check(conn, ints, "int4[]", "{1,-2,3}");
    const std::vector<int> none;
    co_await check(conn, none, "int4[]", "{}");
    const std::vector<std::optional<double>> doubles{1.5, std::nullopt};
    co_await check(conn, doubles, "float8[]", "{1.5,NULL}");
    const std::vector<std::string> words{"a", "b,c", "say \"hi\"", "NULL", ""};
    co_await check(conn, words, "text[]", R"({a,"b,c","say \"hi\"","NULL",""})");
    const std::vector<sys_days> days{sys_days(2024y / January / 1)};
    co_await check(conn, days, "date[]", "{2024-01-01}");
    const Result found =
        co_await conn.query("select count(*) from generate_series(1, 10) g where g = any($1)", ints);
    BOOST_TEST(found.value<std::int64_t>() == 2);
  });
}

BOOST_AUTO_TEST_CASE(wider_types_take_narrower_columns) {
  go([](Connection& conn) -> Task<> {
    const Result result = co_await conn.query("select 1::int2, 2::int4, 1.5::float4, '{}'::json, 'x'::name");
    BOOST_TEST((result[0].as<int, std::int64_t, double, std::string, std::string_view>() ==
                std::tuple(1, std::int64_t{2}, 1.5, std::string("{}"), std::string_view("x"))));
  });
}

BOOST_AUTO_TEST_SUITE_END()
