// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/result.hpp"

#include <new>

#include "pgstride/driver/exception.hpp"

namespace pgstride::inline v0 {
namespace {

constexpr std::size_t most_notices = 1024;

}  // namespace

void Completion::add(CommandTag tag) {
  if (any_) earlier_.push_back(std::move(tag_));
  tag_ = tag.text();
  any_ = true;
}

// More notices than these are not worth the memory (R-M4).
void Completion::add(const Notice& notice) noexcept {
  if (notices_.size() == most_notices) return;
  try {
    notices_.push_back(notice);
  } catch (const std::bad_alloc&) {  // losing a notice is better than failing the request
  }
}

const Columns& Result::columns() const noexcept {
  static const Columns none;
  return columns_ ? *columns_ : none;
}

void Result::require_row() const {
  if (empty()) throw Error(Errc::invalid_argument, "the query returned no row");
}

}  // namespace pgstride::inline v0
