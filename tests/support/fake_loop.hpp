// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A loop whose clock the test owns. Time moves only when the test says so, helper threads do not exist, and
// everything happens in the order it was asked for, so a race is a sequence of calls in a test.
//
// Readiness comes from the test (make_ready) and from poll() with no timeout on real descriptors;
// negative numbers stand for descriptors that exist only in the test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <vector>

#include "pgstride/driver/loop/loop.hpp"

namespace pgstride::test {

class FakeLoop final : public Loop {
 public:
  FakeLoop();
  FakeLoop(const FakeLoop&) = delete;
  FakeLoop& operator=(const FakeLoop&) = delete;
  /// Drops the jobs it still has. A watch or timer that is still there is a bug: aborts.
  ~FakeLoop();

  std::unique_ptr<Watch> watch(int fd, FdHandler&) override;
  std::unique_ptr<Timer> timer(TimerHandler&) override;
  void post(std::unique_ptr<Job>) override;
  void offload(std::unique_ptr<Job>) override;
  TimePoint now() const noexcept override { return now_; }

  /// One turn: jobs posted and work offloaded before it, timers due, descriptors ready. False when
  /// nothing called for it.
  bool turn();
  /// Turns until one finds nothing to do; time stands still. Throws std::logic_error when that does
  /// not come: somebody leaves a ready descriptor unread, or posts without end.
  void run_until_idle();
  /// Moves the clock, stopping at every timer on the way, and handles all that comes up.
  void advance(Duration);
  /// The clock goes on while somebody keeps the loop busy: what comes up meanwhile waits for the next turn.
  void stay_busy_for(Duration duration) noexcept { now_ += duration; }
  /// Turns until done() holds, moving the clock to the next timer whenever there is nothing else to
  /// do. False when nothing is left that could happen.
  template <class Predicate>
  bool run_until(Predicate done) {
    for (int i = 0; i < turn_limit; ++i) {
      if (done()) return true;
      if (!turn() && !skip_to_next_timer()) return done();
    }
    throw std::logic_error("FakeLoop: turns without end");
  }

  /// In the next turn the descriptor's watch, if it wants that, is told so; once.
  void make_ready(int fd, Ready);
  /// As uvloop does: after an error or a hang-up the descriptor is not looked at again, until its watch
  /// has wanted nothing and then something.
  void tell_of_errors_once() noexcept { tells_of_errors_once_ = true; }
  /// Until released, offloaded work waits, as if every helper thread were busy.
  void hold_offloaded() noexcept { holding_ = true; }
  void release_offloaded() noexcept { holding_ = false; }

  std::size_t offloaded() const noexcept { return offloaded_.size(); }
  std::size_t watches() const noexcept { return watches_.size(); }
  std::size_t armed_timers() const noexcept;
  /// The earliest armed time, or never.
  TimePoint next_timer() const noexcept;
  /// What the descriptor's watch wants; none when there is no watch.
  Ready wanted(int fd) const noexcept;

 private:
  class FakeWatch;
  class FakeTimer;

  static constexpr int turn_limit = 100'000;

  bool run_jobs();
  bool fire_timers();
  bool report_ready();
  bool skip_to_next_timer();

  TimePoint now_{std::chrono::hours(1)};  // not the epoch: an unset time should look unset
  std::vector<FakeWatch*> watches_;       // in order of creation
  std::vector<FakeTimer*> timers_;        // likewise
  std::vector<std::unique_ptr<Job>> posted_;
  std::vector<std::unique_ptr<Job>> offloaded_;
  std::uint64_t last_serial_ = 0;
  bool holding_ = false;
  bool tells_of_errors_once_ = false;
};

}  // namespace pgstride::test
