// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/text.hpp"

#include <cstring>

namespace pgstride::inline v0 {
namespace {

constexpr std::uint64_t high_bits = 0x8080808080808080;

bool is_ascii_word(const std::byte* p) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, p, sizeof word);
  return (word & high_bits) == 0;
}

/// How many bytes the sequence that begins with `lead` has, and the range of its second byte, which
/// is where overlong forms, surrogates and numbers beyond Unicode show (Unicode, table 3-7).
struct Sequence {
  std::size_t length;  // 0: no sequence begins so
  unsigned low = 0x80;
  unsigned high = 0xBF;
};

constexpr Sequence sequence(unsigned lead) noexcept {
  if (lead < 0xC2) return {0};
  if (lead < 0xE0) return {2};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead < 0xF0) return {3};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead < 0xF4) return {4};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {0};
}

}  // namespace

bool is_utf8(Bytes bytes) noexcept {
  const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(bytes[i]); };
  const std::size_t size = bytes.size();
  std::size_t i = 0;
  while (i < size) {
    if (size - i >= sizeof(std::uint64_t) && is_ascii_word(bytes.data() + i)) {
      i += sizeof(std::uint64_t);
      continue;
    }
    const unsigned lead = at(i);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const Sequence s = sequence(lead);
    if (s.length == 0 || size - i < s.length) return false;
    if (at(i + 1) < s.low || at(i + 1) > s.high) return false;
    for (std::size_t k = 2; k < s.length; ++k) {
      if ((at(i + k) & 0xC0) != 0x80) return false;
    }
    i += s.length;
  }
  return true;
}

bool parse_text(Oid type, Bytes bytes, std::string_view& text) noexcept {
  if (is_versioned_text(type) && !parse_versioned_text(bytes, bytes)) return false;
  text = as_text(bytes);
  return is_utf8(bytes);
}

bool Codec<std::string>::decode(Oid type, Bytes bytes, std::string& value) {
  std::string_view text;
  if (!parse_text(type, bytes, text)) return false;
  value.assign(text);
  return true;
}

bool Codec<std::vector<std::byte>>::decode(Oid, Bytes bytes, std::vector<std::byte>& value) {
  value.assign(bytes.begin(), bytes.end());
  return true;
}

}  // namespace pgstride::inline v0
