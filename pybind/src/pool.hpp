// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// PoolHead: what carries out PoolCore's decisions for Python. It hands slots to those who wait, resets
// what comes back behind whatever it ran, and lends connections for single requests without the detour
// over a proxy. Connecting, closing and the user's callbacks are left to pgstride/pool.py.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pgstride/driver/demotion.hpp"
#include "pgstride/driver/net/fork.hpp"
#include "pgstride/driver/pool_core.hpp"
#include "pgstride/driver/session_reset.hpp"
#include "pgstride/pybind/src/core.hpp"
#include "pgstride/pybind/src/exchange.hpp"
#include "pgstride/pybind/src/loop.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

class PoolHead;

/// A place in the queue; its result is the number of a slot, or None when the pool is closing. A slot
/// that nobody came for is given back.
class AcquireRequest final : public Request, public PoolCore::Waiter {
 public:
  AcquireRequest(PyObject* owner, PoolHead& pool) noexcept : owner_(Ref::borrow(owner)), pool_(pool) {}
  ~AcquireRequest() override { give_up(); }

  void answered(std::optional<PoolCore::Slot> slot, Caller caller) noexcept;

  PyObject* take_result() override;
  void give_up() noexcept override;
  int traverse(visitproc visit, void* arg) const override { return owner_.visit(visit, arg); }

 private:
  Ref owner_;
  PoolHead& pool_;
  std::optional<PoolCore::Slot> slot_;
};

/// Until a closing pool is empty.
class DrainRequest final : public Request {
 public:
  DrainRequest(PyObject* owner, PoolHead& pool) noexcept : owner_(Ref::borrow(owner)), pool_(pool) {}
  ~DrainRequest() override { give_up(); }

  void start();
  void drained() noexcept { complete_soon(); }

  PyObject* take_result() override { Py_RETURN_NONE; }
  void give_up() noexcept override;
  int traverse(visitproc visit, void* arg) const override { return owner_.visit(visit, arg); }

 private:
  Ref owner_;
  PoolHead& pool_;
};

class PoolHead final : public Lender, TimerHandler {
 public:
  using Slot = PoolCore::Slot;

  /// `act` is called with the name and the slot of what Python has to do: "connect", "check", "retire",
  /// and "left open" when a transaction was; "not reset" or "demoted": why a connection is about to be aborted.
  /// It must not raise, nor wait.
  PoolHead(std::unique_ptr<PyLoop> loop, const PoolLimits& limits, std::uint64_t max_queries, Ref act);

  PoolCore& core() noexcept { return core_; }
  PyLoop& loop() noexcept { return *loop_; }
  TimePoint now() const noexcept { return loop_->now(); }
  /// We are in a child of the process that has made it.
  bool is_inherited() const noexcept { return !birth_.is_here(); }
  void set_self(PyObject* self) noexcept { self_ = self; }

  /// A slot that can be had at once.
  std::optional<Slot> take();
  /// Joins the queue.
  void enter(AcquireRequest& request);
  /// The waiter that was handed the slot has come for it.
  void claimed(Slot slot) noexcept { seats_[slot]->is_unclaimed = false; }
  /// It never will.
  void unused(Slot slot) noexcept;

  void connected(Slot slot, PyObject* core, std::string reset_script);
  /// Takes a leased slot back. False: its connection is to be closed instead, then it is gone(). With
  /// `limit` the connection is reset for no longer than that, else the caller does it, then says ready().
  [[nodiscard]] bool release(Slot slot, std::optional<Duration> limit, bool rolls_back);
  /// False: the connection is in no state to be given to anybody; it is to be closed.
  [[nodiscard]] bool ready(Slot slot);
  void gone(Slot slot);
  /// Why a slot is retiring, in words for an observer.
  std::string_view end_reason(Slot slot) const noexcept;
  /// The connection in a leased slot.
  PyObject* connection(Slot slot) const noexcept { return seats_[slot]->connection.get(); }

  void reset_behind(Slot slot) noexcept override;
  void give_back(Slot slot, bool is_reset) noexcept override;

  /// Carries out what is to be done.
  void pump(Caller caller = Caller::user) noexcept;

  void wait_for_drain(DrainRequest& request) { draining_.push_back(&request); }
  void stop_waiting(DrainRequest& request) noexcept { std::erase(draining_, &request); }

  int traverse(visitproc visit, void* arg) const;
  void clear();

 private:
  /// A slot's connection.
  struct Seat final : ResetHandler, EndListener {
    Seat(PoolHead& p, Slot s) : pool(p), slot(s) {}
    ~Seat() { drop(); }
    void on_ended() noexcept override;
    void on_loop_closed() noexcept override { pool.let_nobody_wait(); }
    void on_reset(bool clean) noexcept override { pool.was_reset(*this, clean); }

    Core& core() const noexcept { return core_of(connection.get()); }
    /// Nobody is under way, no transaction is open, no cancel may still arrive.
    bool is_fit() const noexcept;
    /// The server is not any more what it was when we connected.
    bool is_demoted() const noexcept { return demotion.has_happened(core().session().parameters()); }
    bool submit_reset(bool rolls_back, TimePoint deadline);
    void drop() noexcept;

    PoolHead& pool;
    Slot slot;
    std::uint64_t answers = 0;  // of the server before it was handed out
    bool is_unclaimed = false;  // handed to a waiter, whose turn of the loop has not come
    Ref connection;             // a Core
    Demotion demotion;
    std::string reset_script;
    std::optional<SessionReset> reset;  // after its connection
  };

  void on_timer() noexcept override;
  void let_nobody_wait() noexcept;
  void was_reset(Seat& seat, bool clean) noexcept;
  void handed_out(Slot slot) noexcept;
  /// A leased one comes back. False: it has lived or run for long enough, and is retiring.
  [[nodiscard]] bool keeps(Seat& seat, PoolCore::Reset reset = PoolCore::Reset::quick);
  bool is_untouched(const Seat& seat) const noexcept;
  bool has_run_enough(const Seat& seat) const noexcept {
    return max_queries_ != 0 && seat.core().queries() >= max_queries_;
  }
  void act(const char* what, Slot slot) noexcept;
  void arm();

  PyObject* self_ = nullptr;  // the object this lives in
  std::unique_ptr<PyLoop> loop_;
  PoolCore core_;
  BirthProcess birth_;
  std::uint64_t max_queries_;
  Ref act_;
  std::vector<std::unique_ptr<Seat>> seats_;
  std::vector<DrainRequest*> draining_;
  std::unique_ptr<Timer> timer_;
  TimePoint armed_ = never;
};

bool add_pool_type(PyObject* module);

}  // namespace pgstride::python
