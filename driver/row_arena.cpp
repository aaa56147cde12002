// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/row_arena.hpp"

#include <algorithm>

namespace pgstride::inline v0 {

constexpr std::size_t first_capacity = 128;  // of most single rows

void RowArena::add_block(std::size_t needed) {
  Block next(std::max({first_capacity, needed, last_.capacity * 2}), size());
  if (last_.count > 0) full_.push_back(std::move(last_));
  last_ = std::move(next);
}

void RowArena::clear() noexcept {
  full_.clear();
  last_.first = last_.used = last_.count = 0;
}

}  // namespace pgstride::inline v0
