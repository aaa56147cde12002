// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Values of one machine word: bool, the integers, object identifiers and floating point.
//
// Reading widens where nothing can be lost (an int2 column into std::int64_t), and only there.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "pgstride/protocol/codec/codec.hpp"

namespace pgstride::inline v0 {

/// Exactly the bytes of one big-endian integer.
template <class Int>
[[nodiscard]] inline bool parse_integer(Bytes bytes, Int& value) noexcept {
  Reader in(bytes);
  if constexpr (sizeof(Int) == 2) value = static_cast<Int>(in.u16());
  if constexpr (sizeof(Int) == 4) value = static_cast<Int>(in.u32());
  if constexpr (sizeof(Int) == 8) value = static_cast<Int>(in.u64());
  return in.done();
}

[[nodiscard]] inline bool parse_bool(Bytes bytes, bool& value) noexcept {
  Reader in(bytes);
  const auto byte = in.u8();
  value = byte != 0;
  return in.done() && byte <= 1;
}

[[nodiscard]] inline bool parse_float4(Bytes bytes, float& value) noexcept {
  Reader in(bytes);
  value = in.f32();
  return in.done();
}

[[nodiscard]] inline bool parse_float8(Bytes bytes, double& value) noexcept {
  Reader in(bytes);
  value = in.f64();
  return in.done();
}

/// Types whose binary form is an unsigned 32-bit number.
constexpr bool is_oid_like(Oid type) noexcept {
  switch (type) {
    case oid::oid:
    case oid::xid:
    case oid::cid:
    case oid::regproc:
    case oid::regprocedure:
    case oid::regoper:
    case oid::regoperator:
    case oid::regclass:
    case oid::regtype:
    case oid::regconfig:
    case oid::regdictionary:
    case oid::regnamespace:
    case oid::regrole:
    case oid::regcollation: return true;
    default: return false;
  }
}

template <>
struct Codec<bool> : BinaryType<oid::bool_> {
  static void encode(bool value, WriteBuffer& out) { out.u8(value ? 1 : 0); }
  static bool decode(Oid, Bytes bytes, bool& value) noexcept { return parse_bool(bytes, value); }
};

/// The signed integers under all their names: short, int, long, long long.
template <class T>
concept SignedWord =
    std::same_as<T, short> || std::same_as<T, int> || std::same_as<T, long> || std::same_as<T, long long>;

template <SignedWord T>
struct Codec<T> : BinaryType<sizeof(T) == 2   ? oid::int2
                             : sizeof(T) == 4 ? oid::int4
                                              : oid::int8> {
  static void encode(T value, WriteBuffer& out) {
    if constexpr (sizeof(T) == 2) out.i16(value);
    if constexpr (sizeof(T) == 4) out.i32(value);
    if constexpr (sizeof(T) == 8) out.i64(value);
  }

  static constexpr bool accepts(Oid type) noexcept {
    return type == oid::int2 || (type == oid::int4 && sizeof(T) >= 4) ||
           ((type == oid::int8 || is_oid_like(type)) && sizeof(T) == 8);
  }

  static bool decode(Oid type, Bytes bytes, T& value) noexcept {
    if constexpr (sizeof(T) == 8) {
      if (type == oid::int8) return parse_integer(bytes, value);
      if (is_oid_like(type)) return widened<std::uint32_t>(bytes, value);
    }
    if constexpr (sizeof(T) >= 4) {
      if (type == oid::int4) return widened<std::int32_t>(bytes, value);
    }
    return type == oid::int2 && widened<std::int16_t>(bytes, value);
  }

 private:
  template <class Wire>
  static bool widened(Bytes bytes, T& value) noexcept {
    Wire narrow = 0;
    if (!parse_integer(bytes, narrow)) return false;
    value = static_cast<T>(narrow);
    return true;
  }
};

/// PostgreSQL's only unsigned numbers are its identifiers: 32 unsigned bits are an oid.
template <>
struct Codec<std::uint32_t> : BinaryType<oid::oid> {
  static void encode(std::uint32_t value, WriteBuffer& out) { out.u32(value); }
  static constexpr bool accepts(Oid type) noexcept { return is_oid_like(type); }
  static bool decode(Oid, Bytes bytes, std::uint32_t& value) noexcept { return parse_integer(bytes, value); }
};

template <class T>
concept UnsignedLongWord = std::same_as<T, unsigned long> || std::same_as<T, unsigned long long>;

/// 64 unsigned bits are a size or a count. They are sent as int8, which has no room for the upper half of them, and
/// read from it when it is not negative; from xid8 and log positions, too (see FullTransactionId).
template <UnsignedLongWord T>
  requires(sizeof(T) == 8)
struct Codec<T> : BinaryType<oid::int8> {
  static void encode(T value, WriteBuffer& out) {
    if (value > most) return out.fail();
    out.u64(value);
  }
  static constexpr bool accepts(Oid type) noexcept {
    return type == oid::int8 || type == oid::xid8 || type == oid::pg_lsn || is_oid_like(type);
  }
  static bool decode(Oid type, Bytes bytes, T& value) noexcept {
    if (!is_oid_like(type)) return parse_integer(bytes, value) && (type != oid::int8 || value <= most);
    std::uint32_t narrow = 0;
    if (!parse_integer(bytes, narrow)) return false;
    value = narrow;
    return true;
  }

 private:
  static constexpr T most = std::numeric_limits<std::int64_t>::max();
};

template <>
struct Codec<float> : BinaryType<oid::float4> {
  static void encode(float value, WriteBuffer& out) { out.f32(value); }
  static bool decode(Oid, Bytes bytes, float& value) noexcept { return parse_float4(bytes, value); }
};

template <>
struct Codec<double> : BinaryType<oid::float8> {
  static void encode(double value, WriteBuffer& out) { out.f64(value); }
  static constexpr bool accepts(Oid type) noexcept { return type == oid::float8 || type == oid::float4; }
  static bool decode(Oid type, Bytes bytes, double& value) noexcept {
    if (type == oid::float8) return parse_float8(bytes, value);
    float narrow = 0;
    if (!parse_float4(bytes, narrow)) return false;
    value = static_cast<double>(narrow);
    return true;
  }
};

}  // namespace pgstride::inline v0
