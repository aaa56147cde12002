// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// One C++ contestant in a process of its own; run.py tells it what to do, as python_client.py has it.
//
//     pgstride_bench <each|each as|typed|query|libpq|libpqxx|bare> <dsn>
#include <cstdio>
#include <ctime>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>

#include "pgstride/bench/client.hpp"

namespace {

std::unique_ptr<bench::Client> make_client(std::string_view name, const std::string& dsn) {
  if (name == "each") return bench::make_looking(dsn);
  if (name == "each as") return bench::make_typed_looking(dsn);
  if (name == "typed") return bench::make_typed(dsn);
  if (name == "query") return bench::make_keeping(dsn);
  if (name == "libpq") return bench::make_libpq(dsn);
  if (name == "libpqxx") return bench::make_libpqxx(dsn);
  if (name == "bare") return bench::make_bare(dsn);
  return nullptr;
}

std::string take_field(std::string& line) {
  const std::size_t end = line.find('\t');
  std::string field = line.substr(0, end);
  line.erase(0, end == std::string::npos ? end : end + 1);
  return field;
}

bench::Kind kind_called(std::string_view name) {
  if (name == "pipelined") return bench::Kind::pipelined;
  if (name == "batch") return bench::Kind::batch;
  if (name == "pool of 8") return bench::Kind::pool;
  if (name == "copy in") return bench::Kind::copy_in;
  if (name == "copy out") return bench::Kind::copy_out;
  return bench::Kind::rows;
}

bench::Work parse(std::string line) {
  bench::Work work;
  work.check = take_field(line) == "check";
  work.count = std::stoi(take_field(line));
  if (const std::string argument = take_field(line); !argument.empty()) work.argument = std::stoi(argument);
  const std::string how = take_field(line);
  work.row = how == "mixed" ? bench::RowKind::mixed : bench::RowKind::single_int;
  work.kind = kind_called(how);
  work.sql = line;
  return work;
}

long long nanoseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

void serve(bench::Client& client) {
  for (std::string line; std::getline(std::cin, line);) {
    const bench::Work work = parse(line);
    const long long cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID), clock = nanoseconds(CLOCK_MONOTONIC);
    const std::optional<bench::Digest> digest = client.run(work);
    const long long cpu_end = nanoseconds(CLOCK_PROCESS_CPUTIME_ID), clock_end = nanoseconds(CLOCK_MONOTONIC);
    if (!digest) {
      std::cout << '-' << std::endl;
    } else if (work.check) {
      std::cout << digest->rows << ' ' << digest->sum << std::endl;
    } else {
      std::cout << cpu_end - cpu << '\t' << clock_end - clock << std::endl;
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const auto client = count == 3 ? make_client(arguments[1], arguments[2]) : nullptr;
    if (!client) {
      std::fprintf(stderr, "usage: pgstride_bench <each|each as|typed|query|libpq|libpqxx|bare> <dsn>\n");
      return 2;
    }
    std::cout << arguments[1] << std::endl;
    serve(*client);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pgstride_bench: %s\n", error.what());
    return 1;
  }
}
