// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// COPY … FROM STDIN: a simple Query, and data that are asked for as the wire takes them. Simple, not
// extended: COPY has no parameters, and a Sync that is sent while the server waits for data is lost.
//
// From its Query on it has the line to itself, as the server takes any other message for a mistake.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pgstride/protocol/backend.hpp"
#include "pgstride/protocol/operation.hpp"

namespace pgstride::inline v0 {

class CopyIn : public Operation {
 protected:
  /// `sql` is used by submit() only; it holds no NUL. It may be a script, of which one statement is a
  /// COPY.
  explicit CopyIn(std::string_view sql) noexcept : Operation(Flow::simple), sql_(sql) {}

  enum class Supply : std::uint8_t {
    data,    // a piece was written, and there may be more
    later,   // there may be more, but not now: whoever has some calls Channel::flush()
    end,     // that was all
    failed,  // the data cannot be had: see give_up()
  };
  /// Writes the next piece, cut anywhere, of a sensible size. Called once the server wants data, and no
  /// more after an error. `failed` takes back what this call has written.
  virtual Supply supply(WriteBuffer& out) = 0;
  /// The server wants data; on_progress() follows.
  virtual void on_start(const CopyResponse&) {}
  virtual void on_complete(CommandTag) {}

  /// What to return from supply() when the COPY must not succeed. The server shows the reason in its
  /// error, which is not a failure of this operation: the owner knows better.
  Supply give_up(std::string_view reason) {
    reason_ = reason;
    return Supply::failed;
  }

  Encoded encode(WriteBuffer& out) override;
  Encoded feed(WriteBuffer& out) override;
  bool on_frame(const Frame& frame) override;
  bool on_copy(const CopyResponse& response) override;
  void on_error(std::shared_ptr<const ServerError> error) override;

 private:
  enum class Phase : std::uint8_t {
    asked,     // the Query is written
    copying,   // the server wants data
    ended,     // CopyDone is written
    given_up,  // CopyFail is written
    over,      // the server has told how it ended
  };
  bool on_completion(CommandTag tag);

  std::string_view sql_;
  std::string reason_;
  Phase phase_ = Phase::asked;
};

}  // namespace pgstride::inline v0
