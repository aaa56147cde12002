// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A loop and a pool for each core: nothing is shared, so nothing is locked. Run it with a connection string;
// it adds up the first million numbers, every thread a part of them, ten tasks to a thread.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <future>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "pgstride/driver/loop/uv.hpp"
#include "pgstride/driver/pgstride.hpp"

namespace {

constexpr std::int64_t numbers = 1'000'000, step = 1'000;
constexpr std::size_t tasks_per_thread = 10;

// Every `apart`th slice from `first` on.
pgstride::Task<std::int64_t> add_up(pgstride::Pool& pool, std::size_t first, std::size_t apart) {
  std::int64_t sum = 0;
  for (auto from = step * static_cast<std::int64_t>(first); from < numbers;
       from += step * static_cast<std::int64_t>(apart))
    sum += co_await pool.query_one<std::int64_t>("select sum(g)::int8 from generate_series($1, $2) g",
                                                 from + 1, from + step);
  co_return sum;
}

pgstride::Task<std::int64_t> share_out(pgstride::Loop& loop, std::string dsn, unsigned part, unsigned parts) {
  pgstride::PoolOptions options(dsn);
  options.limits.max_size = 2;
  pgstride::Pool pool(loop, options);
  std::vector<pgstride::Task<std::int64_t>> tasks;
  for (std::size_t i = 0; i < tasks_per_thread; ++i)
    tasks.push_back(add_up(pool, part * tasks_per_thread + i, parts * tasks_per_thread));
  auto together = pgstride::when_all(std::move(tasks));
  const std::vector<std::int64_t> sums = co_await together;
  co_await pool.close();
  co_return std::accumulate(sums.begin(), sums.end(), std::int64_t{0});
}

// What a thread does: a loop of its own, until its work is done.
std::int64_t run_part(const std::string& dsn, unsigned part, unsigned parts) {
  pgstride::UvLoop loop;
  return pgstride::run(loop, share_out(loop, dsn, part, parts));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string dsn = argc > 1 ? argv[1] : "";
    const unsigned threads = std::max(2U, std::thread::hardware_concurrency());
    std::vector<std::future<std::int64_t>> parts;
    for (unsigned part = 0; part < threads; ++part)
      parts.push_back(std::async(std::launch::async, run_part, std::cref(dsn), part, threads));
    std::int64_t sum = 0;
    for (auto& part : parts) sum += part.get();
    std::printf("%lld, by %u threads\n", static_cast<long long>(sum), threads);
    return sum == numbers * (numbers + 1) / 2 ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
