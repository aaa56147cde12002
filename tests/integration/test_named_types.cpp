// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Types that the database's users have made, as C++ types, addressed by name.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

enum class Mood { sad, ok, happy };
enum class Level { low = 10, high = 2000 };

struct Street {
  std::string name;
  std::optional<int> number;
  friend bool operator==(const Street&, const Street&) = default;
};
struct Place {
  Street street;
  Mood mood{};
  std::vector<std::string> tags;
  friend bool operator==(const Place&, const Place&) = default;
};
struct Email {
  std::string text;
  friend bool operator==(const Email&, const Email&) = default;
};
struct Count {
  int value = 0;
  friend bool operator==(const Count&, const Count&) = default;
};
struct Spot {
  Mood mood{};
  std::vector<Count> counts;
  friend bool operator==(const Spot&, const Spot&) = default;
};
struct Words {
  std::vector<std::string> all;
  friend bool operator==(const Words&, const Words&) = default;
};
struct Tagged {
  Count count;
  Words words;
  friend bool operator==(const Tagged&, const Tagged&) = default;
};
struct Gone {
  int x = 0;
};

int major_version(const Connection& conn) {
  return std::atoi(std::string(conn.parameter("server_version")).c_str());
}

}  // namespace

template <>
struct pgstride::Codec<Mood> : pgstride::EnumCodec<Mood, "ntt.mood"> {};
template <>
struct pgstride::EnumLabels<Level> {
  static constexpr std::array value{EnumLabel<Level>{Level::low, "low level"},
                                    EnumLabel<Level>{Level::high, "high"}};
};
template <>
struct pgstride::Codec<Level> : pgstride::EnumCodec<Level, "ntt.level"> {};
template <>
struct pgstride::Codec<Street> : pgstride::CompositeCodec<Street, "ntt.street"> {};
template <>
struct pgstride::Codec<Place> : pgstride::CompositeCodec<Place, "ntt.place"> {};
template <>
struct pgstride::Codec<Email> : pgstride::DomainCodec<Email, "ntt.email"> {};
template <>
struct pgstride::Codec<Count> : pgstride::DomainCodec<Count, "ntt.count"> {};
template <>
struct pgstride::Codec<Spot> : pgstride::CompositeCodec<Spot, "ntt.spot"> {};
template <>
struct pgstride::Codec<Words> : pgstride::DomainCodec<Words, "ntt.words"> {};
template <>
struct pgstride::Codec<Tagged> : pgstride::CompositeCodec<Tagged, "ntt.tagged"> {};
template <>
struct pgstride::Codec<Gone> : pgstride::CompositeCodec<Gone, "ntt.gone"> {};

