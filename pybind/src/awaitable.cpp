// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/awaitable.hpp"

#include <memory>

#include "pgstride/pybind/src/loop.hpp"

namespace pgstride::python {
namespace {

PyTypeObject* awaitable_type = nullptr;
PyTypeObject* foreign_type = nullptr;  // the same, for loops with a wait of their own
Ref cancelled_error;                   // asyncio.CancelledError

Request& request_of(PyObject* self) noexcept { return *reinterpret_cast<Awaitable*>(self)->request; }

}  // namespace

void* Awaitable::align(std::size_t alignment, std::size_t size, void*& memory, std::size_t& space) noexcept {
  return std::align(alignment, size, memory, space);
}

Awaitable* Awaitable::allocate(const PyLoop& loop, std::size_t request_size) noexcept {
  PyTypeObject* type = loop.has_own_wait() ? foreign_type : awaitable_type;
  auto* self = PyObject_GC_NewVar(Awaitable, type, static_cast<Py_ssize_t>(request_size));
  if (self) self->request = nullptr;
  return self;
}

Ref Awaitable::adopt(Awaitable* self, Request* request, PyLoop& loop) noexcept {
  Ref object = Ref::steal(reinterpret_cast<PyObject*>(self));
  if (!request) return {};
  self->request = request;
  request->self_ = object.get();
  request->loop_ = Ref::borrow(loop.object());
  request->is_woken_by_loop_ = loop.wakes_tasks_itself();
  PyObject_GC_Track(self);
  return object;
}

Request::TaskContext::TaskContext(const Request& request) noexcept {
  if (!request.context_) return;
  if (PyContext_Enter(request.context_.get()) == 0) {
    entered_ = Ref::borrow(request.context_.get());
  } else {
    PyErr_Clear();  // somebody else is in there
  }
}

Request::TaskContext::~TaskContext() {
  if (entered_ && PyContext_Exit(entered_.get()) < 0) PyErr_WriteUnraisable(entered_.get());
}

void Request::complete(bool soon) noexcept {
  if (state_ == State::cancelled) return;  // by the code that its last step has called
  if (soon || is_woken_by_loop_) return complete_soon();
  state_ = State::completed;
  if (!wakeup_) return;
  const Ref keep = std::move(hold_);
  const Ref wakeup = std::move(wakeup_);
  const Ref context = std::move(context_);
  PyObject* argument = self_;
  Ref result;
  if (context) {
    if (PyContext_Enter(context.get()) < 0) return keep_escaped_exception();
    result = Ref::steal(PyObject_Vectorcall(wakeup.get(), &argument, 1, nullptr));
    if (!result) keep_escaped_exception();
    if (PyContext_Exit(context.get()) < 0) keep_escaped_exception();
    return;
  }
  result = Ref::steal(PyObject_Vectorcall(wakeup.get(), &argument, 1, nullptr));
  if (!result) keep_escaped_exception();
}

/// The slots and methods of the Python type.
class AwaitableSlots {
 public:
  using State = Request::State;

  static PyObject* iter(PyObject* self) { return Py_NewRef(self); }

  /// Asks for the result by way of iter() when it is there.
  static PyObject* await_foreign(PyObject* self) {
    return call_method(request_of(self).loop_.get(), "await_request", self).release();
  }

  static PySendResult send(PyObject* self, PyObject*, PyObject** result) {
    Request& request = request_of(self);
    switch (request.state_) {
      case State::pending:
        request.blocking_ = true;
        *result = Py_NewRef(self);
        return PYGEN_NEXT;
      case State::completed:
        request.state_ = State::taken;
        *result = or_memory_error([&] { return request.take_result(); });
        return *result ? PYGEN_RETURN : PYGEN_ERROR;
      case State::cancelled: raise_cancelled(request); break;
      case State::taken: PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited request"); break;
    }
    *result = nullptr;
    return PYGEN_ERROR;
  }

  static PyObject* next(PyObject* self) {
    PyObject* result = nullptr;
    if (send(self, Py_None, &result) != PYGEN_RETURN) return result;
    const Ref value = Ref::steal(result);
    // A tuple or an exception would be taken for the constructor's arguments.
    if (value.get() == Py_None) return nullptr;
    const Ref stop = Ref::steal(PyObject_CallOneArg(PyExc_StopIteration, value.get()));
    if (stop) PyErr_SetObject(PyExc_StopIteration, stop.get());
    return nullptr;
  }

