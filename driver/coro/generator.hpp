// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// AsyncGenerator<T>: a coroutine that yields values one at a time, and may wait between them.
//
//     while (T* value = co_await numbers.next()) …
//
// Lazy, single owner, symmetric transfer, like Task. Destroying it destroys its frame, and with it
// whatever the frame waits for.
#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include "pgstride/driver/coro/awaiting.hpp"

namespace pgstride::inline v0 {

template <class T>
class [[nodiscard]] AsyncGenerator {
 public:
  class promise_type;
  using Handle = std::coroutine_handle<promise_type>;

  AsyncGenerator() = default;
  AsyncGenerator(AsyncGenerator&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  AsyncGenerator& operator=(AsyncGenerator&& other) noexcept {
    AsyncGenerator taken(std::move(other));
    std::swap(frame_, taken.frame_);
    return *this;
  }
  ~AsyncGenerator() {
    if (frame_) frame_.destroy();
  }

  /// co_await → T*: the next value, which lives until next() is called again; null after the last
  /// one. Throws what the generator throws, and then has ended. When the coroutine that waits is destroyed,
  /// the value is for the next one who asks.
  auto next() & noexcept {
    struct Awaiter {
      explicit Awaiter(Handle handle) noexcept : frame(handle) {}
      bool await_ready() const noexcept { return !frame || frame.done() || frame.promise().is_offered_; }
      bool await_suspend(std::coroutine_handle<> waiting) {
        awaiting.wait(frame.promise().consumer_, waiting);
        return frame.promise().go_on();
      }
      T* await_resume() const { return frame ? frame.promise().take() : nullptr; }

      Handle frame;
      Awaiting awaiting;
    };
    return Awaiter(frame_);
  }
  void next() && = delete;  // the value would go with the generator

 private:
  explicit AsyncGenerator(Handle frame) noexcept : frame_(frame) {}

  Handle frame_;
};

template <class T>
class AsyncGenerator<T>::promise_type {
 public:
  promise_type() = default;
  promise_type(const promise_type&) = delete;
  promise_type& operator=(const promise_type&) = delete;
  ~promise_type() { leave(); }

  AsyncGenerator get_return_object() noexcept { return AsyncGenerator(Handle::from_promise(*this)); }
  std::suspend_always initial_suspend() const noexcept { return {}; }
  auto final_suspend() noexcept { return offer(nullptr); }
  void unhandled_exception() noexcept { thrown_ = std::current_exception(); }
  void return_void() const noexcept {}

  // What is yielded stays where it is, in the generator's frame, until the consumer asks for more.
  auto yield_value(T& value) noexcept { return offer(std::addressof(value)); }
  auto yield_value(T&& value) noexcept { return yield_value(value); }

 private:
  friend AsyncGenerator;

  struct ToConsumer {
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(Handle frame) const noexcept { return frame.promise().answer(); }
    void await_resume() const noexcept {}
  };

  // Runs to the next value, or to where it has to wait: then true, and the consumer waits, too. Values that are
  // there at once do not nest, however the compiler transfers control.
  bool go_on() noexcept {
    if (std::exchange(is_running_, true)) {  // who asked before has gone
      leave();
      return true;
    }
    bool is_left = false;
    left_ = &is_left;
    Handle::from_promise(*this).resume();
    if (is_left) return true;
    left_ = nullptr;
    if (!is_offered_ || !consumer_) return true;
    (void)consumer_.take();
    return false;
  }
  // What go_on() runs is not its business any more.
  void leave() noexcept {
    if (left_) *std::exchange(left_, nullptr) = true;
  }
  // In go_on() it is that which tells the consumer.
  std::coroutine_handle<> answer() noexcept { return left_ ? std::noop_coroutine() : consumer_.take(); }
  ToConsumer offer(T* value) noexcept {
    value_ = value;
    is_running_ = false;
    is_offered_ = true;
    return {};
  }
  T* take() {
    is_offered_ = false;
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    return value_;
  }

  Awaited consumer_;
  T* value_ = nullptr;
  bool* left_ = nullptr;  // in go_on(): to be told when this is destroyed, or another consumer has come
  bool is_running_ = false;
  bool is_offered_ = false;  // and nobody has taken it yet
  std::exception_ptr thrown_;
};

}  // namespace pgstride::inline v0
