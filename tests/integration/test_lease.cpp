// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

BOOST_FIXTURE_TEST_SUITE(lease, Database)

// The connection may be somebody else's by then.
BOOST_AUTO_TEST_CASE(one_that_has_ended_knows_no_connection) {
  Pool pool(loop, PoolOptions(server_options()));
  const auto body = [](Pool& from) -> Task<> {
    Lease first = co_await from.acquire();
    Lease second = co_await from.acquire();
    Connection* lent = second.operator->();
    Lease moved = std::move(second);
    BOOST_TEST(second.operator->() == nullptr);
    BOOST_TEST(moved.operator->() == lent);
    first.release();
    moved.discard();
    BOOST_TEST(first.operator->() == nullptr);
    BOOST_TEST(moved.operator->() == nullptr);
  };
  run(loop, body(pool));
}

BOOST_AUTO_TEST_SUITE_END()
