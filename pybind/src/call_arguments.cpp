// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/call_arguments.hpp"

#include <algorithm>

#include "pgstride/pybind/src/failure.hpp"

namespace pgstride::python {
namespace {

bool refuse(Ref exception) {
  if (exception) restore_error(std::move(exception));
  return false;
}

bool refuse_timeout(PyObject* timeout) {
  PyErr_Format(PyExc_ValueError, "invalid timeout value: expected non-negative float (got %R)", timeout);
  return false;
}

Ref failures() { return Ref::steal(PyImport_ImportModule("pgstride._failures")); }

}  // namespace

bool refuse_argument_count(std::size_t expected, Py_ssize_t given) {
  const Ref module = failures();
  if (!module) return false;
  return refuse(Ref::steal(
      PyObject_CallMethod(module.get(), "argument_count", "nn", static_cast<Py_ssize_t>(expected), given)));
}

bool refuse_too_many_arguments(Py_ssize_t most) {
  const Ref module = failures();
  if (!module) return false;
  return refuse(Ref::steal(PyObject_CallMethod(module.get(), "too_many_arguments", "n", most)));
}

bool refuse_argument(Py_ssize_t position, PyObject* value, Py_ssize_t set) {
  const Ref cause = take_error();
  const Ref module = failures();
  if (!module) return false;
  return refuse(Ref::steal(
      PyObject_CallMethod(module.get(), "bad_argument", "nOOn", position + 1, value, cause.get(), set)));
}

bool refuse_set(Py_ssize_t position, PyObject* set) {
  const Ref module = failures();
  if (!module) return false;
  return refuse(Ref::steal(PyObject_CallMethod(module.get(), "bad_set", "nO", position, set)));
}

bool refuse_record_class(PyObject* given) {
  const Ref module = failures();
  if (!module) return false;
  return refuse(Ref::steal(PyObject_CallMethod(module.get(), "bad_record_class", "O", given)));
}

bool refuse_type(Py_ssize_t position, const TypeCodec& codec) {
  const Ref module = failures();
  if (!module) return false;
  return refuse(Ref::steal(PyObject_CallMethod(module.get(), "bad_type", "ns", position + 1, codec.name)));
}

bool refuse_copied_column(Oid type, const TypeCodec& codec) {
  const Ref module = failures();
  if (!module) return false;
  return refuse(Ref::steal(PyObject_CallMethod(module.get(), "bad_copied_column", "Is", type, codec.name)));
}

bool parse_timeout(PyObject* timeout, Duration fallback, Duration& result) {
  if (!timeout || timeout == Py_None) {
    result = fallback;
    return true;
  }
  if (PyBool_Check(timeout)) return refuse_timeout(timeout);
  const Ref number = Ref::steal(PyNumber_Float(timeout));  // so strings of digits pass, as they do in asyncpg
  if (!number) {
    if (!PyErr_ExceptionMatches(PyExc_ValueError)) return false;
    PyErr_Clear();
    return refuse_timeout(timeout);
  }
  const double seconds = PyFloat_AS_DOUBLE(number.get());
  constexpr double forever = 3e8;  // about ten years
  const std::chrono::duration<double> wanted(std::max(seconds, 0.0));
  result = seconds < forever ? std::chrono::duration_cast<Duration>(wanted) : Duration::max();
  return true;
}

}  // namespace pgstride::python
