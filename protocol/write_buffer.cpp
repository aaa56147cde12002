// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/write_buffer.hpp"

#include <algorithm>

namespace pgstride::inline v0 {
namespace {

constexpr std::size_t initial_capacity = 4096;
// A drained buffer that grew beyond this gives its memory back: one huge parameter must not stay
// with the connection for life.
constexpr std::size_t keep_capacity = 1 << 20;

}  // namespace

void WriteBuffer::consume(std::size_t count) noexcept {
  assert(count <= end_ - begin_);
  begin_ += count;
  if (begin_ < end_) return;
  discarded_ += end_;
  begin_ = end_ = 0;
  if (capacity_ > keep_capacity) {
    data_.reset();
    capacity_ = 0;
  }
}

void WriteBuffer::make_room(std::size_t count) {
  const std::size_t used = end_ - begin_;
  if (begin_ > 0 && capacity_ - used >= count && begin_ >= used) {
    std::memmove(data_.get(), data_.get() + begin_, used);  // cheap: less moved than was sent
  } else {
    const std::size_t capacity = std::max({initial_capacity, 2 * capacity_, used + count});
    auto larger = std::make_unique_for_overwrite<std::byte[]>(capacity);
    if (used > 0) std::memcpy(larger.get(), data_.get() + begin_, used);
    data_ = std::move(larger);
    capacity_ = capacity;
  }
  discarded_ += begin_;
  begin_ = 0;
  end_ = used;
}

}  // namespace pgstride::inline v0
