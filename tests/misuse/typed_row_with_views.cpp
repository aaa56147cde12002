// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: would point into the receive buffer
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

struct User {
  int id;
  std::string_view name;
};

Task<> misuse(Connection& connection) { co_await connection.query_as<User>("select 1 as id, 'a' as name"); }
