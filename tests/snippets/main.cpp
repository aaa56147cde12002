// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Runs every snippet against the server that PGSTRIDE_TEST_DSN names.
#include <cstdlib>

#include "pgstride/driver/loop/uv.hpp"

#include "tests/snippets/snippets.hpp"

using namespace pgstride;

namespace {

//[hello
Task<> hello(Loop& loop, std::string dsn) {
  Connection conn = co_await connect(loop, dsn);
  Result result = co_await conn.query("select 'Hello ' || $1", "world");
  std::printf("%s\n", result.value<std::string>().c_str());
}

void say_hello(const char* dsn) {
  UvLoop loop;
  run(loop, hello(loop, dsn));
}
//]

Task<> all(Loop& loop, std::string dsn) {
  Connection conn = co_await connect(loop, dsn);
  co_await snippets::queries(conn);
  co_await snippets::user_types(conn);
  co_await snippets::control(loop, dsn);
  co_await snippets::pools(loop, dsn);
}

constexpr int skipped = 77;

}  // namespace

int main() {
  const char* dsn = std::getenv("PGSTRIDE_TEST_DSN");
  if (dsn == nullptr) {
    std::puts("PGSTRIDE_TEST_DSN names no server");
    return std::getenv("PGSTRIDE_NO_SERVER") != nullptr ? skipped : 1;
  }
  say_hello(dsn);
  UvLoop loop;
  run(loop, all(loop, dsn));
}
