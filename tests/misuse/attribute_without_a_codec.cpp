// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: no Codec reads an attribute into a member of this type
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

struct Unknown {
  struct Inner {
    int x;
  };
  Inner inner;
};

template <>
struct pgstride::Codec<Unknown> : pgstride::CompositeCodec<Unknown, "unknown"> {};

Task<> misuse(Connection& connection) { co_await connection.query_one<Unknown>("select row(1)"); }
