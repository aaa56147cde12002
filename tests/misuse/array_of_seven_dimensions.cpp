// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: Encodable|constraints not satisfied
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

template <class T>
using Two = std::vector<std::vector<T>>;

void misuse(Connection& connection, const Two<Two<Two<std::vector<int>>>>& cells) {
  (void)connection.query("select $1", cells);
}
