// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Bytes on their way to the server: one growing array that messages are written into in place.
//
// Sizes are computed in 64 bits. A message or value that the protocol cannot carry sets a sticky
// error, and the caller that began the operation cuts the buffer back (truncate), so that a length that
// wrapped round can never reach the wire.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "pgstride/protocol/bytes.hpp"

namespace pgstride::inline v0 {

/// PostgreSQL refuses messages of 1 GiB and more.
inline constexpr std::uint64_t max_outgoing_message = (std::uint64_t{1} << 30) - 1;

class TypeNames;

class WriteBuffer {
 public:
  WriteBuffer() = default;
  WriteBuffer(const WriteBuffer&) = delete;
  WriteBuffer& operator=(const WriteBuffer&) = delete;

  void u8(std::uint8_t v) { *grow(1) = static_cast<std::byte>(v); }
  void i16(std::int16_t v) { store_big_endian(grow(2), v); }
  void u16(std::uint16_t v) { store_big_endian(grow(2), v); }
  void i32(std::int32_t v) { store_big_endian(grow(4), v); }
  void u32(std::uint32_t v) { store_big_endian(grow(4), v); }
  void i64(std::int64_t v) { store_big_endian(grow(8), v); }
  void u64(std::uint64_t v) { store_big_endian(grow(8), v); }
  void f32(float v) { u32(std::bit_cast<std::uint32_t>(v)); }
  void f64(double v) { u64(std::bit_cast<std::uint64_t>(v)); }
  void bytes(Bytes b) {
    if (b.size() > max_outgoing_message) return fail_too_large();
    if (!b.empty()) std::memcpy(grow(b.size()), b.data(), b.size());
  }
  /// Messages that were written elsewhere, in any number.
  void append(Bytes messages) {
    if (!messages.empty()) std::memcpy(grow(messages.size()), messages.data(), messages.size());
  }
  void text(std::string_view s) { bytes(as_bytes(s)); }
  /// A protocol string. The caller has made sure that it holds no NUL (R-E2).
  void cstr(std::string_view s) {
    text(s);
    u8(0);
  }

  /// Room for `count` bytes at the end, to be filled by the caller.
  std::byte* grow(std::size_t count) {
    if (capacity_ - end_ < count) [[unlikely]]
      make_room(count);
    std::byte* at = data_.get() + end_;
    end_ += count;
    return at;
  }

  /// Absolute position of the next byte, counted from the buffer's birth: never falls when bytes
  /// are sent, so positions stay valid while earlier bytes leave.
  std::uint64_t position() const noexcept { return discarded_ + end_; }
  /// Absolute position of the first byte not yet sent.
  std::uint64_t sent() const noexcept { return discarded_ + begin_; }
  /// Cuts everything from `position` on. Bytes already sent cannot be cut.
  void truncate(std::uint64_t position) noexcept {
    assert(position >= sent() && position <= this->position());
    end_ = static_cast<std::size_t>(position - discarded_);
  }
  void patch_i32(std::uint64_t position, std::int32_t value) noexcept {
    store_big_endian(data_.get() + (position - discarded_), value);
  }

  Bytes pending() const noexcept { return {data_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t count) noexcept;

  /// What is known of types that have no number of their own; may be null.
  const TypeNames* types() const noexcept { return types_; }
  void set_types(const TypeNames* types) noexcept { types_ = types; }

  /// Something could not be represented; sticks until take_failure(). `why` is a phrase that lives for ever.
  [[gnu::cold]] void fail(const char* why = "") noexcept {
    if (!failed_) why_ = why;
    failed_ = true;
  }
  /// The same, of what PostgreSQL would refuse for its size.
  [[gnu::cold]] void fail_too_large() noexcept { failed_ = too_large_ = true; }
  /// As `other`, which a part of this was written to, has failed, if it has.
  void fail_as(const WriteBuffer& other) noexcept {
    if (other.failed_) fail(other.why_);
    too_large_ = too_large_ || other.too_large_;
  }
  bool failed() const noexcept { return failed_; }
  bool failed_too_large() const noexcept { return too_large_; }
  /// Why it has failed; empty when there is nothing to say beyond that.
  const char* why_failed() const noexcept { return why_; }
  bool take_failure() noexcept {
    const bool was = failed_;
    failed_ = too_large_ = false;
    why_ = "";
    return was;
  }

 private:
  [[gnu::cold]] void make_room(std::size_t count);

  std::unique_ptr<std::byte[]> data_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t discarded_ = 0;
  const TypeNames* types_ = nullptr;
  const char* why_ = "";
  bool failed_ = false;
  bool too_large_ = false;
};

/// One message being written: type byte, then a length that is patched when the scope ends.
class Message {
 public:
  Message(WriteBuffer& out, char type) : out_(out) {
    out.u8(static_cast<std::uint8_t>(type));
    start_ = out.position();
    out.i32(0);
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  ~Message() {
    const std::uint64_t length = out_.position() - start_;
    if (length > max_outgoing_message) out_.fail_too_large();
    out_.patch_i32(start_, static_cast<std::int32_t>(length & max_outgoing_message));
  }

 private:
  WriteBuffer& out_;
  std::uint64_t start_ = 0;
};

/// One length-prefixed value (a parameter, an array element, a COPY field) being written.
class ValueLength {
 public:
  explicit ValueLength(WriteBuffer& out) : out_(out), start_(out.position()) { out.i32(0); }
  ValueLength(const ValueLength&) = delete;
  ValueLength& operator=(const ValueLength&) = delete;
  ~ValueLength() {
    const std::uint64_t length = out_.position() - start_ - 4;
    if (length > max_outgoing_message) out_.fail_too_large();
    out_.patch_i32(start_, static_cast<std::int32_t>(length & max_outgoing_message));
  }

 private:
  WriteBuffer& out_;
  std::uint64_t start_;
};

}  // namespace pgstride::inline v0
