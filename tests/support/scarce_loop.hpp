// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A loop under which memory runs out: for everything that it calls, and for what that asks of it; neither for
// the loop that it stands on nor for the test.
#pragma once

#include <memory>
#include <utility>

#include "pgstride/driver/loop/loop.hpp"

#include "tests/support/failing_allocations.hpp"

namespace pgstride::test {

class ScarceLoop final : public Loop {
 public:
  ScarceLoop(Loop& real, OneFails& one) noexcept : real_(real), one_(one) {}

  std::unique_ptr<Watch> watch(int fd, FdHandler& handler) override {
    return std::make_unique<ScarceWatch>(*this, fd, handler);
  }
  std::unique_ptr<Timer> timer(TimerHandler& handler) override {
    return std::make_unique<ScarceTimer>(*this, handler);
  }
  void post(std::unique_ptr<Job> job) override {
    real_.post(std::make_unique<ScarceJob>(*this, std::move(job)));
  }
  void offload(std::unique_ptr<Job> job) override {
    real_.offload(std::make_unique<ScarceJob>(*this, std::move(job)));
  }
  TimePoint now() const noexcept override { return real_.now(); }

 private:
  // Each may be gone when its handler returns; the one that fails is not.
  class ScarceWatch final : public Watch, FdHandler {
   public:
    ScarceWatch(ScarceLoop& loop, int fd, FdHandler& handler)
        : one_(loop.one_), handler_(handler), real_(loop.real_.watch(fd, *this)) {}
    void want(Ready ready) override { real_->want(ready); }

   private:
    void on_fd(Ready ready) noexcept override {
      one_.counting([&] { handler_.on_fd(ready); });
    }

    OneFails& one_;
    FdHandler& handler_;
    std::unique_ptr<Watch> real_;
  };

  class ScarceTimer final : public Timer, TimerHandler {
   public:
    ScarceTimer(ScarceLoop& loop, TimerHandler& handler)
        : one_(loop.one_), handler_(handler), real_(loop.real_.timer(*this)) {}
    void arm(TimePoint at) override { real_->arm(at); }
    void cancel() noexcept override { real_->cancel(); }

   private:
    void on_timer() noexcept override {
      one_.counting([&] { handler_.on_timer(); });
    }

    OneFails& one_;
    TimerHandler& handler_;
    std::unique_ptr<Timer> real_;
  };

  class ScarceJob final : public Job {
   public:
    ScarceJob(ScarceLoop& loop, std::unique_ptr<Job> real) : one_(loop.one_), real_(std::move(real)) {}
    void work() noexcept override {
      one_.counting([&] { real_->work(); });
    }
    void done() noexcept override {
      one_.counting([&] { real_->done(); });
    }

   private:
    OneFails& one_;
    std::unique_ptr<Job> real_;
  };

  Loop& real_;
  OneFails& one_;
};

}  // namespace pgstride::test
