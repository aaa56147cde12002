// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/result.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "pgstride/driver/exception.hpp"

namespace pgstride::inline v0 {
namespace {

constexpr std::size_t first_capacity = 128;
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

void RowArena::append(Bytes row) {
  const std::size_t taken = used_ + count_ * sizeof(std::size_t);
  const std::size_t needed = row.size() + sizeof(std::size_t);
  if (capacity_ - taken < needed) make_room(taken + needed);
  if (!row.empty()) std::memcpy(memory_.get() + used_, row.data(), row.size());
  used_ += row.size();
  std::memcpy(end_slot(count_), &used_, sizeof used_);
  ++count_;
}

void RowArena::make_room(std::size_t needed) {
  const std::size_t capacity = std::max({first_capacity, needed, capacity_ * 2});
  const std::size_t ends = count_ * sizeof(std::size_t);
  auto memory = std::make_unique_for_overwrite<std::byte[]>(capacity);
  if (count_ > 0) {
    std::memcpy(memory.get(), memory_.get(), used_);
    std::memcpy(memory.get() + capacity - ends, memory_.get() + capacity_ - ends, ends);
  }
  memory_ = std::move(memory);
  capacity_ = capacity;
}

const Columns& Result::columns() const noexcept {
  static const Columns none;
  return columns_ ? *columns_ : none;
}

void Result::require_row() const {
  if (empty()) throw Error(Errc::invalid_argument, "the query returned no row");
}

}  // namespace pgstride::inline v0
