// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// uuid: sixteen bytes and their two spellings. Knows nothing of versions or variants.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "pgstride/protocol/codec/codec.hpp"

namespace pgstride::inline v0 {

struct Uuid {
  std::array<std::byte, 16> bytes{};
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

inline constexpr std::size_t uuid_text_size = 36;

[[nodiscard]] inline bool parse_uuid(Bytes bytes, Uuid& value) noexcept {
  if (bytes.size() != value.bytes.size()) return false;
  std::memcpy(value.bytes.data(), bytes.data(), bytes.size());
  return true;
}

inline void write_uuid(WriteBuffer& out, const Uuid& value) { out.bytes(value.bytes); }

/// Writes exactly uuid_text_size characters, 8-4-4-4-12 in lower case, and returns their end.
char* uuid_to_text(const Uuid& value, char* out) noexcept;
std::string to_string(const Uuid& value);

/// Every spelling that the server takes: either case, hyphens after any group of four digits or
/// none, braces around the whole or none.
[[nodiscard]] bool uuid_from_text(std::string_view text, Uuid& value) noexcept;

template <>
struct Codec<Uuid> : BinaryType<oid::uuid> {
  static void encode(const Uuid& value, WriteBuffer& out) { write_uuid(out, value); }
  static bool decode(Oid, Bytes bytes, Uuid& value) noexcept { return parse_uuid(bytes, value); }
};

}  // namespace pgstride::inline v0
