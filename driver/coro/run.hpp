// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Starting, joining and pausing tasks: run, spawn, when_all, sleep.
#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "pgstride/driver/coro/task.hpp"
#include "pgstride/driver/loop/loop.hpp"

namespace pgstride::inline v0 {

class [[nodiscard]] Sleep final : TimerHandler {
 public:
  Sleep(Loop& loop, Duration duration)
      : timer_(loop.timer(*this)), until_(deadline_after(loop.now(), duration)) {}

  auto operator co_await() noexcept {
    struct Awaiter {
      explicit Awaiter(Sleep* sleep) noexcept : self(sleep) {}
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> waiting) {
        awaiting.wait(self->awaited_, waiting);
        self->timer_->arm(self->until_);
      }
      void await_resume() const noexcept {}

      Sleep* self;
      Awaiting awaiting;
    };
    return Awaiter(this);
  }

 private:
  void on_timer() noexcept override { awaited_.resume(); }

  std::unique_ptr<Timer> timer_;
  TimePoint until_;
  Awaited awaited_;
};

/// co_await sleep(loop, 5ms)
inline Sleep sleep(Loop& loop, Duration duration) { return Sleep(loop, duration); }

namespace detail {

/// A coroutine that owns itself: its frame is destroyed when it ends.
struct Detached {
  struct promise_type {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };
};

template <class OnError>
Detached run_detached(Task<> task, OnError on_error) {
  std::exception_ptr thrown;
  try {
    co_await task;
  } catch (...) {
    thrown = std::current_exception();
  }
  if (thrown) on_error(thrown);
}

/// Which coroutine waits for several tasks, and how many of them still run.
struct Gathering {
  std::size_t running = 0;
  std::coroutine_handle<> waiting = {};
};

/// The continuation of one of those tasks: counts it off.
class Branch {
 public:
  struct promise_type {
    Gathering* gathering = nullptr;

    Branch get_return_object() noexcept {
      return Branch(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    auto final_suspend() const noexcept {
      struct Last {
        bool await_ready() const noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) const noexcept {
          Gathering& all = *self.promise().gathering;
          return --all.running == 0 && all.waiting ? all.waiting : std::noop_coroutine();
        }
        void await_resume() const noexcept {}
      };
      return Last{};
    }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };

  Branch(Branch&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Branch& operator=(Branch&&) = delete;
  ~Branch() {
    if (frame_) frame_.destroy();
  }

  void start(Gathering& gathering) {
    frame_.promise().gathering = &gathering;
    frame_.resume();
  }

 private:
  explicit Branch(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

  std::coroutine_handle<promise_type> frame_;
};

template <class T>
Branch branch(Ended<T> ended) {
  co_await ended;
}

/// co_await gathering: starts them all, until the last has ended.
class Gather {
 public:
  explicit Gather(std::vector<Branch>& branches) noexcept : branches_(branches) {}

  bool await_ready() const noexcept { return branches_.empty(); }
  bool await_suspend(std::coroutine_handle<> waiting) {
    gathering_.running = branches_.size() + 1;  // ourselves: not to be resumed before we are suspended
    for (Branch& one : branches_) one.start(gathering_);
    gathering_.waiting = waiting;
    return --gathering_.running > 0;
  }
  void await_resume() const noexcept {}

 private:
  std::vector<Branch>& branches_;
  Gathering gathering_;
};

template <class T>
struct Kept {
  using Type = T;
};
template <>
struct Kept<void> {
  using Type = std::tuple<>;
};

template <class T>
typename Kept<T>::Type take(Task<T>& task) {
  if constexpr (std::is_void_v<T>) {
    task.take();
    return {};
  } else {
    return task.take();
  }
}

/// A loop that need not be asked in every turn whether it has run for long enough.
template <class RunnableLoop>
concept Stoppable = requires(RunnableLoop& loop, const bool& over) {
  { loop.run(over) } -> std::same_as<bool>;
  loop.stop();
};

/// The continuation of a task: stops the loop that runs for it.
template <class RunnableLoop, class T>
Branch stop_behind(Ended<T> ended, RunnableLoop& loop, bool& over, const bool& is_running) {
  co_await ended;
  over = true;
  if (is_running) loop.stop();
}

}  // namespace detail

/// Runs the loop until the task is done, and gives its result or throws what it threw: for main().
/// `loop` has run(over) and stop(), as UvLoop has, or run_until(predicate).
template <class RunnableLoop, class T>
T run(RunnableLoop& loop, Task<T> task) {
  if constexpr (detail::Stoppable<RunnableLoop>) {
    bool over = false, is_running = false;
    detail::Gathering last{.running = 1};
    detail::Branch behind = detail::stop_behind(detail::Ended<T>(task), loop, over, is_running);
    behind.start(last);
    is_running = true;
    loop.run(over);
  } else {
    task.start();
    loop.run_until([&] { return task.done(); });
  }
  if (!task.done()) throw std::logic_error("the loop has nothing left to wait for, and the task is not done");
  return task.take();
}

/// Runs a task that nobody waits for. What it throws goes to on_error(std::exception_ptr), which
/// must not throw. The loop must live until the task has ended.
template <class OnError>
void spawn(Task<> task, OnError on_error) {
  detail::run_detached(std::move(task), std::move(on_error));
}

/// Runs tasks side by side until the last has ended. Their results (an empty tuple for void), or the
/// exception of the first one of them that threw.
template <class... T>
Task<std::tuple<typename detail::Kept<T>::Type...>> when_all(Task<T>... tasks) {
  std::vector<detail::Branch> branches;
  branches.reserve(sizeof...(T));
  (branches.push_back(detail::branch(detail::Ended<T>(tasks))), ...);
  detail::Gather gathering(branches);
  co_await gathering;
  std::tuple<typename detail::Kept<T>::Type...> results{detail::take(tasks)...};
  co_return results;
}

template <class T>
Task<std::vector<T>> when_all(std::vector<Task<T>> tasks) {
  std::vector<detail::Branch> branches;
  branches.reserve(tasks.size());
  for (Task<T>& task : tasks) branches.push_back(detail::branch(detail::Ended<T>(task)));
  detail::Gather gathering(branches);
  co_await gathering;
  std::vector<T> results;
  results.reserve(tasks.size());
  for (Task<T>& task : tasks) results.push_back(task.take());
  co_return results;
}

Task<> when_all(std::vector<Task<>> tasks);

}  // namespace pgstride::inline v0
