// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A bank in C++: clients move money between 100 000 accounts, and some of them lose patience.
//
//     demo [dsn]
//
// Without a dsn the usual variables (PGHOST, PGUSER, PGDATABASE, …) say where the server is.
// Everything happens in a schema of its own, pgstride_demo, which is gone afterwards.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "pgstride/driver/loop/uv.hpp"
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;
using namespace std::chrono_literals;

namespace {

constexpr int accounts = 100'000, tellers = 100;  // as in bank.sql
constexpr std::int64_t start_balance = 1'000;
constexpr int clients = 8;
constexpr std::chrono::seconds trading_time{6};
constexpr double impatient = 0.05;  // this part of the transfers is given up after at most
constexpr auto patience = 5000us;

volatile std::sig_atomic_t interrupted = 0;

double milliseconds(Duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

struct Tally {
  std::vector<Duration> latencies;  // of the transfers that were made
  int cancelled = 0;
};

using Change = std::pair<int, std::int64_t>;  // of the row with this id, by so much

Task<Duration> transfer(Connection& bank, int source, int target, int teller, std::int64_t amount) {
  const TimePoint start = Clock::now();
  // Rows are locked in the same order by everyone, so that no two transfers wait for each other.
  std::array<Change, 2> owners{Change{source, -amount}, Change{target, amount}};
  std::ranges::sort(owners);

  // What is requested before the first co_await travels together: this is one round trip…
  Begin begin = bank.begin();
  const char* update = "update accounts set balance = balance + $2 where id = $1 returning branch";
  Query low = bank.query(update, owners[0].first, owners[0].second);
  Query high = bank.query(update, owners[1].first, owners[1].second);
  Transaction transaction = co_await begin;
  const Result low_branch = co_await low;
  const Result high_branch = co_await high;

  // … and this is another one.
  std::array<Change, 2> branches{Change{low_branch.value<int>(), owners[0].second},
                                 Change{high_branch.value<int>(), owners[1].second}};
  std::ranges::sort(branches);
  Command at_teller =
      bank.execute("update tellers set turnover = turnover + $2 where id = $1", teller, amount);
  update = "update branches set balance = balance + $2 where id = $1";
  Command at_low_branch = bank.execute(update, branches[0].first, branches[0].second);
  Command at_high_branch = bank.execute(update, branches[1].first, branches[1].second);
  Command record =
      bank.execute("insert into history (source, target, teller, amount) values ($1, $2, $3, $4)", source,
                   target, teller, amount);
  End commit = transaction.commit();
  co_await at_teller;
  co_await at_low_branch;
  co_await at_high_branch;
  co_await record;
  co_await commit;
  co_return Clock::now() - start;
}

Task<> client(Loop& loop, Connection& bank, TimePoint until, Tally& tally, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> some_account(1, accounts), some_teller(1, tellers), some_amount(1, 100);
  std::uniform_real_distribution<double> chance(0, 1);
  while (Clock::now() < until && !interrupted) {
    const int source = some_account(random), target = some_account(random);
    if (source == target) continue;
    Task<Duration> wanted = transfer(bank, source, target, some_teller(random), some_amount(random));
    if (chance(random) >= impatient) {
      tally.latencies.push_back(co_await wanted);
      continue;
    }
    wanted.start();
    co_await pgstride::sleep(loop, std::chrono::duration_cast<Duration>(chance(random) * patience));
    if (wanted.done()) {
      tally.latencies.push_back(wanted.take());
    } else {
      ++tally.cancelled;  // by its destruction, wherever it is; the connection simply goes on
    }
  }
}

Task<> show_progress(Loop& loop, TimePoint start, TimePoint until, const Tally& tally) {
  const bool is_live = isatty(STDOUT_FILENO) != 0;
  while (Clock::now() < until && !interrupted) {
    co_await pgstride::sleep(loop, std::min<Duration>(until - Clock::now(), is_live ? 100ms : 2s));
    const double seconds = milliseconds(Clock::now() - start) / 1000;
    const std::size_t made = tally.latencies.size();
    std::printf("%sC++: %3.1f s, %zu transfers, %.0f per second, %d cancelled%s", is_live ? "\r\033[K" : "",
                seconds, made, static_cast<double>(made) / seconds, tally.cancelled, is_live ? "" : "\n");
    std::fflush(stdout);
  }
  if (is_live) std::printf("\r\033[K");
}

/// Lets all clients loose; whether each still has the connection it began with.
Task<bool> trade(Loop& loop, std::string dsn, Tally& tally) {
  std::vector<Connection> connections;
  for (int i = 0; i < clients; ++i) connections.push_back(co_await connect(loop, dsn));
  for (Connection& bank : connections) co_await bank.execute("set search_path = pgstride_demo");

  const TimePoint start = Clock::now(), until = start + trading_time;
  std::vector<Task<>> tasks;
  tasks.push_back(show_progress(loop, start, until, tally));
  for (Connection& bank : connections)
    tasks.push_back(client(loop, bank, until, tally, std::random_device()()));
  co_await when_all(std::move(tasks));

  bool all_well = true;
  for (Connection& bank : connections) {
    const Result pid = co_await bank.query("select pg_backend_pid()");
    all_well = all_well && pid.value<int>() == bank.backend_pid();
    co_await bank.close();
  }
  co_return all_well;
}

struct Totals {
  int rows = 0;
  std::int64_t balance = 0;
};

/// Adds up all accounts, which are never in memory all at once.
Task<Totals> stream(Connection& bank) {
  Totals totals;
  Transaction snapshot = co_await bank.begin(Access::read_only);
  Cursor rows = bank.cursor("select id, balance from accounts");
  rows.batch(1000);
  while (const RowView* row = co_await rows.next()) {
    ++totals.rows;
    totals.balance += row->get<std::int64_t>("balance");
  }
  co_return totals;
}

/// Whether everything was as it must be.
Task<bool> demo(Loop& loop, Connection& bank, std::string dsn) {
  std::ifstream file(BANK_SQL);
  const std::string schema(std::istreambuf_iterator<char>(file), {});
  co_await bank.execute(schema);
  std::printf("C++: %d accounts; %d clients transfer money for %d s\n", accounts, clients,
              int{trading_time.count()});
  bool all_right = true;
  const auto check = [&all_right](bool is_right, const char* what) {
    std::printf("  %s  %s\n", is_right ? "ok   " : "WRONG", what);
    all_right = all_right && is_right;
  };
  Tally tally;
  check(co_await trade(loop, std::move(dsn), tally), "all connections outlived the cancellations");
  if (interrupted) co_return false;

  const TimePoint start = Clock::now();
  const Totals totals = co_await stream(bank);
  const double streaming_time = milliseconds(Clock::now() - start) / 1000;
  check(totals.rows == accounts && totals.balance == accounts * start_balance, "no money was made or lost");
  const Result history = co_await bank.query("select count(*) from history");
  const auto made = static_cast<std::int64_t>(tally.latencies.size()),
             recorded = history.value<std::int64_t>();
  // A transfer that was cancelled during its COMMIT may have been made nevertheless.
  check(made <= recorded && recorded <= made + tally.cancelled, "each transfer was recorded once");
  const Result books = co_await bank.query("select what, is_right from books");
  for (const Row row : books) check(row.get<bool>("is_right"), row.get<std::string>("what").c_str());

  std::ranges::sort(tally.latencies);
  const auto percentile = [&all = tally.latencies](std::size_t p) {
    return all.empty() ? 0.0 : milliseconds(all[(all.size() - 1) * p / 100]);
  };
  std::printf("           transactions/s    p50 ms    p95 ms    p99 ms   cancelled   rows/s streamed\n");
  std::printf("  C++      %14.0f  %8.2f  %8.2f  %8.2f  %10d  %16.0f\n\n",
              static_cast<double>(made) / trading_time.count(), percentile(50), percentile(95),
              percentile(99), tally.cancelled, totals.rows / streaming_time);
  co_return all_right;
}

Task<> clean_up(Connection& bank) {
  co_await bank.execute("drop schema if exists pgstride_demo cascade");
  co_await bank.close();
}

}  // namespace

int main(int count, char** arguments) {
  std::signal(SIGINT, [](int) { interrupted = 1; });
  const std::string dsn = count > 1 ? arguments[1] : "";
  try {
    UvLoop loop;
    Connection bank = run(loop, connect(loop, dsn));
    bool all_right = false;
    try {
      all_right = run(loop, demo(loop, bank, dsn));
    } catch (const Error& error) {
      std::fprintf(stderr, "demo: %s\n", error.what());
    }
    run(loop, clean_up(bank));
    return interrupted ? 130 : all_right ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "demo: %s\n", error.what());
    return 1;
  }
}
