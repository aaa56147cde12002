// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What a user's file looks like to the compiler: the whole interface, ten queries with rows of every kind, a
// command and a transaction. It is not run; how long it takes is what counts:
//
//     time g++ -std=c++20 -O1 -Ibuild/release/include -c bench/ten_queries.cpp -o /dev/null
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "pgstride/driver/pgstride.hpp"

namespace bench {
namespace {

using namespace pgstride;
using namespace std::chrono_literals;

using Instant = std::chrono::sys_time<std::chrono::microseconds>;

struct User {
  int id;
  std::string name;
  std::optional<int> age;
};

struct Order {
  std::int64_t id;
  int user_id;
  double total;
  bool paid;
  Instant placed;
  std::optional<std::string> note;
};

struct Product {
  Uuid id;
  std::string title;
  std::vector<std::string> tags;
  Numeric price;
};

}  // namespace

Task<double> ten_queries(Connection& conn, Instant since);

Task<double> ten_queries(Connection& conn, Instant since) {
  // 1, 2, 3: aggregates
  std::vector<User> users =
      co_await conn.query_as<User>("select id, name, age from users where age > $1", 30);
  User ann = co_await conn.query_one<User>("select id, name, age from users where name = $1", "Ann");
  std::optional<Order> last = co_await conn.query_optional<Order>(
      "select id, user_id, total, paid, placed, note from orders where user_id = $1 and placed > $2", ann.id,
      since);
  // 4, 5: tuples
  auto totals = co_await conn.query_as<std::tuple<int, double>>(
      "select user_id, sum(total) from orders where paid = $1 group by 1", true);
  auto [first, latest] = co_await conn.query_one<std::tuple<std::optional<Instant>, std::optional<Instant>>>(
      "select min(placed), max(placed) from orders");
  // 6, 7: single values
  const std::vector<int> ids{1, 2, 3};
  auto count = co_await conn.query_one<std::int64_t>("select count(*) from users").timeout(5s);
  auto names = co_await conn.query_as<std::string>("select name from users where id = any($1)", ids);
  // 8: looked at, not kept
  double sum = 0;
  auto add = [&](const Order& order) { sum += order.total; };
  co_await conn.each<Order>(add, "select id, user_id, total, paid, placed, note from orders where id > $1",
                            std::int64_t{7});
  // 9, 10: in a transaction; the last one row by row
  Transaction tx = co_await conn.begin();
  auto products = co_await conn.query_as<Product>(
      "select id, title, tags, price from products where title like $1 and price < $2", std::string("A%"),
      9.5);
  Cursor rows = conn.cursor("select id, total from orders where placed > $1", since);
  while (const RowView* row = co_await rows.next())
    sum += row->get<double>("total") + static_cast<double>(row->get<std::int64_t>("id"));
  co_await conn.execute("update users set age = $1, name = $2 where id = $3", ann.age, ann.name, ann.id);
  co_await tx.commit();
  co_return sum + static_cast<double>(count) +
      static_cast<double>(users.size() + totals.size() + names.size() + products.size()) +
      (last ? last->total : 0) + (first && latest ? 1 : 0);
}

}  // namespace bench
