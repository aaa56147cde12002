// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: use of deleted function|call to deleted|overload resolution selected deleted
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

Task<> misuse(Connection& connection) {
  const Row row = (co_await connection.query("select 'a'")).front();
  (void)row;
}
