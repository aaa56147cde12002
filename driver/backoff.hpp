// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Pauses between attempts that fail. What is random in them is up to who makes them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "pgstride/driver/loop/loop.hpp"

namespace pgstride::inline v0 {

/// `first` after attempt 1, and doubled with each further one up to `longest`. Never negative.
constexpr Duration doubled_pause(std::int64_t attempt, Duration first, Duration longest) noexcept {
  longest = std::max(longest, Duration::zero());
  Duration pause = std::clamp(first, Duration::zero(), longest);
  while (--attempt > 0 && pause > Duration::zero() && pause < longest)
    pause = pause > longest / 2 ? longest : pause * 2;
  return pause;
}

}  // namespace pgstride::inline v0
