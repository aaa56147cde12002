// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/loop.hpp"

#include <structmember.h>

#include <algorithm>
#include <cstddef>

#include "pgstride/driver/net/fork.hpp"
#include "pgstride/pybind/src/failure.hpp"

namespace pgstride::python {
namespace {

/// What a LoopCallback calls. Lives as long as whoever watches; the Python object may live longer.
class Target {
 public:
  virtual void fire() noexcept = 0;
  /// Nobody has the callback any more.
  virtual void dropped() noexcept {}

 protected:
  ~Target() = default;
};

struct LoopCallback {
  PyObject_HEAD vectorcallfunc vectorcall;
  Target* target;  // null: nobody is interested any more
};

PyTypeObject* loop_callback_type = nullptr;
// What the callback that runs on this thread is to raise when the core has returned. Owned; without a destructor,
// which at the end of a thread would run without the GIL.
thread_local PyObject* escaped_exception = nullptr;

PyObject* raise_escaped() noexcept {
  if (!escaped_exception) Py_RETURN_NONE;
  const Ref exception = Ref::steal(std::exchange(escaped_exception, nullptr));
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.get())), exception.get());
  return nullptr;
}

PyObject* call_loop_callback(PyObject* self, PyObject* const*, std::size_t, PyObject*) {
  const Ref keep = Ref::borrow(self);
  if (Target* target = reinterpret_cast<LoopCallback*>(self)->target) target->fire();
  return raise_escaped();
}

void dealloc_loop_callback(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  if (Target* target = reinterpret_cast<LoopCallback*>(self)->target) target->dropped();
  PyObject_Free(self);
  Py_DECREF(type);
}

Ref make_loop_callback(Target& target) {
  auto* self = PyObject_New(LoopCallback, loop_callback_type);
  if (!self) return {};
  self->vectorcall = call_loop_callback;
  self->target = &target;
  return Ref::steal(reinterpret_cast<PyObject*>(self));
}

void detach(PyObject* callback) noexcept {
  if (callback) reinterpret_cast<LoopCallback*>(callback)->target = nullptr;
}

PyMemberDef loop_callback_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(LoopCallback, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};
PyType_Slot loop_callback_slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc_loop_callback)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_members, loop_callback_members},
    {0, nullptr},
};
PyType_Spec loop_callback_spec = {"pgstride._core.LoopCallback", sizeof(LoopCallback), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL, loop_callback_slots};

// A job in the loop's hands. Called without an argument on a helper thread, then with its future on
// the loop's thread (also when the future was cancelled before any thread took it).
struct HandedJob {
  PyObject_HEAD Job* job;
  bool posted;  // no work to do elsewhere: the first call is the last
};

PyTypeObject* handed_job_type = nullptr;

PyObject* call_handed_job(PyObject* self, PyObject* args, PyObject*) {
  auto* handed = reinterpret_cast<HandedJob*>(self);
  if (!handed->posted && PyTuple_GET_SIZE(args) == 0) {
    Py_BEGIN_ALLOW_THREADS;
    handed->job->work();
    Py_END_ALLOW_THREADS;
    Py_RETURN_NONE;
  }
  handed->job->done();
  return raise_escaped();
}

void dealloc_handed_job(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete reinterpret_cast<HandedJob*>(self)->job;
  PyObject_Free(self);
  Py_DECREF(type);
}

Ref hand_over(std::unique_ptr<Job> job, bool posted) {
  auto* self = PyObject_New(HandedJob, handed_job_type);
  if (!self) return {};
  self->job = job.release();
  self->posted = posted;
  return Ref::steal(reinterpret_cast<PyObject*>(self));
}

PyType_Slot handed_job_slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc_handed_job)},
    {Py_tp_call, reinterpret_cast<void*>(call_handed_job)},
    {0, nullptr},
};
PyType_Spec handed_job_spec = {"pgstride._core.HandedJob", sizeof(HandedJob), 0, Py_TPFLAGS_DEFAULT,
                               handed_job_slots};

// A loop method has failed (the loop is closed, mostly): there is nobody to tell. Deadlines of the
// callers' own end what can no longer happen.
void ignore_failure(const Ref& result) noexcept {
  if (!result) PyErr_Clear();
}

}  // namespace

class PyWatch final : public Watch {
 public:
  PyWatch(PyLoop& loop, int fd, FdHandler& handler)
      : loop_(loop),
        reader_(loop, handler, Ready::read),
        writer_(loop, handler, Ready::write),
        fd_(Ref::steal(PyLong_FromLong(fd))) {}
  ~PyWatch() override {
    want(Ready::none);
    detach(reader_.callback);
    detach(writer_.callback);
  }

  void want(Ready ready) override {
    set(has(ready, Ready::read), reader_, loop_.add_reader_, loop_.remove_reader_);
    set(has(ready, Ready::write), writer_, loop_.add_writer_, loop_.remove_writer_);
  }

