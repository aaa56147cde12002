// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Functions of the module that take a Core, or what another one of them has returned, as the first of their arguments.
#pragma once

#include "pgstride/pybind/src/awaitable.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

/// What a function takes: so many arguments, the first of which is that.
struct Expected {
  const char* function;
  Py_ssize_t count;
  bool (*fits)(PyObject*);
  const char* first;
};

/// False with a Python error set.
inline bool expect(PyObject* const* args, Py_ssize_t count, const Expected& expected) {
  if (!expect_arguments(count, expected.count, expected.function)) return false;
  if (expected.fits(args[0])) return true;
  PyErr_Format(PyExc_TypeError, "%s(): the first argument must be %s, not %.200s", expected.function,
               expected.first, Py_TYPE(args[0])->tp_name);
  return false;
}

/// What an awaitable is; null: something else.
template <class T>
T* request_of(PyObject* awaitable) noexcept {
  return dynamic_cast<T*>(reinterpret_cast<Awaitable*>(awaitable)->request);
}
template <class T>
bool is_request(PyObject* object) {
  return is_awaitable(object) && request_of<T>(object) != nullptr;
}

}  // namespace pgstride::python
