// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// AsyncGenerator<T>: a coroutine that yields values one at a time, and may wait between them.
//
//     while (T* value = co_await numbers.next()) …
//
// Lazy, single owner, symmetric transfer, like Task. Destroying it destroys its frame, and with it
// whatever the frame waits for.
#pragma once

#include <cassert>
#include <coroutine>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace pgstride::inline v0 {

template <class T>
class [[nodiscard]] AsyncGenerator {
 public:
  class promise_type;
  using Handle = std::coroutine_handle<promise_type>;

  AsyncGenerator() = default;
  AsyncGenerator(AsyncGenerator&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  AsyncGenerator& operator=(AsyncGenerator&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~AsyncGenerator() {
    if (frame_) frame_.destroy();
  }

  /// co_await → T*: the next value, which lives until next() is called again; null after the last
  /// one. Throws what the generator throws, and then has ended.
  auto next() noexcept {
    struct Awaiter {
      Handle frame;
      bool await_ready() const noexcept { return !frame || frame.done(); }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) const noexcept {
        frame.promise().consumer_ = waiting;
        frame.promise().value_ = nullptr;
        return frame;
      }
      T* await_resume() const { return frame ? frame.promise().take() : nullptr; }
    };
    return Awaiter{frame_};
  }

 private:
  explicit AsyncGenerator(Handle frame) noexcept : frame_(frame) {}

  Handle frame_;
};

template <class T>
class AsyncGenerator<T>::promise_type {
 public:
  AsyncGenerator get_return_object() noexcept { return AsyncGenerator(Handle::from_promise(*this)); }
  std::suspend_always initial_suspend() const noexcept { return {}; }
  auto final_suspend() noexcept {
    value_ = nullptr;
    return ToConsumer{};
  }
  void unhandled_exception() noexcept { thrown_ = std::current_exception(); }
  void return_void() const noexcept {}

  // What is yielded stays where it is, in the generator's frame, until the consumer asks for more.
  auto yield_value(T& value) noexcept {
    value_ = std::addressof(value);
    return ToConsumer{};
  }
  auto yield_value(T&& value) noexcept { return yield_value(value); }

 private:
  friend AsyncGenerator;

  struct ToConsumer {
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(Handle frame) const noexcept { return frame.promise().consumer_; }
    void await_resume() const noexcept {}
  };

  T* take() {
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    return value_;
  }

  std::coroutine_handle<> consumer_;
  T* value_ = nullptr;
  std::exception_ptr thrown_;
};

}  // namespace pgstride::inline v0
