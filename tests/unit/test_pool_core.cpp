// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What the pool decides, scene by scene. Whether it holds for any order of events is asked in
// test_pool_core_model.cpp. (R-L1, R-L4, R-L6, R-L7, R-L8)
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/pool_core.hpp"

namespace pgstride::test {
namespace {

using namespace std::chrono_literals;
using Slot = PoolCore::Slot;
using State = PoolCore::State;
using Kind = PoolCore::Action::Kind;
using Reset = PoolCore::Reset;

PoolLimits limits(std::size_t min_size, std::size_t max_size) {
  PoolLimits result;
  result.min_size = min_size;
  result.max_size = max_size;
  return result;
}

/// A pool whose actions are written down as text, and its waiters a, b, c, …
struct Pool {
  explicit Pool(const PoolLimits& l = limits(0, 2)) : core(l) {}

  PoolCore core;
  TimePoint now{1h};
  std::deque<PoolCore::Waiter> waiters;
  Slot handed = 0;

  void acquire(Duration limit = unlimited) {
    core.acquire(waiters.emplace_back(), deadline_after(now, limit));
  }
  char name(const PoolCore::Waiter* waiter) const {
    for (std::size_t i = 0; i < waiters.size(); ++i)
      if (&waiters[i] == waiter) return static_cast<char>('a' + i);
    return '?';
  }
  std::string actions() {
    std::string text;
    while (const auto action = core.next_action(now)) {
      if (!text.empty()) text += ' ';
      switch (action->kind) {
        case Kind::connect: text += "connect"; break;
        case Kind::check: text += "check"; break;
        case Kind::retire: text += "retire"; break;
        case Kind::hand: text += core.state(action->slot) == State::connecting ? "hand empty" : "hand"; break;
        case Kind::refuse: text += "refuse"; break;
        case Kind::refuse_late: text += "late"; break;
        case Kind::refuse_full: text += "full"; break;
      }
      if (action->waiter) (text += ' ') += name(action->waiter);
      if (action->kind < Kind::refuse) {
        (text += ' ') += std::to_string(action->slot);
        handed = action->slot;
      }
    }
    return text;
  }
  void advance(Duration by) {
    now += by;
    core.tick(now);
  }
  /// An idle connection.
  Slot open_one() {
    const auto slot = static_cast<Slot>(core.max_size() - 1 - core.counts().size());
    BOOST_TEST_REQUIRE(core.open(slot));
    core.connected(slot, now);
    return slot;
  }
  void open_and_release(Reset reset) { open_one(), core.release(*core.take(now), now, reset); }
  void back(Slot slot) {
    BOOST_TEST_REQUIRE(core.release(slot, now));
    core.ready(slot, now);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(pool_core)

BOOST_AUTO_TEST_CASE(connects_for_who_waits_and_hands_it_to_the_first) {
  Pool pool;
  pool.acquire(), pool.acquire(), pool.acquire();
  BOOST_TEST(pool.actions() == "connect 1 connect 0");
  pool.core.connected(0, pool.now);
  BOOST_TEST(pool.actions() == "hand a 0");
  pool.core.connected(1, pool.now);
  BOOST_TEST(pool.actions() == "hand b 1");
  BOOST_TEST(pool.core.counts().waiting == 1u);
  BOOST_TEST(pool.core.release(1, pool.now));
  BOOST_TEST(pool.actions() == "");  // not before the reset is confirmed
  pool.core.ready(1, pool.now);
  BOOST_TEST(pool.actions() == "hand c 1");
}

BOOST_AUTO_TEST_CASE(what_came_back_last_goes_out_first) {
  Pool pool(limits(0, 3));
  pool.open_one(), pool.open_one(), pool.open_one();
  BOOST_TEST((pool.core.take(pool.now) == 0u));
  BOOST_TEST((pool.core.take(pool.now) == 1u));
  BOOST_TEST((pool.core.take(pool.now) == 2u));
  BOOST_TEST(!pool.core.take(pool.now));
  pool.back(1), pool.back(0);
  BOOST_TEST((pool.core.take(pool.now) == 0u));
  BOOST_TEST((pool.core.take(pool.now) == 1u));
}

BOOST_AUTO_TEST_CASE(nobody_takes_what_others_wait_for) {
  Pool pool(limits(0, 1));
  pool.open_one();
  pool.acquire();
  BOOST_TEST(!pool.core.take(pool.now));
  BOOST_TEST(pool.actions() == "hand a 0");
}

BOOST_AUTO_TEST_CASE(a_waiter_counts_on_a_reset_but_not_for_ever) {
  Pool pool;
  pool.open_and_release(Reset::quick), pool.acquire();
  BOOST_TEST(pool.actions() == "");
  BOOST_TEST((pool.core.due() == pool.now + 1s));
  pool.advance(1s);
  BOOST_TEST(pool.actions() == "connect 0");
  Pool other;
  other.open_and_release(Reset::slow), other.acquire();
  BOOST_TEST(other.actions() == "connect 0");
}

BOOST_AUTO_TEST_CASE(a_reset_that_fails_costs_its_connection) {
  Pool pool(limits(0, 1));
  pool.open_and_release(Reset::quick);
  pool.acquire();
  pool.core.retire(0);
  BOOST_TEST(pool.actions() == "");
  pool.core.gone(0);
  BOOST_TEST(pool.actions() == "connect 0");
}

BOOST_AUTO_TEST_CASE(what_is_abandoned_goes_to_the_next) {
  Pool pool(limits(0, 1));
  pool.acquire(), pool.acquire();
  BOOST_TEST(pool.actions() == "connect 0");
  pool.core.abandon(pool.waiters[0]);
  pool.core.abandon(pool.waiters[0]);
  pool.core.connected(0, pool.now);
  BOOST_TEST(pool.actions() == "hand b 0");
}

BOOST_AUTO_TEST_CASE(a_connection_that_comes_too_late_stays) {
  Pool pool(limits(0, 1));
  pool.acquire(1s);
  BOOST_TEST(pool.actions() == "connect 0");
  BOOST_TEST((pool.core.due() == pool.now + 1s));
  pool.advance(1s);
  BOOST_TEST(pool.actions() == "late a");
  pool.core.connected(0, pool.now);
  BOOST_TEST(pool.actions() == "");
  BOOST_TEST(pool.core.counts().idle == 1u);
}

BOOST_AUTO_TEST_CASE(deadlines_are_the_waiters_own) {
  Pool pool(limits(0, 1));
  pool.acquire(3s), pool.acquire(1s), pool.acquire(), pool.acquire(1s);
  BOOST_TEST(pool.actions() == "connect 0");
  pool.advance(1s);
  BOOST_TEST(pool.actions() == "late b late d");
  BOOST_TEST((pool.core.due() == pool.now + 2s));
  pool.advance(2s);
  BOOST_TEST(pool.actions() == "late a");
  pool.core.connected(0, pool.now);
  BOOST_TEST(pool.actions() == "hand c 0");
}

BOOST_AUTO_TEST_CASE(waiters_who_connect_are_handed_empty_slots) {
  PoolLimits own = limits(0, 2);
  own.waiters_connect = true;
  Pool pool(own);
  pool.acquire(), pool.acquire(), pool.acquire();
  BOOST_TEST(pool.actions() == "hand empty a 1 hand empty b 0");
  pool.core.connected(1, pool.now);
  BOOST_TEST(pool.actions() == "");  // it is his who connected it
  BOOST_TEST((pool.core.state(1) == State::leased));
  pool.core.failed(0, pool.now);
  BOOST_TEST(pool.actions() == "hand empty c 0");  // without any delay: he is told himself
}

BOOST_AUTO_TEST_CASE(failures_to_connect_are_followed_by_a_pause) {  // R-A7, PM-5
  Pool pool(limits(0, 1));
  pool.acquire();
  Duration longest{};
  for (int i = 0; i < 20; ++i) {
    BOOST_TEST(pool.actions() == "connect 0");
    pool.core.failed(0, pool.now);
    if (pool.actions().empty()) {
      longest = std::max(longest, pool.core.due() - pool.now);
      BOOST_TEST((pool.core.due() - pool.now <= std::min<Duration>(100ms * (1 << i), 30s)));
      pool.advance(pool.core.due() - pool.now);
    }
  }
  BOOST_TEST((longest > 10s));
  BOOST_TEST(pool.actions() == "connect 0");
  pool.core.connected(0, pool.now);
  BOOST_TEST(pool.actions() == "hand a 0");
}

BOOST_AUTO_TEST_CASE(when_connecting_is_of_no_use_nobody_waits_for_it) {
  Pool pool(limits(0, 2));
  pool.acquire(), pool.acquire();
  BOOST_TEST(pool.actions() == "connect 1 connect 0");
  pool.core.failed(1, pool.now);
  pool.core.refuse_waiting();
  pool.acquire();
  BOOST_TEST(pool.actions() == "refuse a refuse b");
  pool.core.connected(0, pool.now);
  BOOST_TEST(pool.actions() == "hand c 0");
  pool.acquire();
  pool.core.refuse_waiting();
  BOOST_TEST(pool.core.counts().waiting == 1u);  // there is one that will come back
}

BOOST_AUTO_TEST_CASE(only_so_many_connect_at_a_time) {  // PM-5
  PoolLimits few = limits(5, 10);
  few.max_connecting = 2;
  Pool pool(few);
  BOOST_TEST(pool.actions() == "connect 9 connect 8");
  pool.core.connected(9, pool.now);
  BOOST_TEST(pool.actions() == "connect 7");
}

BOOST_AUTO_TEST_CASE(the_floor_is_kept) {
  Pool pool(limits(2, 4));
  BOOST_TEST(pool.actions() == "connect 3 connect 2");
  pool.core.connected(3, pool.now), pool.core.connected(2, pool.now);
  BOOST_TEST(pool.actions() == "");
  pool.core.gone(2);
  BOOST_TEST(pool.actions() == "connect 2");
  BOOST_TEST(pool.core.counts().lost == 1u);
}

BOOST_AUTO_TEST_CASE(the_floor_need_not_be_kept) {
  PoolLimits lax = limits(2, 4);
  lax.keeps_min_size = false;
  lax.max_idle = 10s;
  Pool pool(lax);
  BOOST_TEST(pool.actions() == "");
  pool.open_one();
  BOOST_TEST((pool.core.due() == pool.now + 10s));
  pool.advance(10s);
  BOOST_TEST(pool.actions() == "retire 3");
}

BOOST_AUTO_TEST_CASE(the_idle_ones_above_the_floor_are_closed_oldest_first) {
  PoolLimits shrinking = limits(1, 4);
  shrinking.max_idle = 10s;
  Pool pool(shrinking);
  for (int i = 0; i < 3; ++i) pool.open_one(), pool.advance(1s);
  pool.advance(7s);
  BOOST_TEST(pool.actions() == "retire 3");
  pool.advance(1s);
  BOOST_TEST(pool.actions() == "retire 2");
  pool.advance(1s);
  BOOST_TEST(pool.actions() == "");
  BOOST_TEST(pool.core.counts().size() == 1u);
  BOOST_TEST((pool.core.due() == never));
}

BOOST_AUTO_TEST_CASE(nothing_outlives_its_lifetime_but_what_is_in_use) {
  PoolLimits mortal = limits(0, 2);
  mortal.max_lifetime = 100s;
  Pool pool(mortal);
  pool.open_one(), pool.open_one();
  BOOST_TEST((pool.core.due() >= pool.now + 90s));
  BOOST_TEST((pool.core.due() <= pool.now + 100s));
  BOOST_TEST((pool.core.take(pool.now) == 0u));
  pool.advance(100s);
  BOOST_TEST(pool.actions() == "retire 1");
  BOOST_TEST((pool.core.state(0) == State::leased));
  BOOST_TEST(!pool.core.release(0, pool.now));
  BOOST_TEST((pool.core.state(0) == State::retiring));
}

BOOST_AUTO_TEST_CASE(who_comes_when_enough_wait_is_refused_at_once) {  // R-M4
  auto few = limits(0, 2);
  few.max_waiting = 1;
  Pool pool(few);
  for (int i = 0; i < 4; ++i) pool.acquire();  // two can be connected, one may wait for them to come back
  BOOST_TEST(pool.actions() == "full d connect 1 connect 0");
  pool.core.connected(0, pool.now);
  pool.core.connected(1, pool.now);
  BOOST_TEST(pool.actions() == "hand a 1 hand b 0");
  pool.acquire();
  BOOST_TEST(pool.actions() == "full e");
  pool.back(0);
  BOOST_TEST(pool.actions() == "hand c 0");
  pool.acquire();
  BOOST_TEST(pool.actions() == "");
}

BOOST_AUTO_TEST_CASE(who_connects_for_himself_does_not_wait) {
  auto few = limits(0, 1);
  few.max_waiting = 1;
  few.waiters_connect = true;
  Pool pool(few);
  for (int i = 0; i < 3; ++i) {
    pool.acquire();
    BOOST_TEST(pool.actions() ==
               (std::vector<std::string>{"hand empty a 0", "", "full c"}[static_cast<std::size_t>(i)]));
  }
}

BOOST_AUTO_TEST_CASE(what_was_expired_is_replaced) {
  Pool pool;
  pool.open_one(), pool.open_one();
  BOOST_TEST((pool.core.take(pool.now) == 0u));
  pool.core.expire();
  BOOST_TEST(pool.actions() == "");
  BOOST_TEST(!pool.core.take(pool.now));
  pool.acquire();
  BOOST_TEST(pool.actions() == "retire 1");
  pool.core.gone(1);
  BOOST_TEST(pool.actions() == "connect 1");
  BOOST_TEST(!pool.core.release(0, pool.now));
}

BOOST_AUTO_TEST_CASE(suspects_are_checked_before_they_are_handed_out) {
  Pool pool;
  pool.open_one(), pool.open_one();
  pool.core.suspect();
  BOOST_TEST(!pool.core.take(pool.now));
  pool.acquire();
  BOOST_TEST(pool.actions() == "check 0");  // one for one waiter
  pool.core.ready(0, pool.now);
  BOOST_TEST(pool.actions() == "hand a 0");
  pool.back(0);
  BOOST_TEST((pool.core.take(pool.now) == 0u));  // trusted again
  pool.acquire();
  BOOST_TEST(pool.actions() == "check 1");
  pool.core.retire(1);
  pool.core.gone(1);
  BOOST_TEST(pool.actions() == "connect 1");
}

BOOST_AUTO_TEST_CASE(the_long_idle_are_checked) {
  PoolLimits careful = limits(0, 1);
  careful.check_after = 30s;
  Pool pool(careful);
  pool.open_one();
  pool.advance(29s);
  BOOST_TEST((pool.core.take(pool.now) == 0u));
  pool.back(0);
  pool.advance(30s);
  BOOST_TEST(!pool.core.take(pool.now));
  pool.acquire();
  BOOST_TEST(pool.actions() == "check 0");
}

BOOST_AUTO_TEST_CASE(closing) {
  Pool pool(limits(1, 2));
  BOOST_TEST(pool.actions() == "connect 1");
  pool.core.connected(1, pool.now);
  pool.open_one();
  BOOST_TEST((pool.core.take(pool.now) == 0u));
  pool.acquire();
  BOOST_TEST(pool.actions() == "hand a 1");
  pool.acquire(), pool.acquire();
  pool.core.close();
  BOOST_TEST(pool.actions() == "refuse b refuse c");
  BOOST_TEST(!pool.core.release(0, pool.now));
  pool.core.gone(0);
  BOOST_TEST(!pool.core.is_drained());
  BOOST_TEST(!pool.core.take(pool.now));
  pool.core.ready(1, pool.now);
  BOOST_TEST(pool.actions() == "retire 1");
  pool.core.gone(1);
  BOOST_TEST(pool.core.is_drained());
  pool.acquire();
  BOOST_TEST(pool.actions() == "refuse d");
}

BOOST_AUTO_TEST_CASE(a_connection_that_comes_after_the_close) {
  Pool pool(limits(0, 1));
  pool.acquire();
  BOOST_TEST(pool.actions() == "connect 0");
  pool.core.close();
  BOOST_TEST(pool.actions() == "refuse a");
  pool.core.connected(0, pool.now);
  BOOST_TEST(pool.actions() == "retire 0");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