 private:
  struct Direction final : Target {
    Direction(PyLoop& l, FdHandler& h, Ready r) : loop(l), handler(h), ready(r) {}
    void fire() noexcept override { handler.on_fd(ready); }
    // The loop has let go of it by itself, as it does when it is closed.
    void dropped() noexcept override {
      callback = nullptr;
      if (armed && loop.end_listener_) loop.end_listener_->on_loop_closed();
    }

    PyLoop& loop;
    FdHandler& handler;
    Ready ready;
    PyObject* callback = nullptr;  // the loop's alone, so that we hear when it lets go
    bool armed = false;
  };

  void set(bool wanted, Direction& direction, const Ref& add, const Ref& remove) {
    if (wanted == direction.armed) return;
    direction.armed = wanted;
    if (!birth_.is_here()) return;  // the loop would tell the epoll that we share with our parent
    if (!wanted) return ignore_failure(Ref::steal(PyObject_CallOneArg(remove.get(), fd_.get())));
    const Ref callback = direction.callback ? Ref::borrow(direction.callback) : make_loop_callback(direction);
    direction.callback = callback.get();
    const Ref added =
        callback ? Ref::steal(PyObject_CallFunctionObjArgs(add.get(), fd_.get(), callback.get(), nullptr))
                 : Ref();
    ignore_failure(added);
    direction.armed = static_cast<bool>(added);
  }

  PyLoop& loop_;
  Direction reader_;
  Direction writer_;
  Ref fd_;
  BirthProcess birth_;
};

class PyTimer final : public Timer, Target {
 public:
  PyTimer(PyLoop& loop, TimerHandler& handler)
      : loop_(loop), handler_(handler), callback_(make_loop_callback(*this)) {}
  ~PyTimer() override {
    cancel();
    detach(callback_.get());
  }

  void arm(TimePoint at) override {
    cancel();
    if (at == never) return;
    const std::chrono::duration<double> delay = std::max(at - Clock::now(), Duration::zero());
    const Ref seconds = Ref::steal(PyFloat_FromDouble(delay.count()));
    handle_ = Ref::steal(
        PyObject_CallFunctionObjArgs(loop_.call_later_.get(), seconds.get(), callback_.get(), nullptr));
    ignore_failure(handle_);
  }
  void cancel() noexcept override {
    if (!handle_) return;
    ignore_failure(call_method(handle_.get(), "cancel"));
    handle_.clear();
  }

 private:
  void fire() noexcept override {
    handle_.clear();
    handler_.on_timer();
  }

  PyLoop& loop_;
  TimerHandler& handler_;
  Ref callback_;
  Ref handle_;
};

std::unique_ptr<PyLoop> PyLoop::make(PyObject* loop) {
  auto self = std::unique_ptr<PyLoop>(new PyLoop);
  self->loop_ = Ref::borrow(loop);
  const Ref is_debugged = call_method(loop, "get_debug");
  if (!is_debugged) return nullptr;
  self->wakes_tasks_itself_ =
      is_debugged.get() == Py_True || PyObject_HasAttrString(loop, "_nest_patched") == 1;
  const std::pair<Ref PyLoop::*, const char*> methods[] = {
      {&PyLoop::add_reader_, "add_reader"},
      {&PyLoop::remove_reader_, "remove_reader"},
      {&PyLoop::add_writer_, "add_writer"},
      {&PyLoop::remove_writer_, "remove_writer"},
      {&PyLoop::call_soon_, "call_soon"},
      {&PyLoop::call_later_, "call_later"},
      {&PyLoop::run_in_executor_, "run_in_executor"},
  };
  for (const auto& [member, name] : methods) {
    (*self).*member = attribute(loop, name);
    if (!((*self).*member)) return nullptr;
  }
  self->has_own_wait_ = PyObject_HasAttrString(loop, "await_request") == 1;
  return self;
}

std::unique_ptr<Watch> PyLoop::watch(int fd, FdHandler& handler) {
  return std::make_unique<PyWatch>(*this, fd, handler);
}

std::unique_ptr<Timer> PyLoop::timer(TimerHandler& handler) {
  return std::make_unique<PyTimer>(*this, handler);
}

void PyLoop::post(std::unique_ptr<Job> job) {
  const Ref callback = hand_over(std::move(job), true);
  if (callback) ignore_failure(Ref::steal(PyObject_CallOneArg(call_soon_.get(), callback.get())));
}

void PyLoop::offload(std::unique_ptr<Job> job) {
  const Ref work = hand_over(std::move(job), false);
  if (!work) return PyErr_Clear();
  const Ref future =
      Ref::steal(PyObject_CallFunctionObjArgs(run_in_executor_.get(), Py_None, work.get(), nullptr));
  ignore_failure(future);
  if (!future) return;
  ignore_failure(call_method(future.get(), "add_done_callback", work.get()));
}

bool PyLoop::ask_to_admit_task() const noexcept {
  return call_method(loop_.get(), "admits_task").get() == Py_True;
}

void keep_escaped_exception() noexcept { Py_XSETREF(escaped_exception, take_error().release()); }

bool add_loop_types(PyObject*) {
  loop_callback_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&loop_callback_spec));
  handed_job_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&handed_job_spec));
  return loop_callback_type && handed_job_type;
}

}  // namespace pgstride::python
