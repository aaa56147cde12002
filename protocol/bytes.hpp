// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Bytes that came from the other side, and the one cursor that may walk over them.
//
// Everything the server sends is untrusted. Reader is the only code that steps through received
// bytes; all of protocol/ and all codecs read through it, so a bound is checked in one place.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace pgstride::inline v0 {

using Bytes = std::span<const std::byte>;

inline std::string_view as_text(Bytes b) noexcept {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}

inline Bytes as_bytes(std::string_view s) noexcept {
  return {reinterpret_cast<const std::byte*>(s.data()), s.size()};
}

/// Big-endian load of a trivially copyable integer. The caller has checked that the bytes exist.
template <class Int>
Int load_big_endian(const std::byte* p) noexcept {
  using Unsigned = std::make_unsigned_t<Int>;
  Unsigned value = 0;
  std::memcpy(&value, p, sizeof value);
  if constexpr (std::endian::native == std::endian::little) {
    if constexpr (sizeof(Int) == 2) value = __builtin_bswap16(value);
    if constexpr (sizeof(Int) == 4) value = __builtin_bswap32(value);
    if constexpr (sizeof(Int) == 8) value = __builtin_bswap64(value);
  }
  return static_cast<Int>(value);
}

template <class Int>
void store_big_endian(std::byte* p, Int number) noexcept {
  auto value = static_cast<std::make_unsigned_t<Int>>(number);
  if constexpr (std::endian::native == std::endian::little) {
    if constexpr (sizeof(Int) == 2) value = __builtin_bswap16(value);
    if constexpr (sizeof(Int) == 4) value = __builtin_bswap32(value);
    if constexpr (sizeof(Int) == 8) value = __builtin_bswap64(value);
  }
  std::memcpy(p, &value, sizeof value);
}

/// A bounds-checked big-endian cursor. A read past the end yields zeros or empty views and makes
/// the error stick, so a parser reads a whole message and asks ok() or done() once at the end.
class Reader {
 public:
  explicit Reader(Bytes bytes) noexcept : at_(bytes.data()), left_(bytes.size()) {}

  std::uint8_t u8() noexcept { return integer<std::uint8_t>(); }
  std::int16_t i16() noexcept { return integer<std::int16_t>(); }
  std::uint16_t u16() noexcept { return integer<std::uint16_t>(); }
  std::int32_t i32() noexcept { return integer<std::int32_t>(); }
  std::uint32_t u32() noexcept { return integer<std::uint32_t>(); }
  std::int64_t i64() noexcept { return integer<std::int64_t>(); }
  std::uint64_t u64() noexcept { return integer<std::uint64_t>(); }
  float f32() noexcept { return std::bit_cast<float>(u32()); }
  double f64() noexcept { return std::bit_cast<double>(u64()); }

  /// The bytes up to, and past, the next NUL; without the NUL. A missing NUL is an error.
  std::string_view cstr() noexcept {
    const void* nul = left_ == 0 ? nullptr : std::memchr(at_, 0, left_);
    if (nul == nullptr) return fail(), std::string_view{};
    const auto text = as_text(take(static_cast<std::size_t>(static_cast<const std::byte*>(nul) - at_)));
    take(1);
    return text;
  }

  /// The next `count` bytes as a view; empty and an error when there are fewer.
  Bytes take(std::size_t count) noexcept {
    if (count > left_) [[unlikely]]
      return fail(), Bytes{};
    const Bytes taken(at_, count);
    at_ += count;
    left_ -= count;
    return taken;
  }

  Bytes rest() noexcept { return take(left_); }

  std::size_t remaining() const noexcept { return left_; }
  bool empty() const noexcept { return left_ == 0; }
  /// No read so far went past the end.
  bool ok() const noexcept { return ok_; }
  /// Everything was read, and nothing beyond it: what a complete message must satisfy.
  bool done() const noexcept { return ok_ && left_ == 0; }
  /// For a parser that finds a value it cannot accept: sticks like a short read.
  void fail() noexcept {
    ok_ = false;
    at_ += left_;
    left_ = 0;
  }

 private:
  template <class Int>
  Int integer() noexcept {
    if (left_ < sizeof(Int)) [[unlikely]]
      return fail(), Int{0};
    const auto value = load_big_endian<Int>(at_);
    at_ += sizeof(Int);
    left_ -= sizeof(Int);
    return value;
  }

  const std::byte* at_;
  std::size_t left_;
  bool ok_ = true;
};

}  // namespace pgstride::inline v0
