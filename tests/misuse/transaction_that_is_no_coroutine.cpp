// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: the function that transact\(\) runs must return a Task, as a coroutine does
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

Task<> misuse(Connection& connection) {
  auto body = [](Connection& conn) { return conn.execute("select 1"); };
  co_await transact(connection, body);
}
