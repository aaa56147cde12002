// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: use of deleted function|call to deleted
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

Task<> misuse(Connection& connection) {
  const int* row = co_await connection.cursor_as<int>("select 1").next();  // gone, with the cursor
  (void)row;
}
