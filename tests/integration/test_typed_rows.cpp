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

struct User {
  int id = 0;
  std::string name;
  std::optional<int> age;
  friend bool operator==(const User&, const User&) = default;
};

struct Renamed {
  int key = 0;
  std::string full_name;
};

struct Pair {
  int first = 0;
  int second = 0;
};

struct Unfit {
  bool id = false;
  std::string nmae;
  std::int16_t age = 0;
};

constexpr const char* two_users =
    "select * from (values (36, 'Ada', 1), (null, 'Grace', 2)) u(age, name, id) order by id";

}  // namespace

template <>
struct pgstride::RowNames<Renamed> : pgstride::Named<"id", "name"> {};
template <>
struct pgstride::RowNames<Pair> : pgstride::ByPosition {};

BOOST_FIXTURE_TEST_SUITE(typed_rows, Database)

BOOST_AUTO_TEST_CASE(aggregates_by_name_in_any_order) {
  go([](Connection& conn) -> Task<> {
    const std::vector<User> users = co_await conn.query_as<User>(two_users);
    BOOST_REQUIRE(users.size() == 2U);
    BOOST_TEST((users[0] == User{1, "Ada", 36}));
    BOOST_TEST((users[1] == User{2, "Grace", std::nullopt}));
  });
}

struct Glance {
  int id = 0;
  std::string_view name;  // lies in the receive buffer
};

BOOST_AUTO_TEST_CASE(each_row_looked_at_as_an_object) {
  go([](Connection& conn) -> Task<> {
    std::string names;
    const auto look = [&](const Glance& user) { names += std::to_string(user.id).append(user.name); };
    const Completion done = co_await conn.each<Glance>(look, "select 'Ada' as name, 1 as id where $1", true);
    BOOST_TEST(done.affected_rows() == 1);
    Prepared users = co_await conn.prepare("select * from (values ('Ada', 1), ('Grace', 2)) u(name, id)");
    co_await users.each<Glance>(look);
    BOOST_TEST(names == "1Ada1Ada2Grace");

    int seen = 0;
    const auto until_third = [&](int) { return ++seen < 3; };
    co_await conn.each<int>(until_third, "select generate_series(1, 100)");
    BOOST_TEST(seen == 3);
    std::string what;
    try {
      co_await conn.each<Glance>(look, "select 1 as id, 2 as name");
    } catch (const Error& e) {
      what = e.what();
    }
    BOOST_TEST(what.find("column \"name\" is int4, which cannot be read into") != std::string::npos, what);
    const std::vector<bool> flags = co_await conn.query_as<bool>("select g = 2 from generate_series(1, 3) g");
    BOOST_TEST((flags == std::vector<bool>{false, true, false}));
  });
}

BOOST_AUTO_TEST_CASE(aggregates_under_other_names_and_by_position) {
  go([](Connection& conn) -> Task<> {
    const Renamed renamed = co_await conn.query_one<Renamed>("select 'x' as name, 5 as id");
    BOOST_TEST(renamed.key == 5);
    BOOST_TEST(renamed.full_name == "x");
    const Pair pair = co_await conn.query_one<Pair>("select $1 + 1, $1 + 2", 10);
    BOOST_TEST(pair.first == 11);
    BOOST_TEST(pair.second == 12);
  });
}

BOOST_AUTO_TEST_CASE(tuples_and_single_values) {
  go([](Connection& conn) -> Task<> {
    const auto rows = co_await conn.query_as<std::tuple<int, std::string>>(
        "select g, 'n' || g from generate_series(1, $1) g", 3);
    BOOST_TEST((rows.at(2) == std::tuple(3, std::string("n3"))));
    const auto numbers = co_await conn.query_as<int>("select generate_series(1, 4)");
    BOOST_TEST((numbers == std::vector{1, 2, 3, 4}));
    const auto count = co_await conn.query_one<std::int64_t>("select count(*) from generate_series(1, 4)");
    BOOST_TEST(count == 4);
    const auto null = co_await conn.query_one<std::optional<int>>("select null::int");
    BOOST_TEST(!null);
  });
}

BOOST_AUTO_TEST_CASE(prepared_statements_too) {
  go([](Connection& conn) -> Task<> {
    const Prepared add = co_await conn.prepare<int>("select $1 + 1 as first, $1 + 2 as second");
    for (int i = 0; i < 3; ++i) {
      const Pair pair = co_await add.query_one<Pair>(i);
      BOOST_TEST(pair.second == i + 2);
    }
    const auto pairs = co_await add.query_as<Pair>(1);
    BOOST_TEST(pairs.size() == 1U);
    const auto maybe = co_await add.query_optional<Pair>(1);
    BOOST_TEST(maybe.has_value());
  });
}

BOOST_AUTO_TEST_CASE(rows_of_a_result) {
  go([](Connection& conn) -> Task<> {
    const Result result = co_await conn.query(two_users);
    BOOST_TEST((result[1].as<User>() == User{2, "Grace", std::nullopt}));
  });
}

