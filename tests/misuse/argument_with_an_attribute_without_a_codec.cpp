// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: no Codec sends a member of this type as an attribute
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

void misuse(Connection& connection) { (void)connection.query("select $1", Unknown{{1}}); }
