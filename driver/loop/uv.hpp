// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The libuv loop, for C++ programs without a loop of their own. The only part of the driver that knows
// libuv; this header does not include it.
#pragma once

#include <memory>

#include "pgstride/driver/loop/loop.hpp"

struct uv_loop_s;  // libuv's uv_loop_t

namespace pgstride::inline v0 {

/// Either a loop of its own, or a guest in a uv_loop_t that somebody else runs. Destroying it ends
/// every watch and timer made through it and drops all posted and offloaded jobs; offloaded work
/// that has begun is waited for (by the host's next run, for a guest). Not to be destroyed from one
/// of its own handlers.
class UvLoop final : public Loop {
 public:
  /// Throws std::system_error when the system is out of descriptors.
  UvLoop();
  /// A guest: the owner runs the loop, and must run it once more after this is destroyed, to let libuv
  /// close the handles, before uv_loop_close().
  explicit UvLoop(uv_loop_s* host);
  UvLoop(const UvLoop&) = delete;
  UvLoop& operator=(const UvLoop&) = delete;
  ~UvLoop();

  std::unique_ptr<Watch> watch(int fd, FdHandler&) override;
  std::unique_ptr<Timer> timer(TimerHandler&) override;
  void post(std::unique_ptr<Job>) override;
  void offload(std::unique_ptr<Job>) override;
  /// The clock itself, not libuv's cached time, which is as old as the turn.
  TimePoint now() const noexcept override { return Clock::now(); }
  /// Its thread is the one that runs it first; until then, any.
  bool is_here() const noexcept override;

  /// Until stop(), or until nothing is watched, armed, posted or offloaded any more: then false.
  bool run();
  /// Until `over`, which a handler sets before it calls stop(), or until there is nothing left to wait for: then false.
  /// One of these within another, whatever runs between them, leaves the outer one its stop().
  bool run(const bool& over);
  /// Waits for something to happen and handles it; false when there is nothing left to wait for.
  bool run_once();
  /// Until done(), which is asked in every turn, or until there is nothing left to wait for.
  template <class Predicate>
  void run_until(Predicate done) {
    while (!done() && run_once()) {
    }
  }
  /// Makes run() return after the current turn.
  void stop() noexcept;

 private:
  struct State;

  std::unique_ptr<State> state_;
};

}  // namespace pgstride::inline v0