  static PyObject* get_loop(PyObject* self, PyObject*) { return Py_NewRef(request_of(self).loop_.get()); }

  static PyObject* add_done_callback(PyObject* self, PyObject* const* args, Py_ssize_t count,
                                     PyObject* names) {
    if (count != 1 || (names && PyTuple_GET_SIZE(names) > 1)) {
      PyErr_SetString(PyExc_TypeError, "add_done_callback(callback, *, context=None)");
      return nullptr;
    }
    Request& request = request_of(self);
    const Ref context =
        names && PyTuple_GET_SIZE(names) == 1 && args[1] != Py_None ? Ref::borrow(args[1]) : Ref();
    if (request.state_ != State::pending) {
      if (!call_soon(request, args[0], context.get())) return nullptr;
    } else {
      request.wakeup_ = Ref::borrow(args[0]);
      request.context_ = context;
      request.hold_ = Ref::borrow(self);
    }
    Py_RETURN_NONE;
  }

  static PyObject* remove_done_callback(PyObject* self, PyObject* callback) {
    Request& request = request_of(self);
    const int same = request.wakeup_ ? PyObject_RichCompareBool(request.wakeup_.get(), callback, Py_EQ) : 0;
    if (same < 0) return nullptr;
    if (same) {
      request.wakeup_.clear();
      request.hold_.clear();  // whoever calls this has another
    }
    return PyLong_FromLong(same);
  }

  /// Task.cancel(): this runs inside some other task, so the waiting one is woken by the loop.
  static PyObject* cancel(PyObject* self, PyObject* args, PyObject* names) {
    PyObject* message = Py_None;
    static const char* keywords[] = {"msg", nullptr};
    if (!PyArg_ParseTupleAndKeywords(args, names, "|O", const_cast<char**>(keywords), &message))
      return nullptr;
    Request& request = request_of(self);
    if (request.state_ != State::pending) Py_RETURN_FALSE;
    // First, since it may be refused: on a loop that is debugged, when this is another thread.
    if (request.wakeup_ && !call_soon(request, request.wakeup_.get(), request.context_.get())) return nullptr;
    request.state_ = State::cancelled;
    request.cancel_message_ = Ref::borrow(message);
    const Ref keep = std::move(request.hold_);
    request.wakeup_.clear();
    request.context_.clear();
    request.give_up();
    Py_RETURN_TRUE;
  }

  /// Asked by a task that was woken; the result itself goes through send().
  static PyObject* result(PyObject* self, PyObject*) {
    if (request_of(self).state_ != State::cancelled) Py_RETURN_NONE;
    raise_cancelled(request_of(self));
    return nullptr;
  }

  /// anyio tells by the message whose cancellation it is.
  static void raise_cancelled(Request& request) {
    PyObject* message = request.cancel_message_.get();
    if (!message || message == Py_None) return PyErr_SetNone(cancelled_error.get());
    const Ref error = Ref::steal(PyObject_CallOneArg(cancelled_error.get(), message));
    if (error) PyErr_SetObject(cancelled_error.get(), error.get());
  }

  static PyObject* done(PyObject* self, PyObject*) {
    return PyBool_FromLong(request_of(self).state_ != State::pending);
  }
  static PyObject* cancelled(PyObject* self, PyObject*) {
    return PyBool_FromLong(request_of(self).state_ == State::cancelled);
  }

  static PyObject* get_blocking(PyObject* self, void*) { return PyBool_FromLong(request_of(self).blocking_); }
  static int set_blocking(PyObject* self, PyObject* value, void*) {
    request_of(self).blocking_ = value == Py_True;
    return 0;
  }

