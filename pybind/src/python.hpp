// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Python.h, and the owning reference that everything in pybind/ uses.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <utility>

namespace pgstride::python {

/// An owned reference to a Python object, or none (with a Python error set, where a function
/// returns it). Needs the GIL whenever it lets go.
class Ref {
 public:
  Ref() = default;
  /// Takes over a new reference, as the C API returns it.
  static Ref steal(PyObject* object) noexcept { return Ref(object); }
  /// Adds a reference to a borrowed one.
  static Ref borrow(PyObject* object) noexcept {
    Py_XINCREF(object);
    return Ref(object);
  }
  Ref(const Ref& other) noexcept : object_(other.object_) { Py_XINCREF(object_); }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() { Py_XDECREF(object_); }

  PyObject* get() const noexcept { return object_; }
  /// Gives the reference away.
  PyObject* release() noexcept { return std::exchange(object_, nullptr); }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  /// For tp_traverse and tp_clear.
  int visit(visitproc visitor, void* arg) const { return object_ ? visitor(object_, arg) : 0; }
  void clear() noexcept { Ref().swap(*this); }

 private:
  explicit Ref(PyObject* object) noexcept : object_(object) {}
  void swap(Ref& other) noexcept { std::swap(object_, other.object_); }

  PyObject* object_ = nullptr;
};

/// `object.name`. With an interned name, unlike PyObject_GetAttrString(): Python caches look-ups by the name's
/// address, and keeps names that it has never seen until others have taken their places.
inline Ref attribute(PyObject* object, const char* name) {
  const Ref interned = Ref::steal(PyUnicode_InternFromString(name));
  return interned ? Ref::steal(PyObject_GetAttr(object, interned.get())) : Ref();
}

/// `object.name(args...)`.
template <typename... Args>
Ref call_method(PyObject* object, const char* name, Args... args) {
  const Ref interned = Ref::steal(PyUnicode_InternFromString(name));
  if (!interned) return {};
  return Ref::steal(PyObject_CallMethodObjArgs(object, interned.get(), args..., nullptr));
}

/// Sets the Python error that is set aside, for code that calls Python while one may be.
class KeepError {
 public:
  KeepError() noexcept { PyErr_Fetch(&type_, &value_, &traceback_); }
  ~KeepError() { PyErr_Restore(type_, value_, traceback_); }
  KeepError(const KeepError&) = delete;
  KeepError& operator=(const KeepError&) = delete;

  bool matches(PyObject* type) const noexcept {
    return type_ != nullptr && PyErr_GivenExceptionMatches(type_, type) != 0;
  }

 private:
  PyObject* type_ = nullptr;
  PyObject* value_ = nullptr;
  PyObject* traceback_ = nullptr;
};

/// For METH_FASTCALL: whether the number of arguments is right. False with a Python error set.
inline bool expect_arguments(Py_ssize_t count, Py_ssize_t wanted, const char* method) {
  if (count == wanted) return true;
  PyErr_Format(PyExc_TypeError, "%s() takes %zd arguments (%zd given)", method, wanted, count);
  return false;
}

}  // namespace pgstride::python
