// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The Python type around a PoolHead.
#include "pgstride/pybind/src/bulk.hpp"
#include "pgstride/pybind/src/call_arguments.hpp"
#include "pgstride/pybind/src/fetch.hpp"
#include "pgstride/pybind/src/memory.hpp"
#include "pgstride/pybind/src/pool.hpp"
#include "pgstride/pybind/src/script.hpp"

namespace pgstride::python {
namespace {

using Slot = PoolCore::Slot;

struct PoolObject {
  PyObject_HEAD PoolHead* head;
};

PoolHead& head_of(PyObject* self) noexcept { return *reinterpret_cast<PoolObject*>(self)->head; }

/// The slot that an argument names, in one of these states. None with a Python error set.
std::optional<Slot> slot_of(PyObject* self, PyObject* number, std::initializer_list<PoolCore::State> states) {
  const unsigned long slot = PyLong_AsUnsignedLong(number);
  if (PyErr_Occurred()) return std::nullopt;
  PoolCore& core = head_of(self).core();
  if (slot < core.max_size())
    for (const PoolCore::State state : states)
      if (core.state(static_cast<Slot>(slot)) == state) return static_cast<Slot>(slot);
  PyErr_Format(PyExc_RuntimeError, "slot %lu of the pool is in no state for this", slot);
  return std::nullopt;
}

using enum PoolCore::State;

PyObject* number_of(std::optional<Slot> slot) {
  if (!slot) Py_RETURN_NONE;
  return PyLong_FromUnsignedLong(*slot);
}

PyObject* take(PyObject* self, PyObject*) { return number_of(head_of(self).take()); }

PyObject* acquire(PyObject* self, PyObject*) {
  AcquireRequest* request = nullptr;
  Ref awaitable = Awaitable::make<AcquireRequest>(head_of(self).loop(), request, self, head_of(self));
  if (awaitable) head_of(self).enter(*request);
  return awaitable.release();
}

PyObject* open(PyObject* self, PyObject* number) {
  const auto slot = slot_of(self, number, {empty});
  if (!slot) return nullptr;
  head_of(self).core().open(*slot);
  Py_RETURN_NONE;
}

/// connected(slot, core, reset_script)
PyObject* connected(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 3, "connected")) return nullptr;
  const auto slot = slot_of(self, args[0], {connecting});
  if (!slot) return nullptr;
  const char* script = PyUnicode_AsUTF8(args[2]);
  if (!script) return nullptr;
  if (!is_core(args[1])) {
    PyErr_SetString(PyExc_TypeError, "connected(): not a connection's core");
    return nullptr;
  }
  head_of(self).connected(*slot, args[1], script);
  Py_RETURN_NONE;
}

/// failed(slot, counts)
PyObject* failed(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 2, "failed")) return nullptr;
  const auto slot = slot_of(self, args[0], {connecting});
  if (!slot) return nullptr;
  PoolCore& core = head_of(self).core();
  if (args[1] == Py_True) {
    core.failed(*slot, head_of(self).now());
  } else {
    core.called_off(*slot);
  }
  head_of(self).pump();
  Py_RETURN_NONE;
}

/// release(slot, timeout, rolls_back): timeout False: the caller resets it
PyObject* release(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 3, "release")) return nullptr;
  const auto slot = slot_of(self, args[0], {leased});
  if (!slot) return nullptr;
  std::optional<Duration> limit;
  if (args[1] != Py_False) {
    const CoreOptions& options = core_of(head_of(self).connection(*slot)).options();
    if (!parse_timeout(args[1], options.command_timeout, limit.emplace())) return nullptr;
  }
  return PyBool_FromLong(head_of(self).release(*slot, limit, args[2] == Py_True));
}

PyObject* ready(PyObject* self, PyObject* number) {
  const auto slot = slot_of(self, number, {leased, resetting, checking});
  if (!slot) return nullptr;
  return PyBool_FromLong(head_of(self).ready(*slot));
}

PyObject* retire(PyObject* self, PyObject* number) {
  const auto slot = slot_of(self, number, {leased, resetting, checking, idle});
  if (!slot) return nullptr;
  head_of(self).core().retire(*slot);
  Py_RETURN_NONE;
}

PyObject* gone(PyObject* self, PyObject* number) {
  const auto slot = slot_of(self, number, {idle, checking, leased, resetting, retiring});
  if (!slot) return nullptr;
  head_of(self).gone(*slot);
  Py_RETURN_NONE;
}

PyObject* expire(PyObject* self, PyObject*) {
  head_of(self).core().expire();
  Py_RETURN_NONE;
}

PyObject* close(PyObject* self, PyObject*) {
  head_of(self).core().close();
  head_of(self).pump();
  Py_RETURN_NONE;
}

PyObject* inherited(PyObject* self, PyObject*) { return PyBool_FromLong(head_of(self).is_inherited()); }

