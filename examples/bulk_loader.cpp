// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Loads lines from standard input with COPY, in binary, all of them or none. When the server is slow, reading
// stops; so memory stays what it is, however long the input.
//
//     create table readings (sensor int, value float8, taken_at timestamptz);
//
//     printf '1 20.5\n2 21.25\n' | bulk_loader <dsn>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "pgstride/driver/loop/uv.hpp"
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

namespace {

using Time = std::chrono::sys_time<std::chrono::microseconds>;

struct Reading {
  int sensor = 0;
  double value = 0;
};

Reading parse(const std::string& line, long number) {
  Reading reading;
  std::istringstream words(line);
  if (!(words >> reading.sensor >> reading.value))
    throw std::runtime_error("line " + std::to_string(number) + ": not a sensor and a value: " + line);
  return reading;
}

Task<std::int64_t> load(Loop& loop, std::string dsn, std::istream& in) {
  Connection conn = co_await connect(loop, dsn);
  const auto now = std::chrono::time_point_cast<Time::duration>(std::chrono::system_clock::now());
  auto opening = conn.copy_rows_in<int, double, Time>("copy readings from stdin (format binary)");
  auto rows = co_await opening;
  long number = 0;
  for (std::string line; std::getline(in, line);) {
    const Reading reading = parse(line, ++number);  // what it throws ends the COPY, and nothing was loaded
    co_await rows.write(reading.sensor, reading.value, now);
  }
  const Completion completion = co_await rows.finish();
  co_await conn.close();
  co_return completion.affected_rows();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    UvLoop loop;
    const std::int64_t rows = run(loop, load(loop, argc > 1 ? argv[1] : "", std::cin));
    std::printf("%lld rows\n", static_cast<long long>(rows));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
