// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Coroutines that share connections, pipeline, give up at random, and are never told what belongs to
// another (the invariants I1, I2, I4, I7 and I9 of the catalogue).
//
//     pgstride_chaos [seconds = 60] [seed = random] [connections = 4] [workers = 16] [statement cache = 100]
//
// The server is PGSTRIDE_TEST_DSN; the cache's size is 0 behind a pooler in transaction mode. Exits with 1 and
// says why when something did not hold.
#include <cstdio>
#include <cstdlib>
#include <list>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "pgstride/driver/loop/uv.hpp"
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;
using namespace std::chrono_literals;

namespace {

class Violation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Counts {
  long started = 0;
  long done = 0;
  long late = 0;       // their deadline passed
  long dropped = 0;    // given up one by one, the others behind them not
  long abandoned = 0;  // given up with the coroutine they ran in
};

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  int up_to(int limit) { return static_cast<int>(engine_() % static_cast<unsigned>(limit)); }
  bool chance(int percent) { return up_to(100) < percent; }
  std::string token() {
    char text[40];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(engine_()));
    return text;
  }

 private:
  std::mt19937_64 engine_;
};

class Chaos {
 public:
  Chaos(UvLoop& loop, std::uint64_t seed) : loop_(loop), dice_(seed) {}

  Task<> work(Connection& connection, bool alone, TimePoint end) {
    while (loop_.now() < end) {
      Task<> task = something(connection, alone);
      if (dice_.chance(70)) {
        co_await task;
        continue;
      }
      task.start();
      for (int turns = dice_.up_to(8); turns > 0 && !task.done(); --turns)
        co_await sleep(loop_, std::chrono::microseconds(dice_.up_to(500)));
      if (task.done()) {
        task.take();
        continue;
      }
      task = Task<>();
    }
  }

  const std::vector<std::string>& committed() const { return committed_; }

  Counts counts;

 private:
  /// A request for one's own token.
  struct Asked {
    Asked(Chaos& chaos_, Connection& connection, std::string token_)
        : chaos(chaos_), token(std::move(token_)), query(connection.query("select $1::text", token)) {
      ++chaos.counts.started;
    }
    ~Asked() {
      if (!over) ++chaos.counts.abandoned;
    }

    Chaos& chaos;
    std::string token;
    Query query;
    bool hurried = false;
    bool over = false;
  };

  Task<> something(Connection& connection, bool alone) {
    const int which = dice_.up_to(alone ? 10 : 7);
    if (which < 5) return pipeline(connection);
    if (which == 5) return rows(connection);
    if (which == 6) return insert(connection);
    return transaction(connection);
  }

  Task<> pipeline(Connection& connection) {
    std::list<Asked> asked;
    for (int i = 1 + dice_.up_to(20); i > 0; --i) {
      Asked& one = asked.emplace_back(*this, connection, dice_.token());
      if (!dice_.chance(5)) continue;
      one.hurried = true;
      one.query.timeout(std::chrono::microseconds(dice_.up_to(3000)));
    }
    while (!asked.empty()) {
      Asked& one = asked.front();
      if (dice_.chance(3)) {
        one.over = true;
        ++counts.dropped;
      } else {
        co_await answer(one);
      }
      asked.pop_front();
    }
  }

  Task<> answer(Asked& one) {
    try {
      const Result result = co_await one.query;
      if (result.size() != 1 || result[0].get<std::string>(0) != one.token)
        throw Violation("a row of another request");
      ++counts.done;
    } catch (const Error& error) {
      if (!one.hurried || error.code() != Errc::timed_out)
        throw Violation(std::string("hurried by nobody, failed: ") + error.what());
      ++counts.late;
    }
    one.over = true;
  }

  /// Counts one operation as abandoned unless it is told otherwise.
  class Count {
   public:
    explicit Count(Counts& counts) : counts_(counts) { ++counts_.started; }
    ~Count() { ++(done_ ? counts_.done : counts_.abandoned); }
    void done() noexcept { done_ = true; }

   private:
    Counts& counts_;
    bool done_ = false;
  };

