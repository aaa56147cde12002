// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: would point into the receive buffer
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

struct Street {
  std::string_view name;
  int number;
};
template <>
struct pgstride::Codec<Street> : pgstride::CompositeCodec<Street, "street"> {};

Task<> misuse(Connection& connection) { co_await connection.query_as<Street>("select row('a', 1)::street"); }
