// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Any order of events: a random walk beside a model that knows only who has what. When an invariant does
// not hold, the seed and the events that led there are printed. PGSTRIDE_POOL_SEED repeats one walk,
// PGSTRIDE_POOL_WALKS sets their number. (PM-1, PM-2, PM-3, PM-6, PM-7, PM-8, PM-9)
#include <cstdlib>
#include <random>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/pool_walk.hpp"

namespace pgstride::test {
namespace {

std::string walk(unsigned seed, int steps) {
  RandomDice dice(seed);
  return PoolWalk(dice).run(steps);
}

// The shortest run of the same walk that still fails.
std::string shortened(unsigned seed, int steps) {
  for (int fewer = 1; fewer < steps; ++fewer)
    if (std::string found = walk(seed, fewer); !found.empty()) return found;
  return walk(seed, steps);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pool_core_model)

BOOST_AUTO_TEST_CASE(random_walks) {
  constexpr int steps = 60;
  const char* number = std::getenv("PGSTRIDE_POOL_WALKS");
  const char* fixed = std::getenv("PGSTRIDE_POOL_SEED");
  const int walks = fixed ? 1 : number ? std::atoi(number) : 3000;
  const unsigned first = fixed ? static_cast<unsigned>(std::atoi(fixed)) : std::random_device()();
  BOOST_TEST_MESSAGE("seeds from " << first);
  for (int i = 0; i < walks; ++i) {
    const unsigned seed = first + static_cast<unsigned>(i);
    if (walk(seed, steps).empty()) continue;
    BOOST_FAIL("PGSTRIDE_POOL_SEED=" << seed << ": " << shortened(seed, steps));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
