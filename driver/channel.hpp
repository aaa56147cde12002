// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A Session with a wire: moves bytes between a socket and the session, keeps the deadlines, cancels
// on the server what its owner has given up, and tells the operations' owners when they are over.
//
// Parse first, resume last: user code runs only inside deliver(), after the parser has returned, and
// it may submit, close or destroy anything, this channel included. Hence deliver() is the last
// statement of every handler. (Sinks run inside the parser; ResultSink says what they may do.)
#pragma once

#include <cstdint>
#include <memory>

#include "pgstride/driver/cancel.hpp"
#include "pgstride/driver/loop/loop.hpp"
#include "pgstride/driver/net/fork.hpp"
#include "pgstride/driver/net/transport.hpp"
#include "pgstride/driver/observer.hpp"
#include "pgstride/protocol/session.hpp"

namespace pgstride::inline v0 {

struct ChannelOptions {
  ChannelOptions() = default;
  SessionOptions session;
  /// How long a cancelled request may take to end before the connection is given up (R-C4).
  Duration cancel_grace = std::chrono::seconds(5);
  /// Told of requests by those who make them; may be null.
  Observer* observer = nullptr;
};

class ChannelEvents {
 public:
  /// The connection has just ended, and no operation's owner has been told. Called once, in the middle of
  /// anything: it may only take a note.
  virtual void on_ended() noexcept {}
  /// The connection is over, for the reason in session().failure(), and every operation's owner has
  /// been told. Called once, from the loop. May destroy the channel.
  virtual void on_closed() noexcept = 0;

 protected:
  ~ChannelEvents() = default;
};

class Channel final : FdHandler, TimerHandler, CancelHandler {
 public:
  /// `transport` leads to `endpoint`; under TLS, the handshake is done.
  Channel(Loop& loop, Transport transport, const Endpoint& endpoint, const ChannelOptions& options);
  /// Operations still pending are abandoned, not notified.
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  Session& session() noexcept { return session_; }
  const Session& session() const noexcept { return session_; }
  Loop& loop() noexcept { return loop_; }
  const Address& address() const noexcept { return endpoint_.address; }
  /// Null when nothing is encrypted.
  const TlsEngine* tls() const noexcept { return transport_.tls(); }
  /// For setting options of the socket; -1 when there is none any more.
  int fd() const noexcept { return transport_.fd(); }
  void set_events(ChannelEvents* events) noexcept { events_ = events; }

  /// Queues the operation; flush() sends it. See Session::submit for what false means. When the
  /// deadline passes the operation ends with Errc::timed_out and the server is asked to cancel it.
  [[nodiscard]] bool submit(Operation& operation, TimePoint deadline = never);
  /// Replaces the deadline of a pending operation.
  void set_deadline(const Operation& operation, TimePoint deadline);
  /// Sends what was submitted, as far as the socket takes it.
  void flush();
  /// The same in the next turn of the loop, for what comes in small pieces.
  void flush_soon() { come_back_soon(); }
  /// The operation for which the session paused has room again.
  void read_on();
  /// The operation's owner gives up: the operation ends here and now, without being notified. What
  /// of it was not sent never will be; what is running is cancelled on the server, behind a fence
  /// that keeps later requests from being hit (R-C6).
  Session::Abandoned cancel(Operation& operation);
  /// The same, but the operation ends with this failure in a later turn of the loop, and is notified.
  void dismiss(Operation& operation, Failure failure);

  /// Asks the server to cancel what is running; its owner still hears how it ends. What he does not read is swallowed,
  /// and ends with Errc::cancelled, as a COPY does. From code that is called while a request is encoded or parsed:
  /// nothing.
  void interrupt();

  /// Ends the connection at once, without a word to the server; pending operations fail with
  /// `reason` in a later turn of the loop.
  void abort(Failure reason);
  /// Sends Terminate. The connection is over when the server hangs up. From code that is called while a
  /// request is encoded or parsed: closes without a word, like abort().
  void terminate();
  /// Lets an aborted channel go once everybody who waits for it has been told.
  static void outlive_owner(std::unique_ptr<Channel> channel) noexcept;

  bool is_open() const noexcept { return session_.failure() == nullptr; }
  /// We are in a child of the process that has made it: it is over, though nobody may have noticed yet.
  bool is_inherited() const noexcept { return !birth_.is_here(); }
  /// Not open, and everybody who waited has been told.
  bool is_over() const noexcept { return closed_told_; }
  /// A cancel request may still arrive and hit the next request: not to be given to others (R-C6).
  bool tainted() const noexcept { return tainted_; }
  /// A cancelled request has not ended yet.
  bool cancelling() const noexcept { return fenced_; }

  void set_cancel_key(CancelKey key) { cancel_key_ = std::move(key); }
  const CancelKey& cancel_key() const noexcept { return cancel_key_; }
  Observer* observer() const noexcept { return observer_; }

  /// Expires with the channel, or when its user has given it back.
  std::weak_ptr<const void> life() {
    if (!life_) life_ = std::make_shared<char>();
    return life_;
  }
  void give_back() noexcept { life_.reset(); }

 private:
  class Farewell;

  void on_fd(Ready ready) noexcept override;
  void on_timer() noexcept override;
  void on_cancel_over(CancelOutcome outcome) noexcept override;

  /// One turn's worth. Whether there may be more.
  bool receive() noexcept;
  void send() noexcept;
  bool receive_some();
  void send_some();
  void read_what_was_left();
  void adjust_user_timeout() noexcept;
  void deliver();
  void after(Session::Abandoned abandoned);
  void raise_fence();
  void ask_to_cancel() noexcept;
  void check_fence();
  void end_grace();
  void close_if_failed() noexcept;
  bool is_ours() { return birth_.is_here() || disown(); }
  bool disown();
  void arm(TimePoint at);
  /// In the loop's next turn, on_timer(). Cheap to ask for again meanwhile.
  void come_back_soon() {
    if (comes_back_soon_) return;
    arm(loop_.now());
    comes_back_soon_ = true;
  }

  Loop& loop_;
  Endpoint endpoint_;
  Duration cancel_grace_;
  Observer* observer_;
  Session session_;
  Transport transport_;
  std::unique_ptr<Watch> watch_;
  std::unique_ptr<Timer> timer_;
  TimePoint armed_ = never;
  bool comes_back_soon_ = false;
  ChannelEvents* events_ = nullptr;
  std::unique_ptr<Channel> self_;  // when nobody else owns it, not even a Farewell
  bool* destroyed_ = nullptr;      // on the stack of the innermost deliver(), while it runs
  BirthProcess birth_;
  std::shared_ptr<const void> life_;  // when somebody has asked for it
  Ready wanted_ = Ready::read;
  bool closed_told_ = false;
  int suspended_user_timeout_ = 0;  // of the socket

  // The cancel fence.
  CancelKey cancel_key_;
  std::unique_ptr<CancelRequest> cancel_;
  TimePoint grace_ends_ = never;
  TimePoint cancel_due_ = never;  // another one, the last having come too early or nowhere
  std::uint64_t fence_ = 0;       // the victim is over when session_.completed() has reached this
  bool fenced_ = false;
  bool fence_due_ = false;  // as soon as the session is in no step
  bool tainted_ = false;
};

}  // namespace pgstride::inline v0
