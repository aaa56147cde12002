// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// COPY … TO STDOUT: a simple Query whose reply is data, handed on where they lie in the receive buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "pgstride/protocol/backend.hpp"
#include "pgstride/protocol/operation.hpp"
#include "pgstride/protocol/session.hpp"

namespace pgstride::inline v0 {

/// Messages of data that have been received, one behind the other.
class CopyData {
 public:
  CopyData(Session& session, Frame& first) noexcept : session_(session), frame_(first) {}

  /// The next one, until on_data() returns. False: no more have been received.
  bool next(Bytes& message) noexcept {
    if (!std::exchange(is_first_, false) && !session_.next_of_run(frame_)) return false;
    message = frame_.body;
    return true;
  }
  /// Bytes that next() may bring, with the message that is next, or was last.
  std::size_t size_at_most() const noexcept { return frame_.body.size() + session_.unread(); }

 private:
  Session& session_;
  Frame& frame_;
  bool is_first_ = true;
};

class CopyOut : public Operation {
 protected:
  /// `sql` is used by submit() only; it holds no NUL. It may be a script, of which one statement is a
  /// COPY.
  explicit CopyOut(std::string_view sql) noexcept : Operation(Flow::simple), sql_(sql) {}

  enum class Appetite : std::uint8_t {
    more,
    full,  // for now: nothing more comes, and nothing is received, until Channel::read_on()
    none,  // for good (the owner keeps the reason): the rest is swallowed
  };
  /// Some data. It takes all that it has room for, the first message in any case; what it leaves is offered
  /// again, or swallowed, as it answers. Called from inside the parser, like a ResultSink. What it throws
  /// becomes the operation's failure.
  virtual Appetite on_data(CopyData& data) = 0;
  /// The server is about to send data.
  virtual void on_start(const CopyResponse&) {}
  virtual void on_complete(CommandTag) {}

  Encoded encode(WriteBuffer& out) override;
  bool on_frame(const Frame& frame) override;
  bool on_run(Frame& frame) override;
  bool on_copy(const CopyResponse& response) override;

 private:
  enum class Phase : std::uint8_t {
    asked,    // the Query is written
    copying,  // the server sends data
    sent,     // CopyDone has come
    over,     // the COPY is complete
  };
  void take(CopyData data) noexcept;
  [[gnu::cold]] void fail_as_thrown() noexcept;

  std::string_view sql_;
  Phase phase_ = Phase::asked;
  bool hungry_ = true;
};

}  // namespace pgstride::inline v0
