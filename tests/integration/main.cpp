// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Integration tests talk to the server that PGSTRIDE_TEST_DSN names. Without one they fail: a run
// that tested nothing must not look like one that passed. PGSTRIDE_NO_SERVER=1 says it on purpose.
#define BOOST_TEST_MODULE pgstride
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include <boost/test/unit_test.hpp>

namespace {

constexpr int skipped = 77;  // SKIP_RETURN_CODE of ctest

struct ServerIsNamed {
  ServerIsNamed() {
    if (std::getenv("PGSTRIDE_TEST_DSN") != nullptr) return;
    if (const char* without = std::getenv("PGSTRIDE_NO_SERVER"); without != nullptr && *without == '1') {
      std::fputs("integration tests skipped: PGSTRIDE_NO_SERVER=1\n", stderr);
      std::_Exit(skipped);
    }
    throw std::runtime_error(
        "PGSTRIDE_TEST_DSN names no server; run the tests under "
        "`tests/support/postgres.py run --`, or set PGSTRIDE_NO_SERVER=1");
  }
};

BOOST_TEST_GLOBAL_FIXTURE(ServerIsNamed);

}  // namespace
