// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What a pool decides: who gets which connection, when one is opened, checked or closed. Sans-I/O: it
// opens nothing, waits for nothing and has no clock. Its head tells it what has happened and what time it
// is, then asks for what is to be done, and does it, until there is nothing left:
//
//     empty ─► connecting ─► idle ◄─► leased ─► resetting ─► idle
//       ▲                     │  ▲                  │
//       │                     ▼  │                  │
//       └── retiring ◄── (checking) ◄───────────────┘
//
// Waiters are served first come, first served; the connection handed out is the one that came back last,
// so that caches stay warm and unused ones grow old and are closed. Nobody waits while one is idle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "pgstride/driver/loop/loop.hpp"

namespace pgstride::inline v0 {

struct PoolLimits {
  PoolLimits() = default;

  std::size_t max_size = 10;  // connections, those being opened or closed included; at least 1
  std::size_t min_size = 0;
  /// Connections are opened without being asked for until there are min_size.
  bool keeps_min_size = true;
  /// A waiter is handed an empty slot and connects for itself; otherwise the pool connects, and a
  /// connection that comes back in the meantime serves the waiter, too.
  bool waiters_connect = false;

  /// How many may wait for connections that others have; 0: any number.
  std::size_t max_waiting = 0;

  Duration max_idle = unlimited;
  /// Since it was opened. Each lives for a random part less, up to a tenth, so that they do not all go
  /// at once. Never ends one in use.
  Duration max_lifetime = unlimited;
  /// One that has been idle for longer is asked whether it is still there before it is handed out; 0: always.
  Duration check_after = unlimited;

  /// At a time, at least 1; not for waiters who connect for themselves.
  std::size_t max_connecting = 4;
  /// After a failure to connect, no new attempt for a random time up to this; doubled each time.
  Duration first_backoff = std::chrono::milliseconds(100);
  Duration longest_backoff = std::chrono::seconds(30);

  std::uint64_t seed = 0;  // of everything random here; 0: Pool takes one of its own
};

/// A pool in numbers.
struct PoolCounts {
  // Connections at this moment,
  std::size_t idle = 0;        ///< ready to be handed out
  std::size_t checking = 0;    ///< idle, and being asked whether they still work
  std::size_t leased = 0;      ///< handed out
  std::size_t resetting = 0;   ///< given back, their reset not confirmed yet
  std::size_t connecting = 0;  ///< being opened
  std::size_t retiring = 0;    ///< being closed
  // and who wants one.
  std::size_t waiting = 0;  ///< in the queue

  // Since the pool was made:
  std::uint64_t handed_out = 0;  ///< leases, including empty slots for waiters to connect
  std::uint64_t opened = 0;      ///< connections made
  std::uint64_t failed = 0;      ///< the pool's own attempts to connect that failed
  std::uint64_t retired = 0;     ///< connections that the pool had closed
  std::uint64_t lost = 0;        ///< connections that ended without the pool's doing
  std::uint64_t refused = 0;     ///< waiters who were told that there is none for them

  /// Connections that are open and not about to be closed.
  std::size_t size() const noexcept { return idle + checking + leased + resetting; }
};

/// Who has a pool carry out what is to be done: coroutines and tasks are resumed there and then by the loop only, for
/// others in its next turn.
enum class Caller : std::uint8_t { user, loop };

class PoolCore {
 public:
  using Slot = std::uint32_t;  // below max_size
  enum class State : std::uint8_t { empty, connecting, idle, checking, leased, resetting, retiring };
  enum class Reset : std::uint8_t {
    quick,  // one request, which is worth waiting for rather than connecting
    slow    // may take any time
  };

  /// Somebody in the queue. Lives in the head; abandoned before it is destroyed.
  class Waiter {
   public:
    Waiter() = default;
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    bool is_waiting() const noexcept { return waiting_; }

   private:
    friend class PoolCore;
    Waiter* next_ = nullptr;
    Waiter* previous_ = nullptr;
    TimePoint deadline_ = never;
    bool waiting_ = false;
    bool refused_ = false;
    bool excess_ = false;
  };

  struct Action {
    enum class Kind : std::uint8_t {
      connect,      // open a connection for the slot, then connected() or failed()
      check,        // ask the server whether the connection works, then ready() or retire()
      hand,         // the slot is the waiter's; State::connecting: it connects for itself
      retire,       // close the slot's connection, then gone()
      refuse,       // the waiter gets none: the pool is closing, or nobody does
      refuse_late,  // the waiter gets none: its deadline has passed
      refuse_full   // the waiter gets none: too many wait already
    };
    Kind kind;
    Slot slot = 0;
    Waiter* waiter = nullptr;
  };

  explicit PoolCore(const PoolLimits& limits);
  PoolCore(const PoolCore&) = delete;
  PoolCore& operator=(const PoolCore&) = delete;

  // --- those who want a connection --------------------------------------------------------------
  /// Leases a connection that can be handed out at once, if nobody waits for it.
  std::optional<Slot> take(TimePoint now);
  /// Joins the queue; what becomes of it comes out of next_action().
  void acquire(Waiter& waiter, TimePoint deadline = never);
  /// Leaves the queue. Nothing when it is not in it.
  void abandon(Waiter& waiter) noexcept;
  /// Who has waited for longest; null when nobody waits.
  Waiter* first_waiter() const noexcept { return first_; }

