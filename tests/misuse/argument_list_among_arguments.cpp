// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: an ArgumentList stands alone
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

void misuse(Connection& connection, const ArgumentList& list) {
  (void)connection.query("select $1, $2", 1, list);
}
