// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A coroutine that waits, and what it waits for. They know of each other, so that either may be destroyed
// first: a coroutine that is gone is not resumed.
#pragma once

#include <coroutine>
#include <utility>

namespace pgstride::inline v0 {

class Awaited;

namespace detail {

[[noreturn, gnu::cold]] void refuse_to_await_beside();

}  // namespace detail

/// Part of an awaiter, and so of the frame of the coroutine that waits.
class Awaiting {
 public:
  Awaiting() = default;
  Awaiting(const Awaiting&) = delete;
  Awaiting& operator=(const Awaiting&) = delete;
  inline ~Awaiting();

  /// Throws Error when another waits already.
  inline void wait(Awaited& awaited, std::coroutine_handle<> waiting);
  /// Neither resumed yet, nor has what it waits for gone.
  bool waits() const noexcept { return awaited_ != nullptr; }

 private:
  friend Awaited;
  Awaited* awaited_ = nullptr;
  std::coroutine_handle<> waiting_;
};

/// Part of what can be waited for, by one coroutine at a time.
class Awaited {
 public:
  Awaited() = default;
  Awaited(const Awaited&) = delete;
  Awaited& operator=(const Awaited&) = delete;
  ~Awaited() {
    if (by_) by_->awaited_ = nullptr;
  }

  /// Somebody waits.
  explicit operator bool() const noexcept { return by_ != nullptr; }
  /// Whoever waits, to be resumed; nothing when nobody does.
  std::coroutine_handle<> take() noexcept {
    if (!by_) return std::noop_coroutine();
    by_->awaited_ = nullptr;
    return std::exchange(by_, nullptr)->waiting_;
  }
  void resume() noexcept {
    if (by_) take().resume();
  }

 private:
  friend Awaiting;
  Awaiting* by_ = nullptr;
};

inline Awaiting::~Awaiting() {
  if (awaited_) awaited_->by_ = nullptr;
  awaited_ = nullptr;  // g++ 12 destroys some temporaries inside co_await twice
}

inline void Awaiting::wait(Awaited& awaited, std::coroutine_handle<> waiting) {
  if (awaited.by_) [[unlikely]]
    detail::refuse_to_await_beside();
  waiting_ = waiting;
  awaited_ = &awaited;
  awaited.by_ = this;
}

}  // namespace pgstride::inline v0
