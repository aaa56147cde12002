// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What docs/cpp/ shows of pools, streams and COPY.
#include "pgstride/driver/loop/uv.hpp"

#include "tests/snippets/snippets.hpp"

using namespace pgstride;
using namespace std::chrono_literals;

namespace snippets {
namespace {

//[pool_options
PoolOptions pool_options(const std::string& dsn) {
  PoolOptions options(dsn);
  options.limits.max_size = 20;
  options.limits.min_size = 2;          // kept open
  options.limits.max_lifetime = 30min;  // less a random part, so that they do not all go at once
  options.limits.max_idle = 5min;       // above min_size
  options.limits.check_after = 30s;     // idle for longer: asked whether it is still there
  options.acquire_timeout = 5s;
  return options;
}
//]

Task<> requests(Pool& pool) {
  {
    //[pool_requests
    int sum = co_await pool.query_one<int>("select $1 + $2", 40, 2);
    Result tables = co_await pool.query("select relname from pg_class").timeout(2s);  // waiting included
    //]
    check(sum == 42 && !tables.empty());
  }
  {
    //[pool_timed_out
    try {
      co_await pool.query("select pg_sleep(60)").timeout(50ms);
    } catch (const Error& error) {
      if (error.code() != std::errc::timed_out) throw;  // which both of them are
      if (error.code() == Errc::pool_timed_out)         // nothing was sent
        std::puts(error.what());                        // how many are lent, and for how long to whom
      else                                              // Errc::timed_out
        std::puts("a slow query");
    }
    //]
  }
  {
    //[lease
    Lease conn = co_await pool.acquire().timeout(2s);
    co_await conn->execute("create temp table basket (item text)");
    co_await conn->execute("insert into basket values ($1)", "apples");
    conn.discard();  // a temporary table is left behind, which no reset takes away; mostly: let it go
    //]
  }
  {
    //[pool_transact
    auto body = [](Connection& conn) -> Task<int> {
      co_await conn.execute("create temp table t (x int) on commit drop; insert into t values (7)");
      co_return co_await conn.query_one<int>("select x from t");
    };
    int seven = co_await transact(pool, body);  // acquired, begun, committed, given back; again after 40001
    //]
    check(seven == 7);
  }
  {
    //[side_by_side
    std::vector<Task<int>> tasks;
    auto square = [](Pool& db, int x) -> Task<int> {
      co_return co_await db.query_one<int>("select $1 * $1", x);
    };
    for (int x = 0; x < 100; ++x) tasks.push_back(square(pool, x));
    std::vector<int> squares =
        co_await when_all(std::move(tasks));  // as many at a time as there are connections
    //]
    check(squares[99] == 9801);
  }
  {
    //[pool_stats
    PoolStats stats = pool.stats();
    std::printf("%zu open, %zu of them lent, %zu wait\n", stats.counts.size(), stats.counts.leased,
                stats.counts.waiting);
    for (const Loan& loan : pool.loans())  // who has what
      std::printf("%d since %s:%u\n", loan.backend_pid, loan.where.file_name(), loan.where.line());
    //]
  }
  //[pool_close
  std::vector<Loan> not_given_back = co_await pool.close(10s);
  //]
  check(not_given_back.empty());
}

//[pool_observer
struct PoolLog final : Observer {
  void on_acquire(const Acquire& event) noexcept override {
    longest = std::max(longest, event.waited);
    if (event.failure) std::puts(event.failure->detail.c_str());
  }
  void on_evict(const Evict& event) noexcept override {
    std::printf("%d: %s\n", event.backend_pid, std::string(event.reason).c_str());  // "lost", "too old", …
  }

  Duration longest{};
};
//]

struct Reading {
  int sensor;
  double value;
};

Task<> streams(Connection& conn) {
  co_await conn.execute("create temp table readings (sensor int, value float8)");
  {
    std::vector<Reading> given{{1, 20.5}, {2, 21.25}};
    //[copy_rows_in
    auto opening = conn.copy_rows_in<int, double>("copy readings from stdin (format binary)");
    auto rows = co_await opening;
    for (const Reading& r : given) co_await rows.write(r.sensor, r.value);  // waits while the server is slow
    Completion copied = co_await rows.finish();                             // without it, nothing is there
    //]
    check(copied.affected_rows() == 2);
  }
  double sum = 0;
  {
    //[copy_rows_out
    auto rows = conn.copy_rows_out<int, double>("copy readings to stdout (format binary)");
    while (auto* row = co_await rows.next()) sum += std::get<1>(*row);
    //]
  }
  {
    //[copy_bytes
    CopyInStream in = co_await conn.copy_in("copy readings from stdin (format csv)");
    co_await in.write("3,22.5\n4,");  // cut anywhere
    co_await in.write("23.0\n");
    co_await in.finish();

    CopyOutStream out = co_await conn.copy_out("copy readings to stdout (format csv)");
    std::string csv;
    while (const Bytes* chunk = co_await out.next()) csv += as_text(*chunk);
    //]
    check(csv.ends_with("4,23\n"));
  }
  {
    //[stream
    auto readings = conn.stream_as<Reading>("select sensor, value from readings");
    while (const Reading* reading = co_await readings.next()) {
      sum += reading->value;
      if (sum > 1000) break;  // when readings goes, the query is cancelled on the server
    }
    //]
    double first = 0;
    //[stream_close
    auto endless = conn.stream_as<double>("select random() from generate_series(1, 1000000000)");
    if (const double* value = co_await endless.next()) first = *value;
    endless.close();
    co_await conn.execute("insert into readings values (4, $1)", first);
    //]
  }
  check(sum == 2 * 41.75 + 45.5);
}

}  // namespace

Task<> pools(Loop& loop, std::string dsn) {
  PoolLog log;
  PoolOptions options = pool_options(dsn);
  options.connect.observer = &log;
  //[pool
  Pool pool(loop, options);
  //]
  co_await requests(pool);
  Connection conn = co_await connect(loop, dsn);
  co_await streams(conn);
}

}  // namespace snippets
