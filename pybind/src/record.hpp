// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Record: one row as Python sees it. Like a tuple, with names; all records of one result share one
// Layout. A Record of atomic values is nothing to the garbage collector.
#pragma once

#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

/// The names of a result's columns: shared by its records, immutable, a Python object of its own.
struct Layout;

struct Record {
  PyObject_VAR_HEAD PyObject* layout;  // owned Layout
  PyObject* items[1];                  // Py_SIZE of them, owned; null only while the record is being filled
};

/// A Layout for these column names (a tuple of str; duplicates allowed: the last one wins look-ups).
/// `atomic`: no value under them refers to other objects. Null with a Python error set.
Ref make_layout(PyObject* names, bool atomic);

/// A record of `type` (Record or a subclass) with room for `size` values, all null, untracked. Fill
/// it with set_item(), then call track_record(). May be dropped half filled. Null with a Python error
/// set.
PyObject* new_record(PyTypeObject* type, PyObject* layout, Py_ssize_t size) noexcept;

/// Steals `value`.
inline void set_item(PyObject* record, Py_ssize_t i, PyObject* value) noexcept {
  reinterpret_cast<Record*>(record)->items[i] = value;
}

/// Shows the record to the garbage collector, unless it is atomic and of type Record itself: a subclass
/// is mutable and gives its records a dict, so they may be in a cycle all the same.
void track_record(PyObject* record) noexcept;

PyTypeObject* record_type() noexcept;
inline bool is_record_class(PyObject* object) noexcept {
  return PyType_Check(object) && PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(object), record_type());
}
inline bool is_record(PyObject* object) noexcept { return PyObject_TypeCheck(object, record_type()); }

/// Creates the types and adds Record and its iterators to `module`; false with a Python error set.
bool add_record_types(PyObject* module);

}  // namespace pgstride::python
