// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Loop over any Python event loop that has add_reader & co., call_soon, call_later and
// run_in_executor: asyncio, uvloop, and what a shim gives the same methods, such as Trio (_trio.py).
#pragma once

#include <memory>

#include "pgstride/driver/loop/loop.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

class LoopEndListener {
 public:
  /// The loop was closed while it watched something: nobody will be woken any more.
  virtual void on_loop_closed() noexcept = 0;

 protected:
  ~LoopEndListener() = default;
};

class PyLoop final : public Loop {
 public:
  /// Null with a Python error set when `loop` lacks a method.
  static std::unique_ptr<PyLoop> make(PyObject* loop);

  std::unique_ptr<Watch> watch(int fd, FdHandler& handler) override;
  std::unique_ptr<Timer> timer(TimerHandler& handler) override;
  void post(std::unique_ptr<Job> job) override;
  void offload(std::unique_ptr<Job> job) override;
  TimePoint now() const noexcept override { return Clock::now(); }

  PyObject* object() const noexcept { return loop_.get(); }
  /// Tasks are not to run within its callbacks: one may run the loop again (nest_asyncio), where this very callback
  /// is not called; or it watches for those that take long (debug mode), and is to name the task.
  bool wakes_tasks_itself() const noexcept { return wakes_tasks_itself_; }
  /// Its tasks are not asyncio's: `await_request(request)` is what they run to wait.
  bool has_own_wait() const noexcept { return has_own_wait_; }
  /// The task that runs now may begin a request. False with a Python error set when it is another loop's, and
  /// without when it is cancelled. (asyncio's tasks hear of either only when they wait.)
  bool admits_task() const noexcept { return !has_own_wait_ || ask_to_admit_task(); }
  void set_end_listener(LoopEndListener* listener) noexcept { end_listener_ = listener; }

 private:
  friend class PyWatch;
  friend class PyTimer;
  PyLoop() = default;

  bool ask_to_admit_task() const noexcept;

  Ref loop_;
  Ref add_reader_;
  Ref remove_reader_;
  Ref add_writer_;
  Ref remove_writer_;
  Ref call_soon_;
  Ref call_later_;
  Ref run_in_executor_;
  LoopEndListener* end_listener_ = nullptr;
  bool wakes_tasks_itself_ = false;
  bool has_own_wait_ = false;
};

/// What a loop's callback runs into is called from C++, which has nobody to raise to. An exception
/// that must not be lost (KeyboardInterrupt, SystemExit: a task re-raises them to the loop) is kept
/// here and raised when the callback returns to Python.
void keep_escaped_exception() noexcept;

bool add_loop_types(PyObject* module);

}  // namespace pgstride::python