PyObject* drained(PyObject* self, PyObject*) {
  DrainRequest* request = nullptr;
  Ref awaitable = Awaitable::make<DrainRequest>(head_of(self).loop(), request, self, head_of(self));
  if (awaitable) request->start();
  return awaitable.release();
}

PyObject* state(PyObject* self, PyObject* number) {
  const auto slot = slot_of(self, number, {empty, connecting, idle, checking, leased, resetting, retiring});
  if (!slot) return nullptr;
  constexpr const char* names[] = {"empty",  "connecting", "idle",    "checking",
                                   "leased", "resetting",  "retiring"};
  return PyUnicode_InternFromString(names[static_cast<std::size_t>(head_of(self).core().state(*slot))]);
}

PyObject* end_reason(PyObject* self, PyObject* number) {
  const auto slot = slot_of(self, number, {leased, retiring});
  if (!slot) return nullptr;
  const std::string_view reason = head_of(self).end_reason(*slot);
  return PyUnicode_FromStringAndSize(reason.data(), static_cast<Py_ssize_t>(reason.size()));
}

PyObject* counts(PyObject* self, PyObject*) {
  const PoolCounts& c = head_of(self).core().counts();
  return Py_BuildValue(
      "{s:n s:n s:n s:n s:n s:n s:n s:K s:K s:K s:K s:K s:K}", "idle", static_cast<Py_ssize_t>(c.idle),
      "checking", static_cast<Py_ssize_t>(c.checking), "leased", static_cast<Py_ssize_t>(c.leased),
      "resetting", static_cast<Py_ssize_t>(c.resetting), "connecting", static_cast<Py_ssize_t>(c.connecting),
      "retiring", static_cast<Py_ssize_t>(c.retiring), "waiting", static_cast<Py_ssize_t>(c.waiting),
      "handed_out", static_cast<unsigned long long>(c.handed_out), "opened",
      static_cast<unsigned long long>(c.opened), "failed", static_cast<unsigned long long>(c.failed),
      "retired", static_cast<unsigned long long>(c.retired), "lost", static_cast<unsigned long long>(c.lost),
      "refused", static_cast<unsigned long long>(c.refused));
}

// --- requests on a leased slot, which is given back when they are over ----------------------------

/// Makes the request and starts it; on failure the slot is back.
template <class T, class... Args, class Start>
PyObject* lend(PyObject* self, PyObject* number, Start start, Args&&... args) {
  const auto slot = slot_of(self, number, {leased});
  if (!slot) return nullptr;
  PoolHead& head = head_of(self);
  T* request = nullptr;
  Ref awaitable =
      Awaitable::make<T>(head.loop(), request, head.connection(*slot), std::forward<Args>(args)...);
  if (!awaitable) {
    const KeepError keep;
    head.unused(*slot);
    return nullptr;
  }
  request->borrow(self, head, *slot);
  return Awaitable::started(awaitable, start(*request));
}

PyTypeObject* record_class(PyObject* self, PyObject* number, PyObject* given) {
  if (given != Py_None) return reinterpret_cast<PyTypeObject*>(given);
  const auto slot = slot_of(self, number, {leased});
  if (!slot) return nullptr;
  return reinterpret_cast<PyTypeObject*>(
      core_of(head_of(self).connection(*slot)).options().record_class.get());
}

PyObject* lend_fetch(PyObject* self, PyObject* const* args, FetchOptions options) {
  if (!options.record_class) return nullptr;
  return lend<Fetch>(
      self, args[0], [&](Fetch& fetch) { return fetch.start(nullptr, args[3]); }, args[1], args[2], options);
}

/// fetch(slot, query, args, timeout, record_class)
PyObject* fetch(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 5, "fetch")) return nullptr;
  FetchOptions options;
  options.record_class = record_class(self, args[0], args[4]);
  return lend_fetch(self, args, options);
}

PyObject* fetchrow(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 5, "fetchrow")) return nullptr;
  FetchOptions options;
  options.shape = Shape::row;
  options.step.row_limit = 1;
  options.record_class = record_class(self, args[0], args[4]);
  return lend_fetch(self, args, options);
}

/// fetchval(slot, query, args, timeout, column)
PyObject* fetchval(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 5, "fetchval")) return nullptr;
  FetchOptions options;
  options.shape = Shape::value;
  options.step.row_limit = 1;
  options.column = args[4];
  options.record_class = record_class(self, args[0], Py_None);
  return lend_fetch(self, args, options);
}

/// execute(slot, query, args, timeout)
PyObject* execute(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 4, "execute")) return nullptr;
  FetchOptions options;
  options.shape = Shape::status;
  options.record_class = record_class(self, args[0], Py_None);
  return lend_fetch(self, args, options);
}

/// script(slot, query, timeout)
PyObject* script(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 3, "script")) return nullptr;
  return lend<Script>(
      self, args[0], [&](Script& request) { return request.start(args[2]); }, args[1]);
}