namespace {

struct NamedTypes : Database {
  NamedTypes() {
    go([](Connection& conn) -> Task<> {
      co_await conn.execute(
          "drop schema if exists ntt cascade; create schema ntt;"
          "create type ntt.mood as enum ('sad', 'ok', 'happy');"
          "create type ntt.level as enum ('low level', 'high');"
          "create type ntt.street as (name varchar(20), number int);"
          "create type ntt.place as (street ntt.street, mood ntt.mood, tags text[]);"
          "create domain ntt.email as text check (value like '%@%');"
          "create domain ntt.count as int check (value >= 0);"
          "create type ntt.spot as (mood ntt.mood, counts ntt.count[]);"
          "create domain ntt.words as text[];"
          "create type ntt.tagged as (count int, words ntt.words);"
          "create type ntt.span as range (subtype = float8);"
          "create table ntt.t (mood ntt.mood, place ntt.place, email ntt.email, span ntt.span)");
    });
  }
  ~NamedTypes() {
    go([](Connection& conn) -> Task<> { co_await conn.execute("drop schema ntt cascade"); });
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(named_types, NamedTypes)

BOOST_AUTO_TEST_CASE(enums_need_no_look_up) {
  go([](Connection& conn) -> Task<> {
    const Mood mood =
        co_await conn.query_one<Mood>("insert into ntt.t (mood) values ($1) returning mood", Mood::happy);
    BOOST_TEST((mood == Mood::happy));
    const std::vector<Mood> moods{Mood::ok, Mood::sad};
    const auto back = co_await conn.query_one<std::vector<Mood>>("select $1::ntt.mood[]", moods);
    BOOST_TEST((back == moods));
    const Level level = co_await conn.query_one<Level>("select $1::ntt.level", Level::low);
    BOOST_TEST((level == Level::low));
    const auto none =
        co_await conn.query_one<std::optional<Mood>>("select $1::ntt.mood", std::optional<Mood>());
    BOOST_TEST(!none);
  });
}

BOOST_AUTO_TEST_CASE(copied_in) {
  go([](Connection& conn) -> Task<> {
    co_await conn.execute("create temp table c (place ntt.place, streets ntt.street[], moods ntt.mood[])");
    co_await load_types<Street, Place, Mood>(conn);
    const Place place{{"Rue X", 5}, Mood::ok, {"a", "b"}};
    const std::vector<Street> streets{{"a", 1}, {"b", std::nullopt}};
    const std::vector<Mood> moods{Mood::sad, Mood::happy};
    auto in = co_await conn.copy_rows_in<Place, std::vector<Street>, std::vector<Mood>>(
        "copy c from stdin (format binary)");
    co_await in.write(place, streets, moods);
    co_await in.finish();
    using Copied = std::tuple<Place, std::vector<Street>, std::vector<Mood>>;
    const auto back = co_await conn.query_one<Copied>("select * from c");
    BOOST_TEST((back == Copied(place, streets, moods)));
  });
}

BOOST_AUTO_TEST_CASE(a_row_for_a_connection_that_has_gone) {
  Connection goes = another();
  go([&goes](Database& database) -> Task<> {
    co_await goes.execute("create temp table c (moods ntt.mood[])");
    co_await load_types<Mood>(goes);
    auto in = co_await goes.copy_rows_in<std::vector<Mood>>("copy c from stdin (format binary)");
    goes = Connection();
    Sleep turn = sleep(database.loop, std::chrono::milliseconds(1));
    co_await turn;
    const std::vector<Mood> moods{Mood::sad};
    BOOST_CHECK_THROW((void)in.write(moods), Error);
  });
}

BOOST_AUTO_TEST_CASE(an_enumerator_that_is_no_label) {
  go([](Connection& conn) -> Task<> {
    std::string text;
    try {
      co_await conn.query("select $1::ntt.mood", static_cast<Mood>(7));
    } catch (const Error& e) {
      text = e.what();
    }
    BOOST_TEST(contains(text, "parameter $1: this"));
    try {
      co_await conn.query_one<Mood>("select 'nothing'::text");
    } catch (const Error& e) {
      text = e.what();
    }
    BOOST_TEST(contains(text, "holds a value that does not fit into"));
  });
}

BOOST_AUTO_TEST_CASE(domains_and_ranges_derive) {
  go([](Connection& conn) -> Task<> {
    const Email given{"a@b"};
    const Email back =
        co_await conn.query_one<Email>("insert into ntt.t (email) values ($1) returning email", given);
    BOOST_TEST((back == given));
    const auto emails =
        co_await conn.query_one<std::vector<Email>>("select array['a@b', 'c@d']::ntt.email[]");
    BOOST_TEST((emails == std::vector{Email{"a@b"}, Email{"c@d"}}));

    const Range<int> numbers(1, 5);
    const auto same = co_await conn.query_one<Range<int>>("select $1", numbers);
    BOOST_TEST((same == numbers));
    const auto shifted = co_await conn.query_one<Range<int>>("select '(1,5]'::int4range");
    BOOST_TEST((shifted == Range<int>(2, 6)));
    const auto open =
        co_await conn.query_one<Range<std::int64_t>>("select $1", Range<std::int64_t>(std::nullopt, 3));
    BOOST_TEST(!open.lower);
    const auto empty = co_await conn.query_one<Range<int>>("select $1", Range<int>::make_empty());
    BOOST_TEST(empty.empty);
    const Multirange<int> several({Range<int>(1, 2), Range<int>(5, std::nullopt)});
    const auto more = co_await conn.query_one<Multirange<int>>("select $1", several);
    BOOST_TEST((more == several));
    const Range<double> span(0.5, 1.5);
    const auto user =
        co_await conn.query_one<Range<double>>("insert into ntt.t (span) values ($1) returning span", span);
    BOOST_TEST((user == span));
  });
}

BOOST_AUTO_TEST_CASE(composites_are_read_without_and_sent_after_a_look_up) {
  go([](Connection& conn) -> Task<> {
    const Place given{{"Rue X", std::nullopt}, Mood::ok, {"a", "b c"}};
    const Place read = co_await conn.query_one<Place>(
        "select row(row('Rue X', null)::ntt.street, 'ok', array['a', 'b c'])::ntt.place");
    BOOST_TEST((read == given));
    const std::vector<Street> streets{{"a", 1}, {"b", std::nullopt}};
    std::string text;
    try {
      co_await conn.query("select $1::ntt.street[]", streets);
    } catch (const ServerException& e) {
      text = e.what();
    }
    // A string is sent as text, and this one is a varchar: PostgreSQL takes it at its word.
    const bool is_strict = major_version(conn) < 14;
    BOOST_TEST(contains(text, is_strict ? "wrong element type" : "of expected 1043 (character varying)"));

    co_await load_types<Place, Street, Mood, Email, Level>(conn);
    const Place back = co_await conn.query_one<Place>("select $1", given);
    BOOST_TEST((back == given));
    const auto both = co_await conn.query_one<std::vector<Street>>("select $1", streets);
    BOOST_TEST((both == streets));
    const auto viewed = co_await conn.query_one<std::vector<Street>>("select $1", std::span(streets));
    BOOST_TEST((viewed == streets));
    const Mood mood = co_await conn.query_one<Mood>("select $1", Mood::sad);  // declared as what it is now
    BOOST_TEST((mood == Mood::sad));
  });
}

BOOST_AUTO_TEST_CASE(arrays_need_no_look_up) {
  go([](Connection& conn) -> Task<> {
    if (major_version(conn) < 14) co_return;  // it wants to be told each element's type
    const std::vector<Spot> spots{Spot{Mood::ok, {Count{1}, Count{2}}}, Spot{Mood::sad, {}}};
    const auto back = co_await conn.query_one<std::vector<Spot>>("select $1::ntt.spot[]", spots);
    BOOST_TEST((back == spots));
    const auto viewed = co_await conn.query_one<std::vector<Spot>>("select $1::ntt.spot[]", std::span(spots));
    BOOST_TEST((viewed == spots));
    const std::vector<std::optional<Count>> counts{Count{7}, std::nullopt};
    const auto same =
        co_await conn.query_one<std::vector<std::optional<Count>>>("select $1::ntt.count[]", counts);
    BOOST_TEST((same == counts));
    Batch batch = conn.batch();
    batch.add("select ($1::ntt.spot[])[1]", spots);
    const std::vector<Result> results = co_await batch.run();
    BOOST_TEST((results[0].value<Spot>() == spots[0]));

    co_await load_types<Spot, Count>(conn);  // and a statement with the types declared
    const auto again = co_await conn.query_one<std::vector<Spot>>("select $1", spots);
    BOOST_TEST((again == spots));
  });
}

BOOST_AUTO_TEST_CASE(domains_pass_for_their_base_type) {
  go([](Connection& conn) -> Task<> {
    const std::vector<Count> counts{Count{1}, Count{2}};
    const auto sum = co_await conn.query_one<std::int64_t>("select sum(x) from unnest($1::int4[]) x", counts);
    BOOST_TEST(sum == 3);
    const Tagged tagged{Count{5}, Words{{"a", "b"}}};
    const Tagged back = co_await conn.query_one<Tagged>("select $1::ntt.tagged", tagged);
    BOOST_TEST((back == tagged));

    // A statement that has been prepared goes on as it began.
    Prepared by_count = co_await conn.prepare("select $1::ntt.count + 1");
    const Count one{1};
    const Result before = co_await by_count.query(one);
    co_await load_types<Count>(conn);
    const Result after = co_await by_count.query(one);
    BOOST_TEST(before.value<int>() == 2);
    BOOST_TEST(after.value<int>() == 2);
  });
}

BOOST_AUTO_TEST_CASE(an_array_of_something_else_is_refused) {
  go([](Connection& conn) -> Task<> {
    const std::vector<Street> streets{Street{"Rue X", 5}};
    std::string text;
    try {
      co_await conn.query("select $1::int4[]", streets);
    } catch (const ServerException& e) {
      text = e.what();
    }
    BOOST_TEST(contains(text, "element type"));
  });
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_told_when_it_is_looked_up) {
  go([](Connection& conn) -> Task<> {
    co_await conn.execute(
        "drop table ntt.t; drop type ntt.place; alter type ntt.street alter attribute number type text");
    std::string text;
    try {
      co_await load_types<Street, Gone>(conn);
    } catch (const Error& e) {
      text = e.what();
    }
    BOOST_TEST(contains(text, "attribute 2 of type ntt.street is text, which"));
    BOOST_TEST(contains(text, "type ntt.gone does not exist"));
  });
}

BOOST_AUTO_TEST_CASE(connections_may_share_what_they_know) {
  ConnectOptions options = server_options();
  options.types = std::make_shared<TypeNames>();
  Connection first = another(options);
  Connection second = another(options);
  const auto load = [](Connection& conn) -> Task<> { co_await load_types<Street, Place, Mood>(conn); };
  run(loop, load(first));
  const auto use = [](Connection& conn) -> Task<> {
    const Place given{{"Rue X", 5}, Mood::ok, {}};
    const Place back = co_await conn.query_one<Place>("select $1", given);
    BOOST_TEST((back == given));
  };
  run(loop, use(second));
}

// As after a dump was restored into a newer server at the same address.
BOOST_AUTO_TEST_CASE(another_version_is_asked_anew) {
  ConnectOptions options = server_options();
  options.types = std::make_shared<TypeNames>();
  const TypeNames& types = *options.types;
  const auto learn_wrong = [&](std::string_view version) {
    options.types->add("ntt.street", {oid::int4, oid::int4_array, {oid::int4, oid::int4}});
    options.types->add("ntt.gone", {oid::int4, oid::int4_array, {}});
    options.types->set_server_version(version);
  };
  learn_wrong(connection.parameter("server_version"));
  const Connection same = another(options);
  BOOST_TEST(types.find("ntt.street")->oid == oid::int4);  // it costs nothing as long as nothing has changed
  learn_wrong(std::to_string(major_version(connection)) + ".99");
  const Connection patched = another(options);
  BOOST_TEST(types.find("ntt.street")->oid == oid::int4);

  learn_wrong("9.6.24");
  options.max_rows = 1;
  Connection conn = another(options);
  BOOST_TEST(types.find("ntt.street")->oid >= oid::first_user_type);
  BOOST_TEST(types.find("ntt.gone")->oid == oid::unspecified);
  const auto use = [](Connection& in) -> Task<> {
    const std::vector<Street> given{Street{"Rue X", 5}};
    const auto back = co_await in.query_one<std::vector<Street>>("select $1", given);
    BOOST_TEST((back == given));
  };
  run(loop, use(conn));
}

BOOST_AUTO_TEST_CASE(a_pool_knows_for_all_its_connections) {
  PoolOptions options{server_options()};
  options.limits.max_size = 2;
  Pool pool(loop, options);
  const auto use = [](Pool& in) -> Task<> {
    co_await load_types<Street>(in);
    Lease lent = co_await in.acquire();  // so that another connection is opened for the request
    const std::vector<Street> given{Street{"Rue X", 5}, Street{"Rue Y", std::nullopt}};
    const auto back = co_await in.query_one<std::vector<Street>>("select $1", given);
    BOOST_TEST((back == given));
  };
  run(loop, use(pool));
  BOOST_TEST(pool.stats().counts.opened == 2u);
}

BOOST_AUTO_TEST_CASE(spans_are_arrays) {
  go([](Connection& conn) -> Task<> {
    const std::array numbers{1, 2, 3};
    const auto sum =
        co_await conn.query_one<std::int64_t>("select sum(x) from unnest($1) x", std::span(numbers));
    BOOST_TEST(sum == 6);
  });
}

BOOST_AUTO_TEST_SUITE_END()
