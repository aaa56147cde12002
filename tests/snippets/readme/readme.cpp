// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// README.md's program, as a whole.
//[readme
#include <pgstride/driver/loop/uv.hpp>
#include <pgstride/driver/pgstride.hpp>

using namespace std::chrono_literals;

struct User {
  int id;
  std::string name;
  std::optional<int> age;
};

pgstride::Task<> demo(pgstride::Loop& loop) {
  pgstride::Connection conn = co_await pgstride::connect(loop, "postgres://app@localhost/shop");

  auto users = co_await conn.query_as<User>("select id, name, age from users where age > $1", 30);
  for (const User& user : users) std::printf("%d %s\n", user.id, user.name.c_str());

  auto first = conn.query("select 1");  // queued, not sent yet
  auto second = conn.query("select 2");
  // The first co_await sends both: one round trip.
  int sum = (co_await first).value<int>() + (co_await second).value<int>();
  std::printf("%d\n", sum);

  pgstride::Transaction tx = co_await conn.begin();
  co_await conn.execute("update users set age = age + 1 where id = $1", 7).timeout(5s);
  co_await tx.commit();
}

int main() {
  pgstride::UvLoop loop;
  pgstride::run(loop, demo(loop));
}
//]
