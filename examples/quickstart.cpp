// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A first look: connect, ask, look, stream, decide. Run it with a connection string:
//
//     quickstart postgres://user:password@localhost/database
#include <cstdio>
#include <string>
#include <string_view>

#include "pgstride/driver/loop/uv.hpp"
#include "pgstride/driver/pgstride.hpp"

using namespace std::chrono_literals;

namespace {

pgstride::Task<> tour(pgstride::Loop& loop, std::string dsn) {
  pgstride::Connection conn = co_await pgstride::connect(loop, dsn);
  co_await conn.execute("create temp table users (id serial primary key, name text not null, age int)");

  // Values travel beside the text, never inside it. std::nullopt and empty optionals are NULL.
  co_await conn.execute("insert into users (name, age) values ($1, $2), ($3, $4)", "Ada", 36, "Grace",
                        std::nullopt);

  // A Result keeps its rows; views point into it.
  const pgstride::Result users = co_await conn.query("select id, name, age from users order by id");
  for (const pgstride::Row row : users) {
    const auto name = row.get<std::string_view>("name");
    const auto age = row.get<std::optional<int>>("age");
    std::printf("%d: %.*s, %s\n", row.get<int>("id"), static_cast<int>(name.size()), name.data(),
                age ? std::to_string(*age).c_str() : "age unknown");
  }

  // Pipelining is not waiting yet: both questions travel together.
  auto count = conn.query("select count(*) from users");
  auto oldest = conn.query("select max(age) from users");
  const auto many = (co_await count).value<std::int64_t>();
  const auto most = (co_await oldest).value<std::optional<int>>();
  std::printf("%lld users, the oldest is %d\n", static_cast<long long>(many), most.value_or(0));

  // Rows that are only looked at are never copied.
  double total = 0;
  const auto add = [&](const pgstride::RowView& row) { total += row.get<double>(0); };
  co_await conn.each(add, "select sqrt(g) from generate_series(1, $1) g", 1000);
  std::printf("the first 1000 square roots add up to %.3f\n", total);

  // What a transaction that is not committed has done is undone, whichever way it is left.
  {
    pgstride::Transaction tx = co_await conn.begin(pgstride::Isolation::repeatable_read);
    pgstride::Cursor rows = conn.cursor("select generate_series(1, 1000000)");
    std::int64_t sum = 0;
    while (const pgstride::RowView* row = co_await rows.next()) {
      sum += row->get<int>(0);
      if (sum > 5000) break;  // the server computes no further
    }
    co_await tx.commit();
  }

  // A deadline cancels the query on the server too; the connection stays.
  try {
    co_await conn.query("select pg_sleep(60)").timeout(100ms);
  } catch (const pgstride::Error& error) {
    std::printf("%s\n", error.what());
  }
  try {
    co_await conn.query("insert into users (id, name) values (1, 'Eve')");
  } catch (const pgstride::ServerException& error) {
    if (error.sqlstate() == pgstride::sqlstate::unique_violation)
      std::printf("%.*s\n", static_cast<int>(error.detail().size()), error.detail().data());
  }
  co_await conn.close();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    pgstride::UvLoop loop;
    pgstride::run(loop, tour(loop, argc > 1 ? argv[1] : ""));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
