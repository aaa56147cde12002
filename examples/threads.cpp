// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A loop and a connection for each core: nothing is shared, so nothing is locked. Run it with a connection
// string; it adds up the first million numbers, every thread a part of them.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "pgstride/driver/loop/uv.hpp"
#include "pgstride/driver/pgstride.hpp"

namespace {

constexpr std::int64_t numbers = 1'000'000, step = 10'000;

pgstride::Task<std::int64_t> add_up(pgstride::Loop& loop, std::string dsn, unsigned part, unsigned parts) {
  pgstride::Connection conn = co_await pgstride::connect(loop, dsn);
  std::int64_t sum = 0;
  for (std::int64_t from = step * part; from < numbers; from += step * parts)
    sum += co_await conn.query_one<std::int64_t>("select sum(g)::int8 from generate_series($1, $2) g",
                                                 from + 1, from + step);
  co_await conn.close();
  co_return sum;
}

// What a thread does: a loop of its own, until its work is done.
std::int64_t run_part(const std::string& dsn, unsigned part, unsigned parts) {
  pgstride::UvLoop loop;
  return pgstride::run(loop, add_up(loop, dsn, part, parts));
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
