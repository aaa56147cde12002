// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A task and a deadline: whichever comes first.
#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <utility>

#include "pgstride/driver/coro/task.hpp"
#include "pgstride/driver/loop/loop.hpp"

namespace pgstride::inline v0 {

/// co_await within → what the task returned, or nothing when the deadline has passed; then the task,
/// and with it all that it waited for, has been destroyed.
template <class T>
class Within final : TimerHandler {
 public:
  Within(Loop& loop, TimePoint deadline, Task<T> task)
      : task_(std::move(task)), ended_(task_), timer_(loop.timer(*this)) {
    if (deadline != never) timer_->arm(deadline);
  }
  Within(const Within&) = delete;
  Within& operator=(const Within&) = delete;

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    return ended_.await_suspend(waiting);
  }
  std::optional<T> await_resume() {
    timer_->cancel();
    return expired_ ? std::nullopt : std::optional<T>(task_.take());
  }

 private:
  void on_timer() noexcept override {
    expired_ = true;
    task_ = Task<T>();
    waiting_.resume();
  }

  Task<T> task_;
  detail::Ended<T> ended_;
  std::unique_ptr<Timer> timer_;
  std::coroutine_handle<> waiting_;
  bool expired_ = false;
};

}  // namespace pgstride::inline v0
