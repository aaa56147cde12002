// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// bit and varbit: a number of bits, first bit highest, the last byte padded with zeros.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pgstride/protocol/codec/codec.hpp"

namespace pgstride::inline v0 {

struct BitsView {
  std::size_t count = 0;
  Bytes bytes;  // (count + 7) / 8 of them

  bool bit(std::size_t i) const noexcept {
    return (std::to_integer<unsigned>(bytes[i / 8]) >> (7 - i % 8) & 1U) != 0;
  }
};

constexpr std::size_t bytes_of_bits(std::size_t count) noexcept {
  return count / 8 + (count % 8 != 0 ? 1 : 0);
}

[[nodiscard]] inline bool parse_bits(Bytes bytes, BitsView& value) noexcept {
  Reader in(bytes);
  const std::int32_t count = in.i32();
  value.bytes = in.rest();
  value.count = static_cast<std::size_t>(count);
  return in.done() && count >= 0 && value.bytes.size() == bytes_of_bits(value.count);
}

inline void write_bits(WriteBuffer& out, const BitsView& value) {
  if (value.count > 0x7FFFFFFF || value.bytes.size() != bytes_of_bits(value.count)) return out.fail();
  out.i32(static_cast<std::int32_t>(value.count));
  out.bytes(value.bytes);
}

}  // namespace pgstride::inline v0
