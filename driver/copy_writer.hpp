// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// CopyWriter: a COPY … FROM STDIN whose data its owner brings when it likes, in pieces of any size.
// Small ones gather until they are worth a message. Both heads use it.
#pragma once

#include <string>
#include <string_view>

#include "pgstride/driver/channel.hpp"
#include "pgstride/protocol/operations/copy_in.hpp"

namespace pgstride::inline v0 {

class CopyWriter : public CopyIn {
 public:
  /// False: wait for on_progress(), or on_done(), before bringing more.
  bool has_room() const noexcept { return batch_.pending().size() < piece && data_.empty(); }

  /// Neither has there been room since there was none, nor is it over: on_progress(), or on_done(), is to come.
  bool waits_for_room() const noexcept { return waiting_ && pending(); }
  /// Some of the data given to write() are used where they are.
  bool borrows_data() const noexcept { return !data_.empty(); }

  /// Takes data. False: there is no room for more, or others should have their turn of the loop, and
  /// `data` must stay where they are until on_progress().
  bool write(Bytes data);
  /// For data that are made where they gather: write here, then settle(). True: there is room for more.
  WriteBuffer& batch() noexcept { return batch_; }
  bool settle();
  /// No more data: on_done() follows. What was broken off stays so.
  void end();
  bool has_ended() const noexcept { return end_ == End::complete; }
  /// The COPY must not succeed, for this reason: on_done() follows, without a failure.
  void break_off(std::string_view reason);

 protected:
  /// `sql` is used by submit() only.
  CopyWriter(Channel& channel, std::string_view sql) noexcept : CopyIn(sql), channel_(channel) {}

  Channel& channel() const noexcept { return channel_; }

 private:
  Supply supply(WriteBuffer& out) final;

  static constexpr std::size_t piece = 64 << 10;           // bytes, of one message and of one batch
  static constexpr std::uint64_t turn_budget = 256 << 10;  // bytes sent before the owner is made to wait
  enum class End : std::uint8_t { open, complete, broken };

  Channel& channel_;
  WriteBuffer batch_;
  Bytes data_;  // behind the batch: what did not fit, where the owner keeps it
  std::string reason_;
  std::uint64_t sent_ = 0;  // bytes, since the owner waited
  End end_ = End::open;
  bool waiting_ = false;  // the owner, for room
};

}  // namespace pgstride::inline v0
