// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: would point into the receive buffer
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

Task<> misuse(Connection& connection) {
  const auto bytes = co_await connection.query_one<std::optional<Bytes>>("select ''::bytea");
  (void)bytes;
}
