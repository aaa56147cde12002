// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Whom a pool trusts after it has lost a connection (R-L6).
#include <string>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/pool.hpp"

#include "tests/support/pooling.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

/// Two connections that are lent, of which one has not been used.
struct TwoLent : Pooling {
  TwoLent() {
    open(options(2));
    auto one = hold(*pool, first), other = hold(*pool, second);
    one.start();
    other.start();
    settle();
    if (first->backend_pid() != 1) std::swap(first, second);
  }
  Lease first, second;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pool_suspicion, TwoLent)

BOOST_AUTO_TEST_CASE(one_that_was_lent_and_not_used_is_checked_like_the_others) {
  backends[0].peer.hangs_up();
  settle();
  first.release();
  second.release();
  auto again = hold(*pool, second);
  again.start();
  loop.run_until_idle();
  BOOST_TEST(backends[1].peer.hears() == "Query()");
}

// Who has lost one asks for another while he still has that.
BOOST_AUTO_TEST_CASE(whoever_has_lost_one_gets_one_that_was_checked) {
  second.release();
  settle();
  const auto insist = [](Pool& in, Lease& lost, Lease& other) -> Task<> {
    try {
      (void)co_await lost->query("select 1");
    } catch (const Error&) {
    }
    other = co_await in.acquire();
  };
  auto asking = insist(*pool, first, second);
  asking.start();
  backends[0].peer.hangs_up();
  loop.run_until_idle();
  BOOST_TEST(backends[1].peer.hears() == "Query()");
}

// It says nothing of the server.
BOOST_AUTO_TEST_CASE(one_that_its_user_has_closed_casts_no_doubt_on_the_others) {
  auto closing = first->close();
  closing.start();
  loop.run_until_idle();
  BOOST_TEST(backends[0].peer.takes().starts_with('X'));
  backends[0].peer.hangs_up();
  settle();
  BOOST_REQUIRE(closing.done());
  diary.take();
  first.release();
  second.release();
  BOOST_TEST(diary.take() == (Notes{"1 discarded"}), boost::test_tools::per_element());
  BOOST_TEST(pool->stats().counts.lost == 0U);
  auto again = hold(*pool, second);
  again.start();
  loop.run_until_idle();
  BOOST_TEST(again.done());
  BOOST_TEST(backends[1].peer.hears() == "");
}

// The pool, which may go first, does not hear of it any more.
BOOST_AUTO_TEST_CASE(one_that_its_user_has_moved_out_of_its_lease) {
  Connection mine = std::move(*first);
  first.release();
  second.release();
  pool.reset();
  BOOST_TEST(mine.is_open());
  backends[0].peer.hangs_up();
  settle();
  BOOST_TEST(!mine.is_open());
}

BOOST_AUTO_TEST_SUITE_END()
