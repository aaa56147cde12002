// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: this must be a class with one member
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

struct Two {
  int one;
  int another;
};

template <>
struct pgstride::Codec<Two> : pgstride::DomainCodec<Two, "two"> {};

Task<> misuse(Connection& connection) { co_await connection.query_one<Two>("select 1"); }