  // --- what has happened to a slot --------------------------------------------------------------
  /// Connects an empty slot, although no waiter asks; false when the slot is not empty.
  bool open(Slot slot);
  /// connecting → leased when a waiter has connected, else idle.
  void connected(Slot slot, TimePoint now);
  /// connecting → empty; a reason not to try again at once.
  void failed(Slot slot, TimePoint now);
  /// connecting → empty: it is not wanted any more.
  void called_off(Slot slot);
  /// leased → resetting, then ready() or retire(); or, returning false, → retiring, then gone().
  bool release(Slot slot, TimePoint now, Reset reset = Reset::quick);
  /// It has to answer something from now on: what has been found out since about others is not known of it.
  void asks(Slot slot) noexcept { slots_[slot].asked = suspicion_; }
  /// leased, resetting, checking → idle. It has answered what it was asked, if anything.
  void ready(Slot slot, TimePoint now);
  /// → retiring, then gone(): it is not to be used any more.
  void retire(Slot slot);
  /// → empty: there is no connection any more, whichever side ended it.
  void gone(Slot slot);
  /// leased → connecting: the same, of one that a waiter was handed and has not come for yet. It will find the slot as
  /// if it had been handed an empty one, to connect for itself (PoolLimits::waiters_connect).
  void gone_before_use(Slot slot);

  // --- all of them ------------------------------------------------------------------------------
  /// All that are open now are replaced: idle ones when they would be handed out, leased ones when they come
  /// back.
  void expire() noexcept { ++generation_; }
  /// A connection has died in a way that the others may have, too: each is checked before it is
  /// handed out.
  void suspect() noexcept { ++suspicion_; }
  /// Connecting is of no use: those who wait now are refused, unless a connection may still come back.
  void refuse_waiting() noexcept;
  /// Nobody gets a connection any more; what is idle, or becomes so, is retired.
  void close() noexcept { closing_ = true; }
  /// Closed, and nothing is left.
  bool is_drained() const noexcept { return closing_ && empty_.size() == slots_.size() && !first_; }

  /// Time has passed; due() tells when to call this at the latest.
  void tick(TimePoint now);
  TimePoint due() const noexcept { return due_; }

  /// What is to be done next. To be asked after each change, until it has nothing.
  std::optional<Action> next_action(TimePoint now);

  State state(Slot slot) const noexcept { return slots_[slot].state; }
  std::size_t max_size() const noexcept { return slots_.size(); }
  bool is_closing() const noexcept { return closing_; }
  bool anybody_waits() const noexcept { return first_ != nullptr; }
  std::uint64_t generation(Slot slot) const noexcept { return slots_[slot].generation; }
  std::uint64_t generation() const noexcept { return generation_; }
  /// Why the pool, not its head, has retired a slot.
  std::string_view end_reason(Slot slot, TimePoint now) const noexcept;
  const PoolCounts& counts() const noexcept { return counts_; }

 private:
  struct SlotData {
    State state = State::empty;
    bool owned = false;  // a waiter connects it
    Reset reset = Reset::quick;
    TimePoint since{};  // it is in this state
    TimePoint lifetime_ends = never;
    std::uint64_t generation = 0;
    std::uint64_t asked = 0;    // suspicion_ when it last was
    std::uint64_t trusted = 0;  // what `asked` was when it last answered
    std::uint64_t heard = 0;    // round_ when that was
  };

  std::size_t& count_of(State state) noexcept;
  void enter(Slot slot, State state, TimePoint now = {}) noexcept;
  void doom(Slot slot);
  Waiter& pop_waiter() noexcept;
  void unlink(Waiter& waiter) noexcept;
  bool is_full() const noexcept;
  bool has_outlived(const SlotData& data, TimePoint now) const noexcept;
  bool needs_check(const SlotData& data, TimePoint now) const noexcept;
  /// It has become ready just now: good for whoever waits for it, however short the limits are.
  bool was_just_heard(const SlotData& data) const noexcept { return data.heard == round_; }
  double random_part();
  bool may_shrink() const noexcept { return !limits_.keeps_min_size || counts_.size() > limits_.min_size; }
  void note_due(TimePoint at) noexcept {
    if (at < due_) due_ = at;
  }
  std::optional<Action> refuse_somebody(TimePoint now);
  std::optional<Action> serve_from_idle(TimePoint now);
  std::optional<Action> fill_a_slot(TimePoint now);
  std::size_t resets_soon_over(TimePoint now) noexcept;

  PoolLimits limits_;
  std::vector<SlotData> slots_;
  std::vector<Slot> empty_;   // the last one is filled first
  std::vector<Slot> idle_;    // the last one came back last
  std::vector<Slot> doomed_;  // retiring, and the head has not been told yet
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
  PoolCounts counts_;
  TimePoint due_ = never;                // not later than the first thing that is due
  TimePoint earliest_deadline_ = never;  // the same for waiters
  TimePoint backoff_ends_ = TimePoint::min();
  std::int64_t failures_ = 0;  // to connect, since it last succeeded
  std::uint64_t generation_ = 0;
  std::uint64_t suspicion_ = 0;
  std::uint64_t round_ = 1;  // of next_action(): each ends when nothing is left to do, or time passes
  bool closing_ = false;
  std::uint64_t random_;  // the generator's state
};

}  // namespace pgstride::inline v0
