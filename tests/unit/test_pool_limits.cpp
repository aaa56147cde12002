// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Limits of a pool that leave no time at all, and what is said when there was too little.
#include <string>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/pool.hpp"
#include "pgstride/protocol/codec/text.hpp"

#include "tests/support/pooling.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

struct LimitedPool : Pooling {
  void asks(const std::string& what) {
    auto asking = [](Pool& from, std::string sent) -> Task<std::string> {
      const Result result = co_await from.query("select $1", sent);
      co_return result.value<std::string>();
    }(*pool, what);
    asking.start();
    settle();
    BOOST_REQUIRE(asking.done());
    BOOST_TEST(asking.take() == what);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pool_limits, LimitedPool)

// What has just been opened is good for the one who waits, and for nobody else.
BOOST_AUTO_TEST_CASE(a_connection_may_live_for_one_request) {
  PoolOptions with = options();
  with.limits.max_lifetime = 0s;
  open(with);
  asks("answer 1");
  asks("answer 2");
  BOOST_TEST(pool->stats().counts.size() == 0u);
  BOOST_TEST(pool->stats().counts.opened == 2u);
}

BOOST_AUTO_TEST_CASE(a_connection_may_be_checked_each_time) {
  PoolOptions with = options();
  with.limits.check_after = 0s;
  open(with);
  asks("answer 1");
  asks("answer 2");
  BOOST_TEST(pool->stats().counts.opened == 1u);
}

BOOST_AUTO_TEST_CASE(one_connection_may_always_be_opened) {
  PoolOptions with = options();
  with.limits.max_connecting = 0;
  open(with);
  asks("answer 1");
}

// And for ever twice is not less.
BOOST_AUTO_TEST_CASE(after_a_failure_it_may_wait_for_ever) {
  PoolLimits with;
  with.max_size = 1;
  with.first_backoff = with.longest_backoff = unlimited;
  PoolCore core(with);
  PoolCore::Waiter waiter;
  const TimePoint now(1h);
  core.acquire(waiter);
  for (int attempt = 0; attempt < 3; ++attempt) {
    BOOST_TEST(core.open(0));
    core.failed(0, now);
    BOOST_TEST(!core.next_action(now + 24h));
  }
}

// Too few connections, or too slow a query: what helps is not the same.
BOOST_AUTO_TEST_CASE(what_took_too_long_is_told) {
  open(options());
  const auto ask_in_time = [](Pool& in) -> Task<std::error_code> {
    try {
      co_await in.query("select 1").timeout(5s);
    } catch (const Error& e) {
      co_return e.code();
    }
    co_return std::error_code();
  };
  Lease lease;
  auto holding = hold(*pool, lease);
  holding.start();
  settle();
  auto starved = ask_in_time(*pool);
  starved.start();
  pass(6s);
  BOOST_TEST((starved.take() == Errc::pool_timed_out));
  lease.release();
  settle();
  backends[0].mute = true;
  auto slow = ask_in_time(*pool);
  slow.start();
  pass(6s);
  BOOST_TEST((slow.take() == Errc::timed_out));
}

BOOST_AUTO_TEST_SUITE_END()
