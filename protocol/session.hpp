// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// One connection's protocol state: bytes in, bytes out, a queue of requests between them.
//
// Sans-I/O: no descriptor, no clock, no thread, and no coroutine or task is resumed from in here. The
// session's owner (driver/channel) moves the bytes and notifies completed operations after the parser has
// returned. A session knows no operation by name.
//
//     submit(op) ──► encode ──► [ out │ staged ] ──► pending_write() ──► the wire
//     the wire ──► commit_read() ──► frames ──► front of the queue ──► next_done()
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgstride/protocol/backend.hpp"
#include "pgstride/protocol/framing.hpp"
#include "pgstride/protocol/operation.hpp"
#include "pgstride/protocol/parameters.hpp"
#include "pgstride/protocol/row.hpp"
#include "pgstride/protocol/statement.hpp"
#include "pgstride/protocol/statement_cache.hpp"
#include "pgstride/protocol/type_names.hpp"

namespace pgstride::inline v0 {

/// A point in time, as the session's owner counts it. The session has no clock; it only compares.
using Tick = std::int64_t;
inline constexpr Tick no_deadline = INT64_MAX;

struct SessionOptions {
  std::uint32_t max_message_size = (std::uint32_t{1} << 30) - 1;  // bytes; of one row, mostly
  std::size_t statement_cache_size = 100;                         // statements
  /// Begins every statement's name. Random per connection in the driver, so that a transaction
  /// pooler cannot mistake one client's statement for another's (R-Q2).
  std::string statement_prefix = "pgstride_";
  /// Holds for sinks that keep the rows they are shown. What goes beyond it fails its request only.
  ResultLimits result_limits = ResultLimits();
  /// What codecs may ask for the numbers of types that have none of their own; null: nothing is known.
  std::shared_ptr<TypeNames> types = nullptr;
};

/// The server's unsolicited messages. Called from inside the parser: take a note, act later.
class ServerEvents {
 public:
  virtual void on_notice(const ServerError&) {}
  virtual void on_notification(const Notification&) {}
  virtual void on_parameter(const ParameterStatus&) {}

 protected:
  ~ServerEvents() = default;
};

class Session {
 public:
  explicit Session(SessionOptions options = SessionOptions());
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // --- bytes in ---------------------------------------------------------------------------------
  /// Where recv() should write; empty only when out of memory, which ends the session.
  std::span<std::byte> prepare_read() noexcept;
  /// Parses what has arrived and queues completions; resumes nobody.
  void commit_read(std::size_t count) noexcept;
  /// Bytes that have arrived and are not parsed yet. During a step: what it still may hand out.
  std::size_t unread() const noexcept { return in_.unread(); }
  /// The request in front has no room for more: nothing is parsed, and nothing should be received,
  /// until read_on().
  bool paused() const noexcept { return paused_; }
  /// That request has gone, and read_on() should be called.
  bool left_unread() const noexcept { return stopped_ && !paused_; }
  /// Parses what was left; while arguments are encoded: has to be called again.
  void read_on() noexcept;

  // --- bytes out --------------------------------------------------------------------------------
  /// What may be sent now. Lets a bulk operation write its next slice first when there is room.
  Bytes pending_write() noexcept;
  /// Arguments are being encoded or frames parsed, so user code called by that may be on the stack. It may
  /// submit, give up and end what it likes, but either buffer may hold half a message: until the step is
  /// over there is nothing to send, and hold() has to wait.
  bool in_step() const noexcept { return encoding_ || parsing_; }
  void commit_write(std::size_t count) { out_.consume(count); }
  /// Bytes sent that the server need not have read yet: no later request than the front one is answered.
  std::uint64_t unanswered() const noexcept {
    return queue_.empty() || unsent(queue_.front()) ? 0 : out_.sent() - queue_.front().begin;
  }

  // --- requests ---------------------------------------------------------------------------------
  /// Encodes the operation and queues it. False: it failed at once (see its failure()), nothing was
  /// queued, nothing will be sent, and on_done() will not be called. The same holds when it throws what
  /// encode() has thrown, or std::bad_alloc.
  [[nodiscard]] bool submit(Operation& operation, Tick deadline = no_deadline);

  /// For requests whose answer nobody waits for (ROLLBACK, Close): encodes the operation and lets go of it,
  /// so it may be destroyed at once; the reply is swallowed.
  void submit_unattended(Operation& operation);
  /// Replaces the deadline of a pending operation.
  void set_deadline(const Operation& operation, Tick deadline) noexcept;

