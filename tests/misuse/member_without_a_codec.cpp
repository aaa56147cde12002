// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: no Codec reads a column into a member of this type
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

struct Unknown {
  struct Inner {
    int x;
  };
  Inner inner;
};

Task<> misuse(Connection& connection) { co_await connection.query_as<Unknown>("select 1 as inner"); }
