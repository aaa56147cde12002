// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// From received bytes to frames: one array that recv() writes into and messages are read out of.
//
//     | consumed |  frame · frame · part of a fr | free              |
//     0        begin_                          end_             capacity_
//
// The array grows with bytes *received*, never with bytes *announced* (a length field of 1 GiB
// costs nothing until the gigabyte arrives), and a frame's length is checked against the limit of its
// type in the present phase before the body is waited for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "pgstride/protocol/bytes.hpp"

namespace pgstride::inline v0 {

/// One message of the server. The body lies in the receive buffer and is valid until the next read.
struct Frame {
  char type = 0;
  Bytes body;
};

/// How far the connection has come; decides which messages are legal and how long they may be.
enum class Phase : std::uint8_t {
  authenticating,  // until AuthenticationOk: R, v, E
  starting,        // until the first ReadyForQuery: S, K, N, E, Z
  running,
};

/// The protocol's name for a backend message type: "DataRow" for 'D'; "unknown message" if none.
const char* message_name(char type) noexcept;

class ReadBuffer {
 public:
  enum class Next : std::uint8_t {
    frame,
    need_more,
    illegal_type,    // not in this phase
    illegal_length,  // not for this type
    over_limit,      // a row or COPY data beyond max_message_size
  };

  explicit ReadBuffer(std::uint32_t max_message_size) noexcept : max_message_size_(max_message_size) {}
  ReadBuffer(const ReadBuffer&) = delete;
  ReadBuffer& operator=(const ReadBuffer&) = delete;

  /// Free space for the next recv(); never empty. Ends the life of frames handed out before.
  std::span<std::byte> prepare();
  void commit(std::size_t count) noexcept;

  /// The next complete frame, or why there is none; need_more, too, ends the life of frames handed
  /// out before. For the last three `frame.type` and announced_length() tell the offender; they are
  /// final.
  Next next(Frame& frame, Phase phase) noexcept;
  /// In a run of rows or of COPY data: the next complete frame, if it is one more of that type. False:
  /// next() is to be asked, and is for all that is out of the ordinary.
  bool next_alike(char type, Frame& frame) noexcept {
    constexpr std::uint32_t shortest = 6;  // of a DataRow without columns
    const std::byte* const at = data_.get() + begin_;
    if (unread() < header_size || static_cast<char>(at[0]) != type) return false;
    const auto length = load_big_endian<std::uint32_t>(at + 1);
    if (length < shortest || length > max_message_size_ || unread() - 1 < length) return false;
    frame = {type, {at + header_size, length + 1 - header_size}};
    begin_ += length + 1;
    wanted_ = 0;
    return true;
  }
  std::int32_t announced_length() const noexcept { return announced_length_; }

  std::size_t capacity() const noexcept { return capacity_; }
  /// Bytes received but not yet handed out as frames.
  std::size_t unread() const noexcept { return end_ - begin_; }

 private:
  static constexpr std::size_t header_size = 5;

  void reallocate(std::size_t capacity);
  void give_back() noexcept;

  std::unique_ptr<std::byte[]> data_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t wanted_ = 0;  // size of the frame that begins at begin_, once its header was seen
  std::uint32_t max_message_size_;
  std::int32_t announced_length_ = 0;
  bool filled_ = false;  // the last recv() used up all the space it was given
};

}  // namespace pgstride::inline v0
