// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A guest in an Asio io_context that somebody else runs, on one thread. Include asio.hpp or
// boost_asio.hpp beside this, which name the Asio that is meant; this room includes none.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "pgstride/driver/loop/loop.hpp"

namespace pgstride::inline v0 {

/// `Asio` names the types of one of the two Asios. Destroying the loop ends every watch and timer made
/// through it and drops all jobs; offloaded work that has begun is waited for. The context outlives it.
template <class Asio>
class BasicAsioLoop final : public Loop {
 public:
  using Context = typename Asio::Context;

  explicit BasicAsioLoop(Context& context) : context_(context), alive_(std::make_shared<bool>(true)) {}
  BasicAsioLoop(const BasicAsioLoop&) = delete;
  BasicAsioLoop& operator=(const BasicAsioLoop&) = delete;
  ~BasicAsioLoop() {
    *alive_ = false;
    if (helper_) helper_->join();
  }

  std::unique_ptr<Watch> watch(int fd, FdHandler& handler) override {
    return std::make_unique<AsioWatch>(context_, fd, handler);
  }
  std::unique_ptr<Timer> timer(TimerHandler& handler) override {
    return std::make_unique<AsioTimer>(context_, handler);
  }
  void post(std::unique_ptr<Job> job) override {
    Asio::post(context_, [alive = alive_, job = std::move(job)] {
      if (*alive) job->done();
    });
  }
  void offload(std::unique_ptr<Job> job) override {
    if (!helper_) helper_.emplace(1);
    Asio::post(*helper_, [this, busy = Asio::keep_running(context_), job = std::move(job)]() mutable {
      job->work();
      post(std::move(job));
    });
  }
  TimePoint now() const noexcept override { return Clock::now(); }

  /// For run() of coro/run.hpp: runs the context until `done()`, or until it has nothing left to do.
  template <class Predicate>
  void run_until(Predicate done) {
    if (context_.stopped()) context_.restart();
    while (!done() && context_.run_one() != 0) {
    }
  }

 private:
  class AsioWatch;
  class AsioTimer;

  Context& context_;
  std::shared_ptr<bool> alive_;  // false: jobs still queued in the context are dropped
  std::optional<typename Asio::Pool> helper_;
};

template <class Asio>
class BasicAsioLoop<Asio>::AsioWatch final : public Watch {
 public:
  AsioWatch(Context& context, int fd, FdHandler& handler)
      : state_(std::make_shared<State>(context, fd, handler)) {}
  ~AsioWatch() override {
    state_->handler = nullptr;
    state_->descriptor.release();  // it is not ours; its waits end, and find nobody
  }
  void want(Ready ready) override {
    state_->wanted = ready;
    arm(state_);
  }

 private:
  struct State {
    State(Context& context, int fd, FdHandler& handler_) : descriptor(context, fd), handler(&handler_) {}
    typename Asio::Descriptor descriptor;
    FdHandler* handler;  // null: the watch has gone
    Ready wanted = Ready::none;
    Ready waiting = Ready::none;
  };

  // Asio tells once; level-triggered is what asks again.
  static void arm(const std::shared_ptr<State>& state) {
    for (const Ready one : {Ready::read, Ready::write}) {
      if (!has(state->wanted, one) || has(state->waiting, one)) continue;
      state->waiting = state->waiting | one;
      state->descriptor.async_wait(
          one == Ready::read ? Asio::Descriptor::wait_read : Asio::Descriptor::wait_write,
          [state, one](const auto& error) { on_ready(state, one, bool(error)); });
    }
  }
  static void on_ready(const std::shared_ptr<State>& state, Ready one, bool failed) {
    state->waiting = static_cast<Ready>(static_cast<unsigned>(state->waiting) & ~static_cast<unsigned>(one));
    if (state->handler == nullptr) return;
    if (has(state->wanted, one)) state->handler->on_fd(failed ? Ready::both : one);
    if (state->handler != nullptr) arm(state);
  }

  std::shared_ptr<State> state_;
};

template <class Asio>
class BasicAsioLoop<Asio>::AsioTimer final : public Timer {
 public:
  AsioTimer(Context& context, TimerHandler& handler) : state_(std::make_shared<State>(context, handler)) {}
  ~AsioTimer() override { cancel(); }

  void arm(TimePoint at) override {
    cancel();
    if (at == never) return;
    state_->timer.expires_at(at);
    state_->timer.async_wait([state = state_, armed = state_->armed](const auto& error) {
      if (!error && state->armed == armed) state->handler.on_timer();
    });
  }
  void cancel() noexcept override {
    ++state_->armed;  // a wait that has ended, but was not told of yet, counts no more
    try {
      state_->timer.cancel();
    } catch (...) {  // nothing to do: it finds that it counts no more
    }
  }

 private:
  struct State {
    State(Context& context, TimerHandler& handler_) : timer(context), handler(handler_) {}
    typename Asio::SteadyTimer timer;
    TimerHandler& handler;
    unsigned armed = 0;
  };
  std::shared_ptr<State> state_;
};

}  // namespace pgstride::inline v0
