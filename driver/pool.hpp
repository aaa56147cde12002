// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A pool of connections for coroutines:
//
//     Pool pool(loop, PoolOptions("postgres://app@localhost/shop"));
//     Lease conn = co_await pool.acquire();
//     Result users = co_await conn->query("select …");
//
// A lease gives its connection back by being destroyed, and waits for nothing: what the session was left
// with is reset behind whatever is under way, and nobody gets the connection before the server has
// confirmed that. Who gets which is decided in pool_core.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <source_location>
#include <string_view>
#include <utility>
#include <vector>

#include "pgstride/driver/connection.hpp"
#include "pgstride/driver/pool_core.hpp"

namespace pgstride::inline v0 {

class PoolState;

struct PoolOptions {
  PoolOptions() = default;
  explicit PoolOptions(ConnectOptions options) : connect(std::move(options)) {}
  /// By a connection string, and libpq's environment variables for what it leaves open. Throws
  /// ConfigurationError.
  explicit PoolOptions(std::string_view dsn);

  ConnectOptions connect;
  PoolLimits limits;
  /// Over waiting for a free connection, unless the request for one says otherwise.
  Duration acquire_timeout = std::chrono::seconds(30);
  /// A reset that takes longer than this ends the connection.
  Duration reset_timeout = std::chrono::seconds(10);
  /// The same for asking whether a connection is still there.
  Duration check_timeout = std::chrono::seconds(5);
};

/// A connection that is lent.
struct Loan {
  Loan() = default;
  Loan(std::int32_t pid, TimePoint begin, std::source_location site)
      : backend_pid(pid), since(begin), where(site) {}

  std::int32_t backend_pid = 0;
  TimePoint since{};
  std::source_location where;  // of acquire()
};

struct PoolStats {
  PoolStats() = default;

  PoolCounts counts;
  Duration waited{};        // all who got a connection, together
  Duration longest_wait{};  // of one of them
};

/// A connection that is lent, until this is destroyed. Moved, not copied; a default one, or one moved from,
/// has none. Cursors, transactions and requests made of it go before it. It may outlive the pool, but
/// then its connection is closed.
class [[nodiscard]] Lease {
 public:
  Lease() = default;
  Lease(Lease&& other) noexcept = default;
  Lease& operator=(Lease&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(connection_, other.connection_);
    std::swap(slot_, other.slot_);
    return *this;
  }
  ~Lease() { release(); }

  Connection& operator*() const noexcept { return *connection_; }
  Connection* operator->() const noexcept { return connection_; }
  explicit operator bool() const noexcept { return pool_ != nullptr; }

  /// Gives the connection back before the end.
  void release() noexcept;
  /// The connection is closed instead: for what a reset does not take back.
  void discard() noexcept;

 private:
  friend class Acquire;
  Lease(std::shared_ptr<PoolState> pool, PoolCore::Slot slot) noexcept;

  std::shared_ptr<PoolState> pool_;
  Connection* connection_ = nullptr;
  PoolCore::Slot slot_ = 0;
};

/// co_await → Lease. Joins the queue when it is awaited, and leaves it when it is destroyed. Throws Error:
/// Errc::timed_out, whose text tells who has the connections; Errc::connection_closed when the pool is
/// closed; and what is wrong when nobody can connect.
class [[nodiscard]] Acquire final : PoolCore::Waiter {
 public:
  Acquire(std::shared_ptr<PoolState> pool, std::source_location where) noexcept;
  ~Acquire();
  Acquire(const Acquire&) = delete;
  Acquire& operator=(const Acquire&) = delete;

  /// In place of PoolOptions::acquire_timeout, counted from now.
  Acquire& timeout(Duration limit) &;
  Acquire&& timeout(Duration limit) && { return std::move(timeout(limit)); }
  /// The moment at which waiting ends.
  Acquire& deadline(TimePoint at) & noexcept { return deadline_ = at, *this; }
  Acquire&& deadline(TimePoint at) && noexcept { return std::move(deadline(at)); }

  auto operator co_await() noexcept {
    struct Awaiter {
      Acquire* self;
      bool await_ready() const { return self->take_idle(); }
      void await_suspend(std::coroutine_handle<> waiting) const { self->wait(waiting); }
      Lease await_resume() const { return self->take(); }
    };
    return Awaiter{this};
  }

 private:
  friend class PoolState;
  enum class Outcome : std::uint8_t { none, handed, refused, late };

  bool take_idle();
  void wait(std::coroutine_handle<> waiting);
  Lease take();

  std::shared_ptr<PoolState> pool_;
  std::source_location where_;
  TimePoint deadline_;
  TimePoint began_{};
  std::coroutine_handle<> waiting_;
  PoolCore::Slot slot_ = 0;
  Outcome outcome_ = Outcome::none;
};

/// Belongs to the loop's thread, with all that is made of it; the loop outlives it. Destroyed, it closes
/// every connection at once, those that are lent included.
class [[nodiscard]] Pool {
 public:
  /// Opens its first connections (PoolLimits::min_size) by itself. Throws ConfigurationError.
  Pool(Loop& loop, PoolOptions options);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();

  /// co_await → Lease
  Acquire acquire(std::source_location where = std::source_location::current()) {
    return Acquire(state_, where);
  }

  /// From here on nobody gets a connection, and whoever waits is refused. Waits until all are given back,
  /// for no longer than `limit`, then closes what is left under its users. Returns those loans.
  Task<std::vector<Loan>> close(Duration limit = std::chrono::seconds(30));

  /// Whatever is open now is replaced, without disturbing those who have it.
  void expire();
  PoolStats stats() const;
  /// Who has a connection, and since when.
  std::vector<Loan> loans() const;

 private:
  std::shared_ptr<PoolState> state_;
};

}  // namespace pgstride::inline v0
