// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What docs/cpp/ shows of transactions, pipelining, streams, deadlines,
// observers and credentials.
#include <stop_token>
#include <thread>

#include "pgstride/driver/loop/uv.hpp"

#include "tests/snippets/snippets.hpp"

using namespace pgstride;
using namespace std::chrono_literals;

namespace snippets {
namespace {

//[observer
struct SlowQueries final : Observer {
  void on_query_start(const Start& event) noexcept override {
    started_[event.request] = Started{std::string(event.sql), Clock::now()};
  }
  void on_query_end(const End& event) noexcept override {
    const auto node = started_.extract(event.request);
    if (node.empty() || Clock::now() - node.mapped().at < 100ms) return;
    std::printf("slow: %.100s\n", node.mapped().sql.c_str());
  }

 private:
  struct Started {
    std::string sql;
    TimePoint at;
  };
  std::map<RequestId, Started> started_;
};
//]

Task<std::string> ask_the_vault(std::string_view host) { co_return "the password for " + std::string(host); }

//[credentials
struct Vault final : Credentials {
  Task<Secret> password(const Host& host) override {
    std::string fresh = co_await ask_the_vault(host.name);
    co_return Secret(std::move(fresh));
  }
};
//]

//[transfer
Task<int> transfer(Connection& conn, int from, int to, int amount) {
  co_await conn.execute("update accounts set balance = balance - $2 where id = $1", from, amount);
  co_await conn.execute("update accounts set balance = balance + $2 where id = $1", to, amount);
  co_return co_await conn.query_one<int>("select balance from accounts where id = $1", from);
}
//]

Task<> transactions(Connection& conn) {
  co_await conn.execute(
      "create temp table accounts (id int, balance int); insert into accounts values (1, 100), (2, 0)");
  {
    //[transaction
    Transaction tx = co_await conn.begin(Isolation::repeatable_read);
    co_await conn.execute("update accounts set balance = 0");
    {
      Transaction inner = co_await tx.savepoint();
      co_await conn.execute("delete from accounts");
      co_await inner.rollback();  // or just leave the scope
    }
    co_await tx.commit();
    //]
  }
  {
    //[begin_with_query
    Begin begin = conn.begin();
    Query first = conn.query("select balance from accounts where id = $1", 1);
    Transaction tx = co_await begin;  // BEGIN and the query leave together: one round trip
    Result balance = co_await first;
    co_await tx.commit();
    //]
    check(balance.value<int>() == 0);
  }
  {
    //[transact
    auto body = [](Connection& c) { return transfer(c, 1, 2, 10); };
    int left = co_await transact(conn, body, Isolation::serializable);  // again after 40001 and 40P01
    //]
    check(left == -10);
  }
  {
    //[pipeline
    auto first = conn.query("select 1");  // queued, not sent yet
    auto second = conn.query("select 2");
    // The first co_await sends both: one round trip.
    int sum = (co_await first).value<int>() + (co_await second).value<int>();
    //]
    check(sum == 3);
  }
  {
    //[batch
    Batch batch = conn.batch();  // all of it or nothing
    batch.add("insert into accounts values ($1, $2)", 3, 30);
    batch.add("insert into accounts values ($1, $2)", 4, 40);
    batch.add("select sum(balance) from accounts");
    std::vector<Result> results = co_await batch.run();
    //]
    check(results[2].value<std::int64_t>() == 70);
  }
  {
    //[cursor
    Transaction tx = co_await conn.begin();  // cursors live in transactions
    Cursor rows = conn.cursor("select generate_series(1, 1000000)");
    std::int64_t sum = 0;
    while (const RowView* row = co_await rows.next()) {
      sum += row->get<int>(0);
      if (sum > 5000) break;  // the server computes no further
    }
    //]
    check(sum > 5000);
    //[cursor_as
    struct Account {
      int id;
      int balance;
    };
    auto accounts = conn.cursor_as<Account>("select id, balance from accounts");
    while (Account* account = co_await accounts.next()) {
      if (account->balance < 0) co_await conn.execute("delete from accounts where id = $1", account->id);
    }
    //]
  }
}

Task<> deadlines(Connection& conn) {
  //[timeout
  try {
    co_await conn.query("select pg_sleep(60)").timeout(50ms);
  } catch (const Error& error) {
    if (error.code() != Errc::timed_out) throw;  // the server has been told to stop; conn is usable
  }
  //]
  std::stop_source source;
  source.request_stop();
  std::stop_token token = source.get_token();
  //[stop
  try {
    co_await conn.query("select pg_sleep(60)").stop(token);
  } catch (const Error& error) {
    if (error.code() != Errc::cancelled) throw;
  }
  //]
  //[errors
  try {
    co_await conn.execute("insert into pg_class values (1)");
  } catch (const ServerException& error) {  // the server said no
    if (error.sqlstate() == sqlstate::unique_violation)
      std::printf("taken: %s\n", std::string(error.constraint_name()).c_str());
  } catch (const Error& error) {  // we, or the network
    if (error.outcome_unknown()) std::puts("it may have happened");
  }
  //]
}

//[listener
Task<> work_off(Loop& loop, ConnectOptions options, int jobs) {
  std::vector<std::string> channels{"jobs"};
  auto events = listen(loop, options, channels);
  while (const ListenEvent* event = co_await events.next()) {
    switch (event->kind) {
      case ListenEvent::Kind::listening:    // from here on nothing is missed: look what is there already
      case ListenEvent::Kind::reconnected:  // something may have been missed: look again
      case ListenEvent::Kind::overflow: break;
      case ListenEvent::Kind::notification: std::puts(event->payload.c_str()); break;
    }
    if (jobs-- == 0) co_return;
  }
}
//]

}  // namespace

Task<> control(Loop& loop, std::string dsn) {
  SlowQueries slow;
  ConnectOptions options(dsn);
  //[ask_for_credentials
  options.credentials = std::make_shared<Vault>();
  //]
  //[observe
  options.observer = &slow;  // outlives the connections
  Connection conn = co_await connect(loop, options);
  //]
  co_await transactions(conn);
  co_await deadlines(conn);
  co_await work_off(loop, options, 0);
  //[all
  Connection another = co_await connect(loop, dsn);
  auto ask = [](Connection& c, int x) -> Task<int> {
    co_return co_await c.query_one<int>("select $1 * 2", x);
  };
  std::tuple<int, int> both = co_await when_all(ask(conn, 1), ask(another, 2));  // side by side
  //]
  check(both == std::tuple(2, 4));
  co_await conn.close();
}

}  // namespace snippets