  static int traverse(PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(self));
    const Request* request = reinterpret_cast<Awaitable*>(self)->request;
    if (!request) return 0;
    if (const int stop = request->loop_.visit(visit, arg)) return stop;
    if (const int stop = request->wakeup_.visit(visit, arg)) return stop;
    if (const int stop = request->context_.visit(visit, arg)) return stop;
    if (const int stop = request->cancel_message_.visit(visit, arg)) return stop;
    return request->traverse(visit, arg);
  }
  // The cycle task → coroutine → awaitable → wakeup → task is broken here, should nobody wait any more.
  static int clear(PyObject* self) {
    Request& request = request_of(self);
    request.wakeup_.clear();
    request.context_.clear();
    return 0;
  }
  static void dealloc(PyObject* self) {
    PyTypeObject* type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    // A pending request talks to the loop as it goes, maybe while an exception unwinds its coroutine.
    const KeepError keep;
    if (Request* request = reinterpret_cast<Awaitable*>(self)->request) request->~Request();
    PyObject_GC_Del(self);
    Py_DECREF(type);
  }

  /// False with a Python error set when the loop refuses.
  static bool call_soon(Request& request, PyObject* callback, PyObject* context) {
    const Ref args = Ref::steal(PyTuple_Pack(2, callback, request.self_));
    const Ref method = attribute(request.loop_.get(), "call_soon");
    const Ref kwargs = Ref::steal(PyDict_New());
    if (kwargs && context) PyDict_SetItemString(kwargs.get(), "context", context);
    const Ref handle =
        args && method && kwargs ? Ref::steal(PyObject_Call(method.get(), args.get(), kwargs.get())) : Ref();
    return static_cast<bool>(handle);
  }
};

void Request::complete_soon() noexcept {
  state_ = State::completed;
  const Ref keep = std::move(hold_);
  const Ref wakeup = std::move(wakeup_);
  const Ref context = std::move(context_);
  // When the loop is closed nobody will be woken any more.
  if (wakeup && !AwaitableSlots::call_soon(*this, wakeup.get(), context.get())) PyErr_Clear();
}

namespace {

template <class Function>
PyCFunction method(Function function) noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef awaitable_methods[] = {
    {"get_loop", AwaitableSlots::get_loop, METH_NOARGS, nullptr},
    {"add_done_callback", method(AwaitableSlots::add_done_callback), METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"remove_done_callback", AwaitableSlots::remove_done_callback, METH_O, nullptr},
    {"cancel", method(AwaitableSlots::cancel), METH_VARARGS | METH_KEYWORDS, nullptr},
    {"result", AwaitableSlots::result, METH_NOARGS, nullptr},
    {"done", AwaitableSlots::done, METH_NOARGS, nullptr},
    {"cancelled", AwaitableSlots::cancelled, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};
PyGetSetDef awaitable_getset[] = {
    {"_asyncio_future_blocking", AwaitableSlots::get_blocking, AwaitableSlots::set_blocking, nullptr,
     nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyTypeObject* make_type(unaryfunc await) {
  PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(AwaitableSlots::dealloc)},
      {Py_tp_traverse, reinterpret_cast<void*>(AwaitableSlots::traverse)},
      {Py_tp_clear, reinterpret_cast<void*>(AwaitableSlots::clear)},
      {Py_am_await, reinterpret_cast<void*>(await)},
      {Py_am_send, reinterpret_cast<void*>(AwaitableSlots::send)},
      {Py_tp_iter, reinterpret_cast<void*>(AwaitableSlots::iter)},
      {Py_tp_iternext, reinterpret_cast<void*>(AwaitableSlots::next)},
      {Py_tp_methods, awaitable_methods},
      {Py_tp_getset, awaitable_getset},
      {0, nullptr},
  };
  PyType_Spec spec = {"pgstride._core.Awaitable", sizeof(Awaitable), 1,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};
  return reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
}

}  // namespace

bool is_awaitable(PyObject* object) noexcept {
  return Py_IS_TYPE(object, awaitable_type) || Py_IS_TYPE(object, foreign_type);
}

bool add_awaitable_type(PyObject*) {
  const Ref asyncio = Ref::steal(PyImport_ImportModule("asyncio"));
  if (!asyncio) return false;
  cancelled_error = attribute(asyncio.get(), "CancelledError");
  awaitable_type = make_type(AwaitableSlots::iter);
  foreign_type = make_type(AwaitableSlots::await_foreign);
  return cancelled_error && awaitable_type && foreign_type;
}

}  // namespace pgstride::python
