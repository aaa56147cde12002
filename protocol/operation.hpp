// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// One request: from its first byte out to its ReadyForQuery in.
//
// The central invariant: one Operation = one Sync = one ReadyForQuery. So any number
// may be in flight, an error in one leaves its neighbours intact, and an operation whose owner
// walked away leaves a slot in the queue that swallows its reply.
#pragma once

#include <cstdint>
#include <memory>

#include "pgstride/protocol/error.hpp"
#include "pgstride/protocol/framing.hpp"
#include "pgstride/protocol/write_buffer.hpp"

namespace pgstride::inline v0 {

class Session;
class Statement;
struct CopyResponse;

/// What encode() and feed() have achieved.
enum class Encoded : std::uint8_t {
  complete,  // everything is written, the Sync included
  more,      // feed() has more to write when there is room; nobody else may write until then
  waits,     // the same, but not now: feed() is asked again whenever something is to be sent
  refused,   // cannot be encoded (the failure is set); whatever was written is cut off again
};

/// Pinned in memory from submit() until done or destroyed. A head derives from one of operations/
/// and is the operation: nothing is allocated per request beyond the head itself.
class Operation {
 public:
  /// Which protocol flow it speaks; decides what an unexpected COPY must be answered with.
  enum class Flow : std::uint8_t { startup, simple, extended };

  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  /// Submitted, and not yet done.
  bool pending() const noexcept { return session_ != nullptr; }
  /// Null unless it failed. Valid until it is submitted again.
  const Failure* failure() const noexcept { return failure_.get(); }
  Flow flow() const noexcept { return flow_; }
  /// A cancel meant for the request before it may hit this one, whose owner will repeat it.
  bool gives_way() const noexcept { return gives_way_; }
  /// Given up with others behind it, it is sent, whatever becomes of them.
  bool insists() const noexcept { return insists_; }

  /// Tells its owner; called after Session::next_done() returned it. May destroy `*this`.
  void notify() noexcept { on_done(); }
  /// The same, after Session::next_awake() returned it.
  void stir() noexcept { on_progress(); }

  [[gnu::cold]] void fail(Failure failure) noexcept;

 protected:
  explicit Operation(Flow flow) noexcept : flow_(flow) {}
  void give_way() noexcept { gives_way_ = true; }
  void insist() noexcept { insists_ = true; }
  /// Still pending? Then it is abandoned.
  ~Operation();

  /// Writes all it has to say, ending in its one Sync.
  virtual Encoded encode(WriteBuffer& out) = 0;
  /// Goes on writing after encode() or feed() answered `more`.
  virtual Encoded feed(WriteBuffer&) { return Encoded::complete; }
  /// The statement whose Parse this operation carries, if any. The session feeds the replies to
  /// that Parse to the statement itself, so that it is described even if the operation is gone.
  virtual Statement* preparing() noexcept { return nullptr; }
  /// The operation's own grammar: its replies, and at last its ReadyForQuery. Session keeps A, N,
  /// S and E, and everything after an error. False: not legal here, which ends the connection.
  virtual bool on_frame(const Frame& frame) = 0;
  /// The next of a run of rows or of COPY data, the last of which it has taken. It may go on to those behind it,
  /// which Session::next_of_run() puts into `frame`. False: the one that is there is not legal.
  virtual bool on_run(Frame& frame);
  /// The server begins a COPY, whose data are then offered to on_frame(). False: no COPY is spoken
  /// here; it is refused, and the rest of the reply swallowed.
  virtual bool on_copy(const CopyResponse&) { return false; }
  /// The server reported an error; no reply but ReadyForQuery follows.
  virtual void on_error(std::shared_ptr<const ServerError> error) { fail(Failure(std::move(error))); }
  /// The first row of a result has come, before on_frame() sees it.
  virtual void on_first_row() noexcept {}
  /// The server sent a notice about this request (NOTICE, WARNING, …). Called from inside the parser.
  virtual void on_notice(const std::shared_ptr<const ServerError>&) noexcept {}
  /// It is over; failure() tells how. Called from deliver(), never by the parser: this is where the
  /// waiting coroutine or task is resumed, which may destroy the operation and the connection.
  virtual void on_done() noexcept = 0;
  /// Not over, but what its owner may wait for has come: data, or room for data. Or it has failed already,
  /// and the rest of its reply is not worth waiting for. Called like on_done(), after wake().
  virtual void on_progress() noexcept {}
  /// Asks for on_progress().
  void wake();

  Session* session() const noexcept { return session_; }

 private:
  friend class Session;
  friend class SinkGuard;

  Session* session_ = nullptr;
  Operation* next_done_ = nullptr;  // the session's list of those that are over
  FailureRef failure_;
  Flow flow_;
  bool gives_way_ = false;
  bool insists_ = false;
};

}  // namespace pgstride::inline v0
