// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: use of deleted function|call to deleted
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

Task<> misuse(Connection& connection) {
  const RowView* row = co_await connection.stream("select 1").next();  // gone, with the stream
  (void)row;
}
