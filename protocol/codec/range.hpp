// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Ranges and multiranges of any type: which bounds there are, and the bytes of each. What those bytes
// mean is for the codec of the bounds' type.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pgstride/protocol/codec/codec.hpp"
#include "pgstride/protocol/codec/parts.hpp"

namespace pgstride::inline v0 {

struct RangeView {
  bool empty = false;
  bool lower_inclusive = false;
  bool upper_inclusive = false;
  bool has_lower = false;  // otherwise unbounded on this side
  bool has_upper = false;
  Bytes lower;
  Bytes upper;
};

namespace range_flag {
inline constexpr unsigned empty = 0x01;
inline constexpr unsigned lower_inclusive = 0x02;
inline constexpr unsigned upper_inclusive = 0x04;
inline constexpr unsigned lower_infinite = 0x08;
inline constexpr unsigned upper_infinite = 0x10;
inline constexpr unsigned all = 0x1F;
}  // namespace range_flag

[[nodiscard]] inline bool parse_range(Bytes bytes, RangeView& value) noexcept {
  Reader in(bytes);
  const unsigned flags = in.u8();
  value = {};
  value.empty = (flags & range_flag::empty) != 0;
  value.lower_inclusive = (flags & range_flag::lower_inclusive) != 0;
  value.upper_inclusive = (flags & range_flag::upper_inclusive) != 0;
  value.has_lower = !value.empty && (flags & range_flag::lower_infinite) == 0;
  value.has_upper = !value.empty && (flags & range_flag::upper_infinite) == 0;
  if (value.has_lower) value.lower = read_present_part(in);
  if (value.has_upper) value.upper = read_present_part(in);
  return in.done() && (flags & ~range_flag::all) == 0;
}

/// What comes before the bounds. Those that the range has follow, lower first, each with its length.
inline void write_range_header(WriteBuffer& out, const RangeView& value) {
  unsigned flags = 0;
  if (value.empty) {
    flags = range_flag::empty;
  } else {
    if (value.lower_inclusive) flags |= range_flag::lower_inclusive;
    if (value.upper_inclusive) flags |= range_flag::upper_inclusive;
    if (!value.has_lower) flags |= range_flag::lower_infinite;
    if (!value.has_upper) flags |= range_flag::upper_infinite;
  }
  out.u8(static_cast<std::uint8_t>(flags));
}

/// Walks over the ranges of a multirange: next() count() times, then done() must hold.
class MultirangeView {
 public:
  [[nodiscard]] bool parse(Bytes bytes) noexcept {
    constexpr std::size_t smallest_range = sizeof(std::int32_t) + 1;
    in_ = Reader(bytes);
    const std::int32_t count = in_.i32();
    if (!in_.ok() || count < 0 || static_cast<std::size_t>(count) > in_.remaining() / smallest_range)
      return false;
    count_ = static_cast<std::size_t>(count);
    return count_ > 0 || in_.empty();
  }

  std::size_t count() const noexcept { return count_; }
  [[nodiscard]] bool next(RangeView& range) noexcept {
    const Bytes bytes = read_present_part(in_);
    return in_.ok() && parse_range(bytes, range);
  }
  bool done() const noexcept { return in_.done(); }

 private:
  Reader in_{Bytes{}};
  std::size_t count_ = 0;
};

/// The ranges follow, each with its length.
inline void write_multirange_header(WriteBuffer& out, std::size_t count) { write_count(out, count); }

}  // namespace pgstride::inline v0