  enum class Abandoned : std::uint8_t {
    not_pending,  // it was over, or never submitted
    withdrawn,    // not a byte of it was sent, nor will be
    running,      // sent, and no other live one was that does not give way: a cancel may be sent
    behind,       // sent, or to be sent; others' replies are due before or after its own, which is swallowed
  };
  /// The operation's owner walks away; on_done() will not be called. Its reply, if it still comes,
  /// is swallowed. Called by Operation's destructor.
  Abandoned abandon(Operation& operation) noexcept;
  /// The same, but its owner is told, by next_done(), that it ended with this failure.
  Abandoned dismiss(Operation& operation, Failure failure) noexcept;
  /// Ends one pending operation whose deadline has passed with Errc::timed_out: it is abandoned and
  /// comes out of next_done(). Nothing when there is none.
  std::optional<Abandoned> expire(Tick now) noexcept;
  /// All that was sent and is unanswered has been given up: a cancel may be sent.
  bool runs_for_nobody() const noexcept;
  /// The earliest deadline of a pending operation.
  Tick next_deadline() const noexcept;

  /// The next operation that is over, in order; null when there is none.
  Operation* next_done() noexcept;
  /// The next operation that wants to be stirred; null when there is none.
  Operation* next_awake() noexcept;
  /// There is work for next_done() or next_awake().
  bool has_news() const noexcept { return first_done_ || !awake_.empty(); }

  /// The wire is gone, or not to be trusted any more: every operation ends with this.
  [[gnu::cold]] void fail(Failure failure) noexcept;
  /// Why the session is dead; null while it lives.
  const Failure* failure() const noexcept { return failure_.get(); }

  // --- the cancel fence -------------------------------------------------------------------------
  /// Requests of which nothing has been sent are held back until release(). Returns the value that
  /// completed() will have when all the others have been answered.
  std::uint64_t hold() noexcept;
  void release() noexcept;
  /// Ends a COPY that is under way, and what has paused: a server that waits for data, or whose data are not read,
  /// does not react to a cancel request. Its owner is told, with Errc::cancelled, when the request is over.
  void break_off() noexcept;
  /// The same of a COPY into the server only, with this failure, and at once: before there is a Terminate, which a
  /// server that waits for data takes for a mistake.
  void break_off_copy_in(const Failure& why) noexcept;
  bool held() const noexcept { return held_; }
  /// Number of ReadyForQuery seen since birth.
  std::uint64_t completed() const noexcept { return completed_; }

  // --- state ------------------------------------------------------------------------------------
  Phase phase() const noexcept { return phase_; }
  TransactionStatus transaction() const noexcept { return transaction_; }
  const Parameters& parameters() const noexcept { return parameters_; }
  /// The head converts values itself for the current, non-UTF-8 client_encoding.
  void accept_encoding() noexcept { foreign_encoding_ = false; }
  StatementCache& statements() noexcept { return statements_; }
  /// There is a request whose reply has not come to its end.
  bool awaits_reply() const noexcept { return !queue_.empty(); }
  /// Nothing queued, nothing half received, nothing to send: fit to be returned to a pool.
  bool quiescent() const noexcept;
  void set_events(ServerEvents* events) noexcept { events_ = events; }

  /// A statement the server does not know yet. `named` is false for the unnamed statement.
  StatementRef new_statement(std::string_view sql, std::span<const Oid> types = {}, bool named = true);
  /// A statement under a name of the user's choice.
  StatementRef new_statement_called(std::string name, std::string_view sql);
  /// Names of statements that the server will be told to forget with the next request.
  const std::vector<std::string>& closing_statements() const noexcept { return to_close_; }
  /// A statement is not to be used any more by any of its holders; the server is told to forget it.
  void retire(Statement& statement) noexcept;
  /// The server dropped all statements (DISCARD ALL, DEALLOCATE ALL); using one of them will fail.
  void forget_statements() noexcept;

  const std::shared_ptr<TypeNames>& types() const noexcept { return types_; }
  const ResultLimits& result_limits() const noexcept { return result_limits_; }

  // --- for operations ---------------------------------------------------------------------------
  /// The line as the front operation may use it to answer the server (authentication).
  WriteBuffer& reply_buffer() noexcept { return out_; }
  void authenticated() noexcept { phase_ = Phase::starting; }
  /// From on_frame() or on_run(): see paused().
  void pause() noexcept {
    paused_ = stopped_ = true;
    run_of_ = 0;
  }
  /// From on_run(): one more frame like the last. False: none is there, or somebody has ended the run.
  bool next_of_run(Frame& frame) noexcept { return run_of_ != 0 && in_.next_alike(run_of_, frame); }
  void wake(Operation& operation);
  /// For a request that must not go on: undoes what it has done already, unless it is sure to run in a
  /// transaction block, whose owner decides. True: the server will report an error for that.
  bool undo(const Operation& operation, WriteBuffer& out);

 private:
  friend class Statement;