BOOST_AUTO_TEST_CASE(one_row_means_one) {
  go([](Connection& conn) -> Task<> {
    const auto none = co_await conn.query_optional<int>("select 1 where false");
    BOOST_TEST(!none);
    const auto some = co_await conn.query_optional<int>("select 1");
    BOOST_TEST((some == 1));
    std::vector<std::string> texts;
    for (const char* sql : {"select 1 where false", "select generate_series(1, 3)"}) {
      try {
        co_await conn.query_one<int>(sql);
      } catch (const Error& e) {
        BOOST_TEST((e.code() == Errc::unexpected_row_count));
        texts.emplace_back(e.what());
      }
    }
    try {
      co_await conn.query_optional<int>("select generate_series(1, 3)");
    } catch (const Error& e) {
      texts.emplace_back(e.what());
    }
    BOOST_REQUIRE(texts.size() == 3U);
    BOOST_TEST(contains(texts[0], "the query returned no row [select 1 where false]"));
    BOOST_TEST(contains(texts[1], "the query returned more than one row"));
    BOOST_TEST(contains(texts[2], "the query returned more than one row"));
    const int after = co_await conn.query_one<int>("select 7");
    BOOST_TEST(after == 7);
  });
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_told_at_once_and_before_the_first_row) {
  go([](Connection& conn) -> Task<> {
    std::string text;
    try {
      co_await conn.query_as<Unfit>("select 1 as id, 'x' as name, 3 as age where false");
    } catch (const Error& e) {
      text = e.what();
    }
    BOOST_TEST(contains(text, "column \"id\" is int4, which cannot be read into bool"));
    BOOST_TEST(contains(text, "there is no column \"nmae\""));
    BOOST_TEST(contains(text, "column \"age\" is int4, which cannot be read into short"));
    BOOST_TEST(contains(text, "no member takes column \"name\""));
    BOOST_TEST(contains(text, "Unfit"));
    try {
      co_await conn.query_as<std::tuple<int, int>>("select 1");
    } catch (const Error& e) {
      text = e.what();
    }
    BOOST_TEST(contains(text, "the result has 1 columns"));
    const int after = co_await conn.query_one<int>("select 7");
    BOOST_TEST(after == 7);
  });
}

// Whoever reads rows, the text names the query.
BOOST_AUTO_TEST_CASE(what_does_not_fit_is_of_a_query) {
  go([](Connection& conn) -> Task<> {
    const char* sql = "select g id, null::text from generate_series(1, 2) g";
    using Values = std::tuple<int, std::string>;
    std::vector<std::string> texts;
    const auto looks = [&](const RowView& row) { (void)row.get<std::string>(1); };
    const auto sees = [](const Values&) {};
    auto asking = [&](auto& request) -> Task<> {
      try {
        co_await request;
      } catch (const Error& e) {
        texts.emplace_back(e.what());
      }
    };
    auto all = conn.query_as<Values>(sql);
    auto each = conn.each(looks, sql);
    auto each_as = conn.each<Values>(sees, sql);
    auto flow = conn.stream_as<Values>(sql);
    auto next = flow.next();
    co_await asking(all);
    co_await asking(each);
    co_await asking(each_as);
    co_await asking(next);
    BOOST_TEST(texts.size() == 4U);
    for (const std::string& text : texts)
      BOOST_TEST(text ==
                 "column \"text\" (text) is NULL, for which std::string has no room; read it into "
                 "std::optional [" +
                     std::string(sql) + "]");
  });
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_may_be_of_another_query) {
  go([](Connection& conn) -> Task<> {
    const Result other = co_await conn.query("select 'x' as word");
    const auto looks = [&](const RowView&) { (void)other[0].get<int>("word"); };
    const auto sees = [&](int) { (void)other[0].as<User>(); };
    std::vector<std::string> texts;
    auto asking = [&](auto& request) -> Task<> {
      try {
        co_await request;
      } catch (const RowError& e) {  // as it was thrown
        texts.emplace_back(e.what());
      }
    };
    auto each = conn.each(looks, "select 1");
    auto each_as = conn.each<int>(sees, "select 1");
    co_await asking(each);
    co_await asking(each_as);
    BOOST_REQUIRE(texts.size() == 2U);
    for (const std::string& text : texts) BOOST_TEST(!contains(text, "select 1"), text);
  });
}

BOOST_AUTO_TEST_CASE(null_needs_an_optional) {
  go([](Connection& conn) -> Task<> {
    std::string text;
    try {
      co_await conn.query_as<User>("select null as name, 1 as id, 2 as age");
    } catch (const Error& e) {
      text = e.what();
    }
    BOOST_TEST(
        text ==
        "column \"name\" (text) is NULL, for which std::string has no room; read it into std::optional "
        "[select null as name, 1 as id, 2 as age]");
    const int after = co_await conn.query_one<int>("select 7");
    BOOST_TEST(after == 7);
  });
}

BOOST_AUTO_TEST_SUITE_END()
