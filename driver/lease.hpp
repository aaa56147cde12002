// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A connection that a pool has lent, and how one gets it.
#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <source_location>
#include <stop_token>
#include <utility>

#include "pgstride/driver/connection.hpp"
#include "pgstride/driver/limited.hpp"
#include "pgstride/driver/pool_core.hpp"

namespace pgstride::inline v0 {

class PoolState;

/// A connection that is lent.
struct Loan {
  Loan() = default;
  Loan(std::int32_t pid, TimePoint begin, std::source_location site)
      : backend_pid(pid), since(begin), where(site) {}

  std::int32_t backend_pid = 0;
  TimePoint since{};
  std::source_location where;  // of acquire()
};

/// A connection that is lent, until this is destroyed. Moved, not copied; a default one, or one moved from or
/// released, has none, and then -> gives null. Must outlive requests made from it; transactions,
/// cursors and the like are of no use behind it. It may outlive the pool, but then its connection is closed.
class [[nodiscard]] Lease {
 public:
  Lease() = default;
  Lease(Lease&& other) noexcept
      : pool_(std::move(other.pool_)),
        connection_(std::exchange(other.connection_, nullptr)),
        slot_(other.slot_) {}
  Lease& operator=(Lease&& other) noexcept {
    Lease taken(std::move(other));
    std::swap(pool_, taken.pool_);
    std::swap(connection_, taken.connection_);
    std::swap(slot_, taken.slot_);
    return *this;
  }
  ~Lease() { release(); }

  Connection& operator*() const noexcept { return *connection_; }
  Connection* operator->() const noexcept { return connection_; }
  explicit operator bool() const noexcept { return pool_ != nullptr; }

  /// Gives the connection back before the end.
  void release() noexcept;
  /// Closes the connection instead of giving it back: for changes that a reset does not undo.
  void discard() noexcept;

 private:
  friend class Acquire;
  template <class Make>
  friend class PoolRequest;
  Lease(std::shared_ptr<PoolState> pool, PoolCore::Slot slot) noexcept;
  /// The request under way is the last one: the reset leaves with it.
  void reset_behind();

  std::shared_ptr<PoolState> pool_;
  Connection* connection_ = nullptr;
  PoolCore::Slot slot_ = 0;
};

/// co_await → Lease. Joins the queue when it is awaited, and leaves it when it is destroyed. Its deadline is the
/// one it has when it joins. Throws Error:
/// Errc::pool_timed_out, whose text tells who has the connections; std::errc::resource_unavailable_try_again when
/// PoolLimits::max_waiting wait already; Errc::connection_closed when the pool is closed; Errc::cancelled;
/// and, when no connection can be opened, the reason.
class [[nodiscard]] Acquire final : PoolCore::Waiter {
 public:
  Acquire(std::shared_ptr<PoolState> pool, std::source_location where) noexcept;
  ~Acquire();
  Acquire(const Acquire&) = delete;
  Acquire& operator=(const Acquire&) = delete;

  /// In place of PoolOptions::acquire_timeout, counted from now.
  Acquire& timeout(Duration limit) &;
  Limited<Acquire> timeout(Duration limit) && { return Limited<Acquire>(timeout(limit)); }
  /// The moment at which waiting ends.
  Acquire& deadline(TimePoint at) & noexcept { return deadline_ = at, *this; }
  Limited<Acquire> deadline(TimePoint at) && noexcept { return Limited<Acquire>(deadline(at)); }
  /// request_stop() must be called on the loop's thread; waiting then ends with Errc::cancelled.
  Acquire& stop(std::stop_token token) &;
  Limited<Acquire> stop(std::stop_token token) && { return Limited<Acquire>(stop(std::move(token))); }

  auto operator co_await() noexcept {
    struct Awaiter {
      explicit Awaiter(Acquire* acquire) noexcept : self(acquire) {}
      bool await_ready() const { return self->take_idle(); }
      void await_suspend(std::coroutine_handle<> waiting) { self->wait(awaiting, waiting); }
      Lease await_resume() const { return self->take(); }

      Acquire* self;
      Awaiting awaiting;
    };
    return Awaiter(this);
  }

  TimePoint now() const noexcept;

 private:
  friend class PoolState;
  enum class Outcome : std::uint8_t { none, handed, refused, late, excess, stopped };
  struct Dismissal {
    void operator()() const noexcept { request->dismiss(); }
    Acquire* request;
  };

  void dismiss() noexcept;
  bool take_idle();
  void wait(Awaiting& awaiting, std::coroutine_handle<> waiting);
  Lease take();

  std::shared_ptr<PoolState> pool_;
  std::source_location where_;
  TimePoint deadline_;
  TimePoint began_{};
  Awaited awaited_;
  PoolCore::Slot slot_ = 0;
  Outcome outcome_ = Outcome::none;
  std::unique_ptr<std::stop_callback<Dismissal>> stop_;
};

}  // namespace pgstride::inline v0
