// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Letters as the protocol and its words know them, whatever the process's locale.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "pgstride/protocol/bytes.hpp"

namespace pgstride::inline v0 {

constexpr char ascii_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char a, char b) { return ascii_lower(a) == ascii_lower(b); });
}

/// Most text is, and needs no decoding then. Eight bytes at a time.
inline bool is_ascii(Bytes bytes) noexcept {
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  const std::byte* p = bytes.data();
  const std::size_t size = bytes.size();
  const auto word_at = [p](std::size_t at) {
    std::uint64_t word = 0;
    std::memcpy(&word, p + at, sizeof word);
    return word;
  };
  std::uint64_t seen = 0;
  if (size < sizeof seen) {
    for (std::size_t i = 0; i < size; ++i) seen |= std::to_integer<std::uint64_t>(p[i]);
  } else {
    for (std::size_t i = 0; i + sizeof seen < size; i += sizeof seen) seen |= word_at(i);
    seen |= word_at(size - sizeof seen);  // the last eight, some of them for the second time
  }
  return (seen & high_bits) == 0;
}

}  // namespace pgstride::inline v0
