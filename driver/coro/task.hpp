// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Task<T>: a coroutine that runs when it is awaited, owned by its Task object.
//
// Lazy, single owner, symmetric transfer: nothing runs before co_await, destroying a Task destroys
// its frame and with it everything that the frame waits for, and a long chain of completions does
// not grow the stack. When the coroutine that awaits it is destroyed, it goes on, and can be awaited again.
// Single-threaded like everything else here.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "pgstride/driver/coro/awaiting.hpp"

namespace pgstride::inline v0 {

template <class T = void>
class Task;

namespace detail {

[[noreturn, gnu::cold]] void refuse_to_await();
[[noreturn, gnu::cold]] void refuse_to_take();

struct FinalAwaiter {
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
    return self.promise().awaited.take();
  }
  void await_resume() const noexcept {}
};

struct TaskPromiseBase {
  Awaited awaited;
  std::exception_ptr thrown;
  bool has_started = false;
  bool is_taken = false;

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { thrown = std::current_exception(); }
};

template <class T>
struct TaskPromise final : TaskPromiseBase {
  std::optional<T> value;

  Task<T> get_return_object() noexcept;
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T take() {
    is_taken = true;
    if (thrown) std::rethrow_exception(thrown);
    return std::move(*value);
  }
};

template <>
struct TaskPromise<void> final : TaskPromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() {
    is_taken = true;
    if (thrown) std::rethrow_exception(thrown);
  }
};

/// Waits for the end of a task and leaves its result where it is.
template <class T>
class Ended {
 public:
  /// Throws Error when there is nothing to wait for, or another waits already.
  explicit Ended(const Task<T>& task);
  Ended(Ended&& other) noexcept : frame_(other.frame_) {}  // before it waits
  Ended& operator=(Ended&&) = delete;

  bool await_ready() const noexcept { return frame_.done(); }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) {
    awaiting_.wait(frame_.promise().awaited, waiting);
    if (std::exchange(frame_.promise().has_started, true)) return std::noop_coroutine();
    return frame_;
  }
  void await_resume() const noexcept {}

 protected:
  std::coroutine_handle<TaskPromise<T>> frame_;

 private:
  Awaiting awaiting_;
};

/// … and then gives the result.
template <class T>
class Joined final : public Ended<T> {
 public:
  using Ended<T>::Ended;
  T await_resume() const { return this->frame_.promise().take(); }
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;

  Task() = default;
  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    Task taken(std::move(other));
    std::swap(frame_, taken.frame_);
    return *this;
  }
  ~Task() {
    if (frame_) frame_.destroy();
  }

  /// Throws Error (Errc::invalid_argument) when this is empty, or its result has been taken.
  auto operator co_await() const { return detail::Joined<T>(*this); }

  /// Runs it to its first suspension; from then on it goes on by itself, for as long as this exists.
  /// It may still be awaited, once.
  void start() {
    check();
    if (std::exchange(frame_.promise().has_started, true)) detail::refuse_to_await();
    frame_.resume();
  }
  /// Nothing of it is left to run; so is an empty one.
  bool done() const noexcept { return !frame_ || frame_.done(); }
  /// The result; throws what it threw. Throws Error (Errc::invalid_argument) when this is empty or not done(), or its
  /// result has been taken.
  T take() {
    check();
    if (!frame_.done()) [[unlikely]]
      detail::refuse_to_take();
    return frame_.promise().take();
  }

 private:
  friend promise_type;
  friend detail::Ended<T>;
  explicit Task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  void check() const {
    if (!frame_ || frame_.promise().is_taken) [[unlikely]]
      detail::refuse_to_await();
  }

  std::coroutine_handle<promise_type> frame_;
};

namespace detail {

template <class T>
Ended<T>::Ended(const Task<T>& task) : frame_((task.check(), task.frame_)) {
  if (frame_.promise().awaited) [[unlikely]]
    refuse_to_await_beside();  // here, where it can be told: a Branch may not throw
}

template <class T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

inline Task<void> TaskPromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

}  // namespace detail
}  // namespace pgstride::inline v0
