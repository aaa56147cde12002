// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: this would point into a Result that is gone
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

Task<> misuse(Connection& connection) {
  const auto name = (co_await connection.query("select 'a'")).value<std::optional<std::string_view>>();
  (void)name;
}
