// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What a stranger's program needs of an installed pgstride: headers, libraries and what those need. No
// server answers at the address that it tries.
#include <cstdio>
#include <cstring>
#include <pgstride/driver/loop/uv.hpp>
#include <pgstride/driver/pgstride.hpp>

pgstride::Task<int> ask(pgstride::Loop& loop) {
  pgstride::Connection connection = co_await pgstride::connect(loop, "host=/nonexistent user=me");
  const pgstride::Result result = co_await connection.query("select $1::int", 1);
  co_return result.value<int>();
}

int main() {
  pgstride::UvLoop loop;
  try {
    pgstride::run(loop, ask(loop));
  } catch (const pgstride::Error& error) {
    std::puts(error.what());
    return std::strstr(error.what(), "/nonexistent") == nullptr;
  }
  return 1;
}
