// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A guest in an Asio io_context that the program runs, on one thread. Include asio.hpp or boost_asio.hpp,
// which choose the Asio; this file includes none.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "pgstride/driver/loop/loop.hpp"

namespace pgstride::inline v0 {

namespace detail {

/// Memory for one handler at a time. Asio would allocate for each, and that might fail.
class HandlerMemory {
 public:
  void* take(std::size_t size) {
    if (is_taken_ || size > sizeof bytes_) return ::operator new(size);
    is_taken_ = true;
    return bytes_;
  }
  void give_back(void* memory) noexcept {
    if (memory != bytes_) return ::operator delete(memory);
    is_taken_ = false;
  }

 private:
  alignas(std::max_align_t) std::byte bytes_[256];
  bool is_taken_ = false;
};

template <class T>
struct HandlerAllocator {
  using value_type = T;

  explicit HandlerAllocator(HandlerMemory& memory_) noexcept : memory(&memory_) {}
  template <class U>
  explicit HandlerAllocator(const HandlerAllocator<U>& other) noexcept : memory(other.memory) {}
  T* allocate(std::size_t count) { return static_cast<T*>(memory->take(count * sizeof(T))); }
  void deallocate(T* object, std::size_t) noexcept { memory->give_back(object); }
  bool operator==(const HandlerAllocator&) const = default;

  HandlerMemory* memory;
};

/// A function for Asio to call once, kept in `memory` until then. It owns the object that holds `memory`.
template <class Function>
struct Handler {
  using allocator_type = HandlerAllocator<Function>;

  allocator_type get_allocator() const noexcept { return allocator_type(*memory); }
  template <class... Error>
  void operator()(const Error&... error) {
    function(bool(error)...);
  }

  HandlerMemory* memory;
  Function function;
};
template <class Function>
Handler(HandlerMemory*, Function) -> Handler<Function>;

}  // namespace detail

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
    auto errand = std::make_unique<Errand>(std::move(job), context_);
    Asio::post(*helper_, [this, errand = std::move(errand)]() mutable {
      errand->job->work();
      detail::HandlerMemory* memory = &errand->memory;
      // Moved as a whole, so that the loop's thread destroys the job. And if this were the last thing that kept
      // the context running, the other thread would stop it, perhaps after it has been restarted.
      Asio::post(context_, detail::Handler{memory, [alive = alive_, errand = std::move(errand)] {
                                             if (*alive) errand->job->done();
                                           }});
    });
  }
  TimePoint now() const noexcept override { return Clock::now(); }
  /// Its thread is the first of those that have run the context and asked in one of its handlers; until then, any.
  bool is_here() const noexcept override {
    std::thread::id its;
    if (context_.get_executor().running_in_this_thread())
      thread_.compare_exchange_strong(its, std::this_thread::get_id(), std::memory_order_relaxed);
    its = thread_.load(std::memory_order_relaxed);
    return its == std::thread::id() || its == std::this_thread::get_id();
  }

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

  struct Errand {
    Errand(std::unique_ptr<Job> job_, Context& context)
        : job(std::move(job_)), busy(Asio::keep_running(context)) {}
    std::unique_ptr<Job> job;
    decltype(Asio::keep_running(std::declval<Context&>())) busy;
    detail::HandlerMemory memory;
  };

  Context& context_;
  std::shared_ptr<bool> alive_;  // false: jobs still queued in the context are dropped
  std::optional<typename Asio::Pool> helper_;
  mutable std::atomic<std::thread::id> thread_;
};

template <class Asio>
class BasicAsioLoop<Asio>::AsioWatch final : public Watch {
 public:
  AsioWatch(Context& context, int fd, FdHandler& handler)
      : state_(std::make_shared<State>(context, fd, handler)) {}
  ~AsioWatch() override {
    state_->handler = nullptr;
    state_->descriptor.release();  // it is not ours; its waits end, and find no handler
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
    detail::HandlerMemory read, write;
  };

  // Asio reports once; asking again makes it level-triggered.
  static void arm(const std::shared_ptr<State>& state) {
    for (const Ready one : {Ready::read, Ready::write}) {
      if (!has(state->wanted, one) || has(state->waiting, one)) continue;
      state->waiting = state->waiting | one;
      state->descriptor.async_wait(
          one == Ready::read ? Asio::Descriptor::wait_read : Asio::Descriptor::wait_write,
          detail::Handler{one == Ready::read ? &state->read : &state->write,
                          [state, one](bool failed) { on_ready(state, one, failed); }});
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
    if (at == never) return cancel();
    state_->at = at;
    if (state_->is_waiting) {
      state_->timer.cancel();  // its handler then waits for the new time
    } else {
      wait(state_);
    }
  }
  void cancel() noexcept override {
    state_->at = never;
    try {
      state_->timer.cancel();
    } catch (...) {  // nothing to be done: the timer is lost
    }
  }

 private:
  struct State {
    State(Context& context, TimerHandler& handler_) : timer(context), handler(handler_) {}
    typename Asio::SteadyTimer timer;
    TimerHandler& handler;
    TimePoint at = never;
    bool is_waiting = false;
    detail::HandlerMemory memory;
  };

  static void wait(const std::shared_ptr<State>& state) {
    state->timer.expires_at(state->at);
    state->timer.async_wait(detail::Handler{&state->memory, [state](bool) { on_wait(state); }});
    state->is_waiting = true;
  }
  static void on_wait(const std::shared_ptr<State>& state) {
    state->is_waiting = false;
    if (state->at == never) return;
    if (state->at > Clock::now()) return wait(state);
    state->at = never;
    state->handler.on_timer();
  }

  std::shared_ptr<State> state_;
};

}  // namespace pgstride::inline v0
