// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A pool's year, with a thousand outages of its server, as fast as it can be counted (SK-4).
#include <algorithm>
#include <map>
#include <random>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/pool_core.hpp"

namespace pgstride::test {
namespace {

using namespace std::chrono_literals;
using Kind = PoolCore::Action::Kind;
using Slot = PoolCore::Slot;

constexpr Duration year = 365 * 24h;
constexpr int outages = 1000;
constexpr Duration longest_outage = 10min;

PoolLimits yearly_limits(unsigned seed) {
  PoolLimits limits;
  limits.max_size = 4;
  limits.min_size = 2;
  limits.max_idle = 10min;
  limits.max_lifetime = 1h;
  limits.check_after = 5min;
  limits.seed = seed;
  return limits;
}

class Year {
 public:
  explicit Year(unsigned seed) : random_(seed), limits_(yearly_limits(seed)), core_(limits_) {}

  void pass() {
    const TimePoint end = now_ + year;
    next_outage_ = now_ + some(2 * (year / outages));
    next_request_ = now_;
    for (carry_out(); now_ < end; ++steps) {
      now_ = std::min({end, core_.due(), next_outage_, outage_ends_, next_request_});
      if (now_ >= next_outage_) begin_outage();
      if (now_ >= outage_ends_) end_outage();
      core_.tick(now_);
      if (now_ >= next_request_) request();
      carry_out();
      check();
    }
  }
  const PoolCounts& counts() const { return core_.counts(); }

  long steps = 0;
  int seen_outages = 0;
  long requests = 0, served = 0, late = 0;

 private:
  Duration some(Duration most) {
    return Duration(std::uniform_int_distribution<Duration::rep>(1, most.count())(random_));
  }
  void begin_outage() {
    ++seen_outages;
    outage_ends_ = now_ + some(longest_outage);
    next_outage_ = outage_ends_ + some(2 * (year / outages));
    for (Slot slot = 0; slot < core_.max_size(); ++slot) core_.gone(slot);
  }
  void end_outage() {
    outage_ends_ = never;
    well_since_ = now_;
  }
  bool is_down() const { return outage_ends_ != never; }

  void request() {
    next_request_ = now_ + some(20min);
    if (waiter_.is_waiting()) return;
    ++requests;
    core_.acquire(waiter_, now_ + 30s);
  }

  // Whatever is asked of the server takes no time.
  void carry_out() {
    while (const auto action = core_.next_action(now_)) {
      const Slot slot = action->slot;
      switch (action->kind) {
        case Kind::connect:
          if (is_down()) {
            core_.failed(slot, now_);
          } else {
            opened_[slot] = now_;
            core_.connected(slot, now_);
          }
          break;
        case Kind::check: core_.ready(slot, now_); break;
        case Kind::retire: core_.gone(slot); break;
        case Kind::hand:
          ++served;
          BOOST_REQUIRE(!is_down());
          BOOST_REQUIRE((now_ - opened_[slot] <= limits_.max_lifetime));
          if (core_.release(slot, now_)) {
            core_.ready(slot, now_);
          } else {
            core_.gone(slot);
          }
          break;
        case Kind::refuse:
        case Kind::refuse_full:
        case Kind::refuse_late: ++late; break;
      }
    }
  }
  void check() {
    const PoolCounts& counts = core_.counts();
    BOOST_REQUIRE(counts.size() + counts.connecting <= limits_.max_size);
    if (!is_down() && now_ - well_since_ > limits_.longest_backoff)
      BOOST_REQUIRE(counts.size() >= limits_.min_size);
  }

  std::mt19937 random_;
  PoolLimits limits_;
  PoolCore core_;
  TimePoint now_{1h};
  TimePoint next_outage_ = never, outage_ends_ = never, next_request_ = never, well_since_ = now_;
  PoolCore::Waiter waiter_;
  std::map<Slot, TimePoint> opened_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(pool_core_year)

BOOST_AUTO_TEST_CASE(a_year_with_a_thousand_outages) {  // SK-4, R-L7, R-L8
  const unsigned seed = std::random_device()();
  BOOST_TEST_CONTEXT("seed " << seed) {
    Year year_of_it(seed);
    year_of_it.pass();
    const PoolCounts& counts = year_of_it.counts();
    BOOST_TEST(year_of_it.seen_outages > outages / 2);
    BOOST_TEST(year_of_it.served + year_of_it.late >= year_of_it.requests - 1);
    BOOST_TEST(year_of_it.late < year_of_it.requests / 20);
    // Each of two lives for an hour, or until the next outage; while there is one they are tried with pauses.
    BOOST_TEST(counts.opened < 2U * 365 * 24 * 3 / 2 + 4U * outages);
    BOOST_TEST(counts.failed < 100U * outages);
    BOOST_TEST(year_of_it.steps < 1'000'000);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
