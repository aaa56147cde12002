// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What is copied in: a thousand records, over and over, the same as in python_client.py and the peers.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "pgstride/bench/client.hpp"

namespace bench {

struct Record {
  std::int32_t id;
  std::string name;
  double x;
  std::chrono::sys_time<std::chrono::microseconds> at;
};

inline std::vector<Record> make_records() {
  using namespace std::chrono;
  std::vector<Record> records;
  for (int i = 0; i < 1000; ++i)
    records.push_back(
        {i, "row number " + std::to_string(i), i / 7.0, sys_days(2026y / January / 1) + microseconds(i)});
  return records;
}

inline std::string make_table(const Work& work) {
  return "set client_min_messages = warning; create temp table if not exists copied (" + work.sql +
         "); truncate copied";
}
/// The digest of a copied table.
inline constexpr const char* sum_of_table = "select sum(hashtext(c::text))::int8 from copied c";

}  // namespace bench