  struct Slot {
    enum class Owner : std::uint8_t {
      operation,
      nobody,      // it was abandoned
      unattended,  // it has none, and must not be withdrawn
      session,     // Close requests of our own
    };
    Operation* operation = nullptr;
    StatementRef preparing;
    std::uint64_t begin = 0;  // position of its first byte, in out_ or staged_
    Tick deadline = no_deadline;
    Operation::Flow flow = Operation::Flow::extended;
    Owner owner = Owner::operation;
    bool staged = false;
    bool feeding = false;     // its Sync is not written yet
    bool answered = false;    // enough has come for a ReadyForQuery to be believed
    bool in_rows = false;     // a row has come
    bool errored = false;     // ErrorResponse seen: only ReadyForQuery may follow
    bool copying = false;     // the operation speaks COPY
    bool discarding = false;  // a COPY that nobody wants: swallow everything up to ReadyForQuery
    bool refused = false;     // before the server asked for its data: it has its CopyFail
  };

  WriteBuffer& tail() noexcept { return held_ || feeding_ ? staged_ : out_; }
  Slot& feeder() noexcept;
  bool undo(bool first_in_line, WriteBuffer& out);
  void unstage();
  void call_back_unsent();
  Abandoned leave_slot(std::size_t index) noexcept;
  Abandoned dismiss(Slot& slot, Failure failure) noexcept;
  void join_done(Operation& operation) noexcept;
  void leave_done(const Operation& operation) noexcept;
  /// A step interrupted half-way, by a lack of memory mostly, leaves the session inconsistent, so it fails; only
  /// submit() can undo its own.
  template <class Step>
  void ends_when_interrupted(Step&& step) noexcept {
    try {
      step();
    } catch (...) {
      encoding_ = parsing_ = false;
      fail(caught());
    }
  }
  void feed();
  void stop_feeding(Slot& slot);
  void end_feeding(Slot& slot);
  static bool is_given_up(const Slot& slot) noexcept { return !slot.operation || slot.discarding; }
  void leave_awake(const Operation* operation) noexcept { std::erase(awake_, operation); }
  void withdraw_abandoned() noexcept;
  bool unsent(const Slot& slot) const noexcept { return slot.staged || slot.begin >= out_.sent(); }
  bool sent_live_operations() const noexcept;
  void push_close_requests();

  void parse();
  void parse_frames();
  void dispatch(const Frame& frame);
  void on_reply(const Frame& frame);
  void on_error(const Frame& frame);
  void on_ready(const Frame& frame);
  void on_copy(const Frame& frame);
  void refuse_copy_in(Slot& slot);
  static void refuse_copy(Slot& slot, const char* why);
  void begin_run(const Slot& slot, const Frame& frame) noexcept;
  void on_asynchronous(const Frame& frame);
  bool awaits_in_another_encoding(std::string_view encoding) noexcept;
  [[gnu::cold]] void violation(const Frame& frame, std::string_view why,
                               std::shared_ptr<const ServerError> cause = nullptr);
  Slot* front_awaiting(const Frame& frame);

  void forget(Statement& statement) noexcept;
  StatementRef adopt(Statement* statement) noexcept;
  void close_later(const Statement&) noexcept;

  std::shared_ptr<TypeNames> types_;
  ResultLimits result_limits_;
  ReadBuffer in_;
  WriteBuffer out_;
  WriteBuffer staged_;  // what was submitted while the line was held, or fed by a bulk operation
  std::deque<Slot> queue_;
  Operation* run_to_ = nullptr;  // has just taken a frame of type run_of_: a further one is its, too
  char run_of_ = 0;              // DataRow, CopyData; 0: neither
  bool paused_ = false;
  bool stopped_ = false;             // by that, the parser
  Operation* first_done_ = nullptr;  // and its next_done_, …: ending must not need memory
  Operation* last_done_ = nullptr;
  std::vector<Operation*> awake_;
  std::uint64_t completed_ = 0;
  FailureRef failure_;
  ServerEvents* events_ = nullptr;
  Parameters parameters_;
  Statement* living_statements_ = nullptr;
  std::vector<std::string> to_close_;  // names whose last holder has let go
  std::string statement_prefix_;
  std::uint64_t next_statement_ = 1;
  Phase phase_ = Phase::authenticating;
  TransactionStatus transaction_ = TransactionStatus::idle;
  bool foreign_encoding_ = false;  // not UTF-8: text would be misread on both sides
  bool held_ = false;
  bool feeding_ = false;   // there is a feeder(): only it may write to out_
  bool encoding_ = false;  // see in_step()
  bool parsing_ = false;
  StatementCache statements_;  // last: destroying its statements uses the members above
};

}  // namespace pgstride::inline v0
