// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What docs/cpp/ shows of queries, rows and types. A region begins with "//[name" and ends with "//]".
#include "tests/snippets/snippets.hpp"

using namespace pgstride;

//[enum
enum class Mood { sad, ok, happy };

template <>
struct pgstride::Codec<Mood> : pgstride::EnumCodec<Mood, "mood"> {};
//]

//[composite
struct Place {
  std::string street;
  std::optional<std::string> city;
};

template <>
struct pgstride::Codec<Place> : pgstride::CompositeCodec<Place, "place"> {};
//]

//[domain
struct Email {
  std::string text;
};

template <>
struct pgstride::Codec<Email> : pgstride::DomainCodec<Email, "email"> {};
//]

//[row_struct
struct User {
  int id;
  std::string name;
  std::optional<int> age;  // NULL needs a place to go
};
//]

//[row_names
struct Person {
  int key;
  std::string full_name;
};

template <>
struct pgstride::RowNames<Person> : pgstride::Named<"id", "name"> {};
//]

namespace snippets {

Task<> queries(Connection& conn) {
  co_await conn.execute(
      "create temp table users (id int primary key, name text not null, age int);"
      "insert into users values (1, 'Ada', 36), (2, 'Grace', null)");
  {
    //[query
    Result users = co_await conn.query("select id, name, age from users where id < $1", 10);
    for (Row row : users) {
      auto id = row.get<int>("id");
      auto name = row.get<std::string_view>(1);  // points into users
      auto age = row.get<std::optional<int>>("age");
      std::printf("%d %.*s %d\n", id, static_cast<int>(name.size()), name.data(), age.value_or(-1));
    }
    //]
  }
  {
    //[typed
    std::vector<User> all = co_await conn.query_as<User>("select age, id, name from users order by id");
    User ada = co_await conn.query_one<User>("select * from users where name = $1", "Ada");
    std::optional<User> nobody = co_await conn.query_optional<User>("select * from users where id = $1", 99);
    auto count = co_await conn.query_one<std::int64_t>("select count(*) from users");
    auto pairs = co_await conn.query_as<std::tuple<int, std::string>>("select id, name from users");
    //]
    check(all.size() == 2 && ada.age == 36 && !nobody && count == 2 && pairs.size() == 2);
    const Person person = co_await conn.query_one<Person>("select id, name from users where id = 1");
    check(person.full_name == "Ada");
  }
  {
    //[mismatch
    struct Wrong {
      bool id;
      std::string nmae;
    };
    try {
      co_await conn.query_as<Wrong>("select id, name from users");
    } catch (const Error& error) {
      std::puts(error.what());
    }
    //]
  }
  {
    //[execute
    Completion done = co_await conn.execute("update users set age = age + $1", 1);
    std::printf("%s: %lld rows\n", done.tag().c_str(), static_cast<long long>(done.affected_rows()));

    co_await conn.execute("create temp table a (x int); create temp table b (x int)");   // a script
    std::vector<Result> results = co_await conn.query_script("select 1; select 'two'");  // values are text
    //]
    check(results[1].value<std::string>() == "two");
  }
  {
    //[each
    double total = 0;
    auto add = [&](const RowView& row) { total += row.get<double>(0); };
    co_await conn.each(add, "select sqrt(g) from generate_series(1, $1) g", 100'000);
    //]
    check(total > 0);
  }
  {
    //[arrays
    std::vector<int> ids{1, 2, 3};
    Result chosen = co_await conn.query("select * from users where id = any($1)", ids);
    auto back = co_await conn.query_one<std::vector<std::optional<int>>>("select array[1, null, 3]");
    //]
    check(chosen.size() == 2 && !back[1]);
  }
  {
    //[dimensions
    std::vector<std::vector<std::string>> board{{"x", "o"}, {"o", "x"}};
    auto same = co_await conn.query_one<std::vector<std::vector<std::string>>>("select $1::text[]", board);

    struct Transform {
      std::array<std::array<double, 2>, 2> matrix;  // of exactly this size
    };
    auto turned = co_await conn.query_one<Transform>("select '{{0,-1},{1,0}}'::float8[] as matrix");
    //]
    check(same == board && turned.matrix[1][0] == 1);
  }
  {
    std::optional<std::string> name = "Ada";
    std::optional<int> older_than;
    //[argument_list
    ArgumentList args;
    std::string sql = "select id, name, age from users where true";
    if (name) sql += " and name = " + args.add(*name);
    if (older_than) sql += " and age > " + args.add(*older_than);
    std::vector<User> found = co_await conn.query_as<User>(sql, args);
    //]
    check(found.size() == 1);
  }
  {
    std::vector<User> newcomers{{3, "Alan", 41}, {4, "Barbara", std::nullopt}};
    //[insert_many
    ArgumentList args;
    std::string sql = "insert into users (id, name, age) values ";
    for (const User& user : newcomers) {
      if (!args.empty()) sql += ", ";
      sql += "(" + args.add(user.id, user.name, user.age) + ")";  // ($1, $2, $3), ($4, $5, $6)
    }
    co_await conn.execute(sql, args);
    //]
    co_await conn.execute("delete from users where id > 2");
  }
  {
    //[ranges
    auto day = [](int d) { return std::chrono::sys_days(std::chrono::year(2026) / 5 / d); };
    Range<std::chrono::sys_days> holidays(day(1), day(15));  // [2026-05-01,2026-05-15)
    bool free = co_await conn.query_one<bool>("select $1 @> date '2026-05-03'", holidays);
    //]
    check(free);
  }
  {
    //[prepared
    Prepared by_id = co_await conn.prepare<int>("select id, name, age from users where id = $1");
    for (int id : {1, 2}) {
      User user = co_await by_id.query_one<User>(id);
      std::printf("%s\n", user.name.c_str());
    }
    //]
  }
  {
    //[notices
    Completion done = co_await conn.execute("do $$ begin raise notice 'nearly full'; end $$");
    for (const Notice& notice : done.notices()) std::puts(std::string(notice->message()).c_str());
    //]
    check(done.notices().size() == 1);
  }
}

Task<> user_types(Connection& conn) {
  co_await conn.execute(
      "create type mood as enum ('sad', 'ok', 'happy'); create type place as (street text, city text);"
      "create domain email as text check (value like '%@%');"
      "create temp table guests (mood mood, home place, mail email)");
  //[use_types
  co_await load_types<Mood, Place, Email>(conn);  // once: a round trip, and a check

  Place home{"Rue de la Paix", std::nullopt};
  Email mail{"ada@example.org"};
  co_await conn.execute("insert into guests values ($1, $2, $3)", Mood::happy, home, mail);
  auto guest = co_await conn.query_one<std::tuple<Mood, Place>>("select mood, home from guests");
  auto [mood, back] = guest;
  //]
  check(mood == Mood::happy && back.street == home.street);
  co_await conn.execute("drop table guests; drop type mood; drop type place; drop domain email");
}

}  // namespace snippets
