// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The end of a pool, those who wait for it, and those who still have its connections.
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/pool.hpp"

#include "tests/support/pooling.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_SUITE(pool_closing, Pooling)

BOOST_AUTO_TEST_CASE(closing_takes_no_longer_than_it_may) {
  open(options());
  Lease lease;
  auto holding = hold(*pool, lease);
  holding.start();
  settle();
  diary.take();
  auto closing = pool->close(30s);
  closing.start();
  pass(29s);
  BOOST_TEST(!closing.done());
  BOOST_TEST(lease->is_open());
  pass(1s);
  BOOST_REQUIRE(closing.done());
  const std::vector<Loan> left = closing.take();
  BOOST_REQUIRE(left.size() == 1u);
  BOOST_TEST(left[0].backend_pid == 1);
  BOOST_TEST((loop.now() - left[0].since == 30s));
  BOOST_TEST(!lease->is_open());
  BOOST_TEST(diary.take() == Notes{"1 the pool was closed"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(several_may_wait_for_its_end) {
  open(options());
  Lease lease;
  auto holding = hold(*pool, lease);
  holding.start();
  settle();
  auto first = pool->close(30s), second = pool->close(30s), given_up = pool->close(30s);
  for (auto* closing : {&first, &second, &given_up}) closing->start();
  given_up = {};
  lease.release();
  pass(1s);
  BOOST_TEST(first.done());
  BOOST_TEST(second.done());
}

// By the impatience of another, and with the pool itself.
BOOST_AUTO_TEST_CASE(its_end_may_come_early) {
  for (const bool another_closes : {true, false}) {
    open(options());
    Lease lease;
    auto holding = hold(*pool, lease);
    holding.start();
    settle();
    auto patient = pool->close(1h), impatient = pool->close(1s);
    patient.start();
    if (another_closes) {
      impatient.start();
    } else {
      pool.reset();
    }
    pass(1s);
    BOOST_TEST(patient.done());
  }
}

BOOST_AUTO_TEST_SUITE_END()
