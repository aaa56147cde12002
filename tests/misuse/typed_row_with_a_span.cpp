// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: no Codec reads a column into a member of this type
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

struct Cells {
  std::vector<std::span<const int>> rows;
};

void misuse(Connection& connection) { (void)connection.query_one<Cells>("select rows from cells"); }
