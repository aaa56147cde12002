// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What is behind a Pool: carries out PoolCore's decisions with connectors, resets and one timer. Leases
// share it, so that it outlives them.
#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgstride/driver/connector.hpp"
#include "pgstride/driver/demotion.hpp"
#include "pgstride/driver/pool.hpp"
#include "pgstride/driver/session_reset.hpp"

namespace pgstride::inline v0 {

class PoolState final : public std::enable_shared_from_this<PoolState>, TimerHandler {
 public:
  using Slot = PoolCore::Slot;

  PoolState(Loop& loop, PoolOptions options);

  Loop& loop() const noexcept { return loop_; }
  const PoolOptions& options() const noexcept { return options_; }
  PoolCore& core() noexcept { return core_; }
  PoolStats stats() const;
  std::vector<Loan> loans() const;
  Connection& connection(Slot slot) noexcept { return seats_[slot]->connection; }

  /// Lends a connection that is idle; false when there is none that can be had at once.
  bool lend(Acquire& request);
  void enqueue(Acquire& request);
  /// The request's coroutine is gone.
  void forget(Acquire& request) noexcept;
  /// The request is not to wait any longer; it is resumed in the next turn.
  void dismiss(Acquire& request) noexcept;
  /// It has been told, and need not be resumed any more.
  void has_answered(Acquire& request) noexcept { std::erase(ready_, &request); }
  /// Submits the reset of a lent connection already.
  void reset_behind(Slot slot) noexcept;
  void release(Slot slot) noexcept;
  void discard(Slot slot) noexcept { discard(slot, "discarded"); }
  /// Throws the error for a request that was not served.
  [[noreturn]] void refuse(const Acquire& request) const;

  /// Carries out what is to be done.
  void pump(Caller caller = Caller::user) noexcept;
  void expire() noexcept;
  void close() noexcept;
  /// Ends all connections, those that are lent included.
  void abort() noexcept;
  /// Is resumed, by the loop, when nothing is left of a closing pool.
  void wait_for_drain(std::coroutine_handle<> waiting) { drain_waiters_.push_back(waiting); }
  void stop_waiting_for_drain(std::coroutine_handle<> waiting) noexcept {
    std::erase(drain_waiters_, waiting);
  }

 private:
  /// A slot's connection.
  struct Seat final : ChannelEvents, ConnectHandler, ResetHandler {
    Seat(PoolState& p, Slot s) : pool(p), slot(s) {}
    void on_ended() noexcept override {
      if (is_lost()) pool.core_.suspect();
    }
    void on_closed() noexcept override { pool.has_closed(*this); }
    void on_connected(std::unique_ptr<Channel> made) noexcept override;
    void on_connect_failed(Failure failure) noexcept override;
    void on_reset(bool clean) noexcept override { pool.was_reset(*this, clean); }

    void rest() { connection.channel().set_events(this); }
    /// No transaction, nothing under way, no cancel that may still arrive.
    bool is_fit() const noexcept;
    bool is_untouched() const noexcept;
    /// It has ended, and nobody on this side has closed it: the others may have ended with it.
    bool is_lost() const noexcept;
    /// The server is no longer of the kind that it was when we connected.
    bool is_demoted() const noexcept;
    std::string_view reset_script() const noexcept;
    bool submit_reset(bool rolls_back, TimePoint deadline) noexcept;
    void drop() noexcept;

    PoolState& pool;
    Slot slot;
    std::unique_ptr<Connector> connector;
    TimePoint connecting_since{};
    Connection connection;
    std::optional<SessionReset> reset;  // after its connection
    bool lent = false;                  // stays with its user, whatever the core thinks
    Demotion demotion;
    std::uint64_t answers = 0;  // of the server before it was lent
    Loan loan;
  };

  void on_timer() noexcept override;
  void has_closed(Seat& seat) noexcept;
  void has_failed(Seat& seat, Failure failure) noexcept;
  void was_reset(Seat& seat, bool clean) noexcept;
  void answer(Acquire& request, Caller caller) noexcept;
  void hand(Acquire& request, Slot slot) noexcept;
  void discard(Slot slot, std::string_view why) noexcept;
  Failure refusal(const Acquire& request) const;
  Observer* observer() const noexcept { return options_.connect.observer; }
  void observe_acquire(const Acquire& request, const Failure* failure) const noexcept;
  void connect(Seat& seat) noexcept;
  void check(Seat& seat) noexcept;
  /// The core says, or has been told, that its connection is to be closed.
  void retire(Seat& seat, std::string_view why) noexcept;
  void resume_later(Acquire& request) noexcept;
  void resume_soon() noexcept;
  void resume_ready() noexcept;
  void arm();

  class Resumption;

  Loop& loop_;
  PoolOptions options_;
  PoolCore core_;
  std::vector<std::unique_ptr<Seat>> seats_;
  std::vector<Acquire*> ready_;  // to be resumed in the next turn
  std::vector<std::coroutine_handle<>> drain_waiters_;
  Failure last_failure_;  // to connect
  Duration waited_{};
  Duration longest_wait_{};
  std::unique_ptr<Timer> timer_;
  TimePoint armed_ = never;
  bool resuming_ = false;
};

}  // namespace pgstride::inline v0
