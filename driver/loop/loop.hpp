// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Everything pgstride ever asks of an event loop.
//
// Readiness, not completion: it is the one model that libuv, asyncio, uvloop, Trio, Asio and a
// hand-written epoll loop all offer, and it lets the kernel write straight into our buffer.
// A loop belongs to one thread; every call below is made on that thread. Handlers are called from
// the loop, never from inside one of these calls, and are noexcept because most loops are C.
#pragma once

#include <chrono>
#include <memory>

namespace pgstride::inline v0 {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

/// A deadline that never comes.
inline constexpr TimePoint never = TimePoint::max();
/// No limit.
inline constexpr Duration unlimited = Duration::max();

/// `limit` after `now`, which may be never.
constexpr TimePoint deadline_after(TimePoint now, Duration limit) noexcept {
  return limit >= never - now ? never : now + limit;
}

/// What a file descriptor is ready for, or is wanted for.
enum class Ready : unsigned char { none = 0, read = 1, write = 2, both = 3 };

constexpr Ready operator|(Ready a, Ready b) noexcept {
  return static_cast<Ready>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr bool has(Ready set, Ready bit) noexcept {
  return (static_cast<unsigned>(set) & static_cast<unsigned>(bit)) != 0;
}

class FdHandler {
 public:
  /// The descriptor is ready (errors and hang-ups count as both). May destroy its Watch.
  virtual void on_fd(Ready) noexcept = 0;

 protected:
  ~FdHandler() = default;
};

class TimerHandler {
 public:
  /// The armed time has come; the timer is disarmed. May re-arm or destroy its Timer.
  virtual void on_timer() noexcept = 0;

 protected:
  ~TimerHandler() = default;
};

/// Interest in one descriptor. Level-triggered, except that a reset may be reported only once, and after
/// drained() anything: a handler that stops reading early must call want(none) and later want(read) again.
/// Destroying it ends the interest at once: the handler is not called again. Must be destroyed before the
/// descriptor is closed.
class Watch {
 public:
  virtual ~Watch() = default;
  virtual void want(Ready) = 0;
  /// Nothing was left to read: the last read would have blocked or got less than it asked for. From then on a loop
  /// need report only what comes later, and the end or the error that the stream may have come to already. False when
  /// it may have reported those and will not again: after a short read, the handler reads on until it would block.
  virtual bool drained() noexcept { return false; }
};

/// A one-shot timer. Destroying it disarms it.
class Timer {
 public:
  virtual ~Timer() = default;
  virtual void arm(TimePoint) = 0;  // replaces an earlier arming; a time in the past: next turn
  virtual void cancel() noexcept = 0;
};

/// Work handed to a loop, which owns it from then on. Destroyed unrun if the loop goes first.
class Job {
 public:
  virtual ~Job() = default;
  /// Runs on some other thread and touches nothing but the job itself. For offload() only.
  virtual void work() noexcept {}
  /// Runs on the loop's thread, in a later turn.
  virtual void done() noexcept = 0;
};

/// What it is asked for may fail for want of memory, by std::bad_alloc; a job has been destroyed then.
class Loop {
 public:
  virtual std::unique_ptr<Watch> watch(int fd, FdHandler&) = 0;
  virtual std::unique_ptr<Timer> timer(TimerHandler&) = 0;
  /// done() in the next turn of the loop.
  virtual void post(std::unique_ptr<Job>) = 0;
  /// work() on a helper thread (name resolution, key derivation), then done() on this one.
  virtual void offload(std::unique_ptr<Job>) = 0;
  virtual TimePoint now() const noexcept = 0;  // virtual time in tests
  /// False on a thread that is not the loop's; for assertions. A loop that cannot tell returns true.
  virtual bool is_here() const noexcept { return true; }

 protected:
  ~Loop() = default;
};

}  // namespace pgstride::inline v0