  Task<> rows(Connection& connection) {
    Count count(counts);
    const std::string token = dice_.token();
    const int wanted = 1 + dice_.up_to(3000);
    int seen = 0;
    bool right = true;
    const auto look = [&](const RowView& row) {
      right = right && row.get<std::string_view>(0) == token && row.get<int>(1) == ++seen;
    };
    co_await connection.each(look, "select $1::text, i from generate_series(1, $2::int) as i", token, wanted);
    if (!right || seen != wanted) throw Violation("rows are missing, or another's");
    count.done();
  }

  Task<> insert(Connection& connection) {
    Count count(counts);
    const std::string token = dice_.token();
    co_await connection.execute("insert into chaos_effects_cpp values ($1::text)", token);
    committed_.push_back(token);
    count.done();
  }

  Task<> transaction(Connection& connection) {
    Count count(counts);
    const std::string token = dice_.token();
    Transaction block = co_await connection.begin();
    const Result before =
        co_await connection.query("select coalesce(current_setting('pgstride.x', true), '')");
    if (!before[0].get<std::string>(0).empty()) throw Violation("another owner's setting is still there");
    co_await connection.query("select set_config('pgstride.x', $1::text, true)", token);
    const Result after = co_await connection.query("select current_setting('pgstride.x', true)");
    if (after[0].get<std::string>(0) != token) throw Violation("the setting of the transaction is gone");
    co_await block.commit();
    count.done();
  }

  UvLoop& loop_;
  Dice dice_;
  std::vector<std::string> committed_;
};

Task<> check(std::vector<Connection>& connections, const Chaos& chaos) {
  for (Connection& connection : connections) {
    if (!connection.is_open()) throw Violation("a connection was lost");
    const Result locks = co_await connection.query(
        "select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'");
    if (locks.value<std::int64_t>() != 0) throw Violation("locks are left");
    if (connection.transaction_status() != TransactionStatus::idle)
      throw Violation("a transaction is left open");
  }
  const Result found = co_await connections[0].query(
      "select count(*) from chaos_effects_cpp join unnest($1::text[]) as committed (token) using (token)",
      chaos.committed());
  if (found.value<std::int64_t>() != static_cast<std::int64_t>(chaos.committed().size()))
    throw Violation("a commit that was reported is not there");
  co_await connections[0].execute("drop table chaos_effects_cpp");
  for (Connection& connection : connections) co_await connection.close();
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int i, std::uint64_t otherwise) {
    return i < argc ? std::strtoull(argv[i], nullptr, 10) : otherwise;
  };
  const auto seconds = static_cast<long>(argument(1, 60));
  const std::uint64_t seed = argument(2, std::random_device()());
  const auto size = static_cast<std::size_t>(argument(3, 4));
  const auto workers = static_cast<std::size_t>(argument(4, 16));
  std::printf("chaos, seed %llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  try {
    ConnectOptions options(std::getenv("PGSTRIDE_TEST_DSN"));
    options.statement_cache_size = static_cast<std::size_t>(argument(5, 100));
    UvLoop loop;
    std::vector<Connection> connections;
    for (std::size_t i = 0; i < size; ++i) connections.push_back(run(loop, connect(loop, options)));
    const auto prepare = [](Connection& connection) -> Task<> {
      co_await connection.execute(
          "drop table if exists chaos_effects_cpp; create table chaos_effects_cpp (token text)");
    };
    run(loop, prepare(connections[0]));
    Chaos chaos(loop, seed);
    std::vector<Task<>> tasks;
    const TimePoint begin = loop.now();
    // The last connection has one worker, which may begin transactions; the others are shared.
    tasks.push_back(chaos.work(connections.back(), true, begin + std::chrono::seconds(seconds)));
    for (std::size_t i = 1; i < workers; ++i)
      tasks.push_back(chaos.work(connections[i % (size - 1)], false, begin + std::chrono::seconds(seconds)));
    run(loop, when_all(std::move(tasks)));
    const std::chrono::duration<double> elapsed = loop.now() - begin;
    run(loop, check(connections, chaos));
    const Counts& c = chaos.counts;
    if (c.started != c.done + c.late + c.dropped + c.abandoned)
      throw Violation("an operation ended twice or never");
    std::printf("operations %ld: done %ld, late %ld, dropped %ld, abandoned %ld in %.1f s\n", c.started,
                c.done, c.late, c.dropped, c.abandoned, elapsed.count());
    return 0;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "VIOLATION: %s\n", failure.what());
    return 1;
  }
}
