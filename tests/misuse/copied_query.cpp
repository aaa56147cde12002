// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: use of deleted function|call to (implicitly-)?deleted
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

void misuse(Connection& connection) {
  Query query = connection.query("select 1");
  Query copy = query;  // it is what the connection's queue points to
}