/// many(slot, query, sets, timeout, record_class): record_class None: rows are discarded
PyObject* many(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 5, "many")) return nullptr;
  auto* type = args[4] == Py_None ? nullptr : reinterpret_cast<PyTypeObject*>(args[4]);
  return lend<Bulk>(
      self, args[0], [&](Bulk& bulk) { return bulk.start(nullptr, args[3]); }, args[1], args[2], type);
}

// --- the type -----------------------------------------------------------------------------------

/// A duration in seconds; None or 0: no limit. False with a Python error set.
bool parse_limit(PyObject* seconds, Duration& limit) {
  if (!parse_timeout(seconds, unlimited, limit)) return false;
  if (limit <= Duration::zero()) limit = unlimited;
  return true;
}

/// PoolHead(loop, act, min_size, max_size, keeps_min_size, max_queries, max_idle, max_lifetime, check_after,
/// max_waiting)
PyObject* make(PyTypeObject* type, PyObject* args, PyObject*) {
  PyObject *loop = nullptr, *act = nullptr, *max_idle = nullptr, *max_lifetime = nullptr,
           *check_after = nullptr;
  Py_ssize_t min_size = 0, max_size = 0, max_waiting = 0;
  int keeps = 0;
  unsigned long long max_queries = 0;
  if (!PyArg_ParseTuple(args, "OOnnpKOOOn", &loop, &act, &min_size, &max_size, &keeps, &max_queries,
                        &max_idle, &max_lifetime, &check_after, &max_waiting))
    return nullptr;
  PoolLimits limits;
  limits.min_size = static_cast<std::size_t>(min_size);
  limits.max_size = static_cast<std::size_t>(max_size);
  limits.max_waiting = static_cast<std::size_t>(max_waiting);
  limits.keeps_min_size = keeps != 0;
  limits.waiters_connect = true;
  limits.seed = static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
  if (!parse_limit(max_idle, limits.max_idle) || !parse_limit(max_lifetime, limits.max_lifetime) ||
      !parse_limit(check_after, limits.check_after))
    return nullptr;
  auto py_loop = PyLoop::make(loop);
  if (!py_loop) return nullptr;
  auto head = std::make_unique<PoolHead>(std::move(py_loop), limits, max_queries, Ref::borrow(act));
  auto* self = PyObject_GC_New(PoolObject, type);
  if (!self) return nullptr;
  head->set_self(reinterpret_cast<PyObject*>(self));
  self->head = head.release();
  PyObject_GC_Track(self);
  return reinterpret_cast<PyObject*>(self);
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  return head_of(self).traverse(visit, arg);
}
int clear(PyObject* self) {
  head_of(self).clear();
  return 0;
}
void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  const KeepError keep;
  delete reinterpret_cast<PoolObject*>(self)->head;
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

PyMethodDef methods[] = {
    {"take", guarded<take>(), METH_NOARGS, nullptr},
    {"acquire", guarded<acquire>(), METH_NOARGS, nullptr},
    {"open", guarded<open>(), METH_O, nullptr},
    {"connected", guarded<connected>(), METH_FASTCALL, nullptr},
    {"failed", guarded<failed>(), METH_FASTCALL, nullptr},
    {"release", guarded<release>(), METH_FASTCALL, nullptr},
    {"ready", guarded<ready>(), METH_O, nullptr},
    {"retire", guarded<retire>(), METH_O, nullptr},
    {"gone", guarded<gone>(), METH_O, nullptr},
    {"expire", guarded<expire>(), METH_NOARGS, nullptr},
    {"close", guarded<close>(), METH_NOARGS, nullptr},
    {"drained", guarded<drained>(), METH_NOARGS, nullptr},
    {"inherited", guarded<inherited>(), METH_NOARGS, nullptr},
    {"state", guarded<state>(), METH_O, nullptr},
    {"end_reason", guarded<end_reason>(), METH_O, nullptr},
    {"counts", guarded<counts>(), METH_NOARGS, nullptr},
    {"fetch", guarded<fetch>(), METH_FASTCALL, nullptr},
    {"fetchrow", guarded<fetchrow>(), METH_FASTCALL, nullptr},
    {"fetchval", guarded<fetchval>(), METH_FASTCALL, nullptr},
    {"execute", guarded<execute>(), METH_FASTCALL, nullptr},
    {"script", guarded<script>(), METH_FASTCALL, nullptr},
    {"many", guarded<many>(), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
};
PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(Guarded<make>::call)},
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(clear)},
    {Py_tp_methods, methods},
    {0, nullptr},
};
PyType_Spec spec = {"pgstride._core.PoolHead", sizeof(PoolObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                    slots};

}  // namespace

bool add_pool_type(PyObject* module) {
  PyObject* type = PyType_FromSpec(&spec);
  return type && PyModule_AddObjectRef(module, "PoolHead", type) == 0;
}

}  // namespace pgstride::python
