// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What the facade awaits: one Python object that is the awaitable, its own iterator, the future that
// an asyncio task waits on, and the home of the request's operation. One allocation per call.
//
// It speaks just enough of the Future protocol for asyncio's Task (which accepts any object with
// `_asyncio_future_blocking`) and wakes the task directly: completion happens in a callback of the
// loop, where no task is running, so the detour over call_soon and its extra turn of the loop is
// not needed. It never escapes the facade's coroutine. Where another library runs the tasks, its loop
// says how they wait (PyLoop::has_own_wait()).
#pragma once

#include <cstdint>
#include <new>

#include "pgstride/pybind/src/memory.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

class PyLoop;

/// What an Awaitable waits for. Lives inside the Python object.
class Request {
 public:
  enum class State : std::uint8_t { pending, completed, cancelled, taken };

  virtual ~Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  /// Once complete(): a new reference to the result, or null with a Python error set. Called once.
  virtual PyObject* take_result() = 0;
  /// The task that waits was cancelled: stop. complete() has no effect afterwards.
  virtual void give_up() noexcept = 0;
  virtual int traverse(visitproc visit, void* arg) const = 0;

  /// For the user's code that a request calls: where the task waits that code runs in its context, as it does where
  /// the task itself calls it.
  class TaskContext {
   public:
    explicit TaskContext(const Request& request) noexcept;
    ~TaskContext();
    TaskContext(const TaskContext&) = delete;
    TaskContext& operator=(const TaskContext&) = delete;

   private:
    Ref entered_;
  };

  /// The loop is closed: it is garbage when nobody else has it, or the task that waits for it.
  void let_nobody_wait() noexcept { const Ref dropped = std::move(hold_); }

  PyObject* self() const noexcept { return self_; }
  bool completed() const noexcept { return state_ != State::pending; }

 protected:
  Request() = default;
  /// The result is there. Wakes whoever waits: `*this` may be gone afterwards. From the loop only. `soon`: behind
  /// what the loop has been asked to call.
  void complete(bool soon = false) noexcept;
  /// The same, from inside a task: whoever waits is woken by the loop.
  void complete_soon() noexcept;
  /// The same, when it turns out before anybody could wait.
  void complete_early() noexcept { state_ = State::completed; }
  /// Instead of being started: its task is cancelled, and told so when it waits.
  void decline() noexcept { state_ = State::cancelled; }
  /// After its result was taken: it is to be awaited once more.
  void begin_again() noexcept { state_ = State::pending; }

 private:
  friend struct Awaitable;
  friend class AwaitableSlots;

  PyObject* self_ = nullptr;  // the object this lives in
  Ref loop_;                  // the Python loop
  Ref wakeup_;                // what add_done_callback() was given
  Ref context_;
  // This itself, while somebody waits: nothing else may hold a task that nobody keeps, and neither it nor the
  // operation in here may be taken for garbage. Hence not visited.
  Ref hold_;
  Ref cancel_message_;  // what Task.cancel() was given
  State state_ = State::pending;
  bool blocking_ = false;  // `_asyncio_future_blocking`
  bool is_woken_by_loop_ = false;
};

struct Awaitable {
  PyObject_VAR_HEAD Request* request;  // in the memory behind this header

  /// A new Awaitable around a `T` made from `args`. None with a Python error set.
  template <class T, class... Args>
  static Ref make(PyLoop& loop, T*& request, Args&&... args) {
    constexpr std::size_t padding = alignof(T);
    Awaitable* self = allocate(loop, sizeof(T) + padding);
    if (!self) return {};
    void* memory = self + 1;
    std::size_t space = sizeof(T) + padding;
    memory = align(alignof(T), sizeof(T), memory, space);
    request = or_memory_error([&] { return new (memory) T(std::forward<Args>(args)...); });
    return adopt(self, request, loop);
  }
  /// For whoever has tried to start it. Null with a Python error set if that failed; one that declined is
  /// waited for all the same.
  static PyObject* started(Ref& awaitable, bool is_started) noexcept {
    return is_started || (awaitable && !PyErr_Occurred()) ? awaitable.release() : nullptr;
  }

 private:
  static Awaitable* allocate(const PyLoop& loop, std::size_t request_size) noexcept;
  static void* align(std::size_t alignment, std::size_t size, void*& memory, std::size_t& space) noexcept;
  /// A request that could not be made is null.
  static Ref adopt(Awaitable* self, Request* request, PyLoop& loop) noexcept;
};

bool is_awaitable(PyObject* object) noexcept;
bool add_awaitable_type(PyObject* module);

}  // namespace pgstride::python
