// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Task<T>: a coroutine that runs when it is awaited, owned by its Task object.
//
// Lazy, single owner, symmetric transfer: nothing runs before co_await, destroying a Task destroys
// its frame and with it everything that the frame waits for, and a long chain of completions does
// not grow the stack. Single-threaded like everything else here.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace pgstride::inline v0 {

template <class T = void>
class Task;

namespace detail {

[[noreturn, gnu::cold]] void refuse_to_await();

struct FinalAwaiter {
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
    return self.promise().continuation ? self.promise().continuation : std::noop_coroutine();
  }
  void await_resume() const noexcept {}
};

struct TaskPromiseBase {
  std::coroutine_handle<> continuation;
  std::exception_ptr thrown;

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
    if (thrown) std::rethrow_exception(thrown);
    return std::move(*value);
  }
};

template <>
struct TaskPromise<void> final : TaskPromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const {
    if (thrown) std::rethrow_exception(thrown);
  }
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;

  Task() = default;
  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~Task() {
    if (frame_) frame_.destroy();
  }

  /// Throws Error (Errc::invalid_argument) when this is empty, or is over already.
  auto operator co_await() const {
    struct Awaiter {
      std::coroutine_handle<promise_type> frame;
      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) const noexcept {
        frame.promise().continuation = waiting;
        return frame;
      }
      T await_resume() const { return frame.promise().take(); }
    };
    check();
    return Awaiter{frame_};
  }

  /// For a task that is not awaited: runs it to its first suspension. Its owner keeps it until done().
  void start() {
    check();
    frame_.resume();
  }
  bool done() const noexcept { return frame_.done(); }
  /// The result of a task that is done(); throws what it threw.
  T take() { return frame_.promise().take(); }

 private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  void check() const {
    if (!frame_ || frame_.done()) [[unlikely]]
      detail::refuse_to_await();
  }

  std::coroutine_handle<promise_type> frame_;
};

namespace detail {

template <class T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

inline Task<void> TaskPromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

}  // namespace detail
}  // namespace pgstride::inline v0
