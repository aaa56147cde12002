// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// inet and cidr: an address and how many of its leading bits name the network. Knows no names and no
// text form; the heads have address types of their own.
#pragma once

#include <cstdint>

#include "pgstride/protocol/codec/codec.hpp"

namespace pgstride::inline v0 {

struct InetView {
  bool is_cidr = false;
  std::uint8_t prefix_length = 0;
  Bytes address;  // 4 bytes of IPv4 or 16 of IPv6

  bool is_ipv6() const noexcept { return address.size() == 16; }
  /// A single host, not a network.
  bool is_host() const noexcept { return prefix_length == 8 * address.size(); }
};

// The server's own numbers of the families: its AF_INET, and that plus one on every platform.
inline constexpr std::uint8_t inet_family_ipv4 = 2;
inline constexpr std::uint8_t inet_family_ipv6 = 3;

[[nodiscard]] inline bool parse_inet(Bytes bytes, InetView& value) noexcept {
  Reader in(bytes);
  const auto family = in.u8();
  value.prefix_length = in.u8();
  const auto is_cidr = in.u8();
  value.address = in.take(in.u8());
  value.is_cidr = is_cidr == 1;
  if (!in.done() || is_cidr > 1 || (family != inet_family_ipv4 && family != inet_family_ipv6)) return false;
  return value.address.size() == (family == inet_family_ipv4 ? 4U : 16U) &&
         value.prefix_length <= 8 * value.address.size();
}

/// The buffer fails when the address is neither 4 nor 16 bytes or the prefix longer than it.
inline void write_inet(WriteBuffer& out, const InetView& value) {
  const auto size = value.address.size();
  if ((size != 4 && size != 16) || value.prefix_length > 8 * size) return out.fail();
  out.u8(value.is_ipv6() ? inet_family_ipv6 : inet_family_ipv4);
  out.u8(value.prefix_length);
  out.u8(value.is_cidr ? 1 : 0);
  out.u8(static_cast<std::uint8_t>(size));
  out.bytes(value.address);
}

}  // namespace pgstride::inline v0
