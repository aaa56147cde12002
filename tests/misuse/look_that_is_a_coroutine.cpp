// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: the function that each\(\) shows rows to returns before the next row: it is no coroutine
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

Task<> misuse(Connection& connection) {
  auto look = [](const RowView&) -> Task<> { co_return; };
  co_await connection.each(look, "select 1");
}
