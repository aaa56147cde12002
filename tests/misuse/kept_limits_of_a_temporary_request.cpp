// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: the request has gone with the expression that made it
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;
using namespace std::chrono_literals;

Task<> misuse(Connection& connection) {
  auto&& query = connection.query("select 1").timeout(1s);  // the query was a temporary
  co_await query;
}
