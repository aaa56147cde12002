// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Layout: the names of a result's columns and where to find them. Of the values it knows how many a
// record has, and whether any may refer to other objects.
#pragma once

#include "pgstride/pybind/src/record.hpp"

namespace pgstride::python {

struct Layout {
  PyObject_HEAD PyObject* names;  // tuple, in the order of the columns
  PyObject* index;                // dict from name to position
  bool atomic;                    // its records refer to nothing that could refer to them
};

enum class Lookup {
  found,
  missing,
  failed,  // a Python error is set
};

inline const Layout& layout_of(PyObject* record) noexcept {
  return *reinterpret_cast<const Layout*>(reinterpret_cast<const Record*>(record)->layout);
}

/// A Layout that trusts neither of the first two but for being a tuple and a dict: find_column() checks
/// what it reads from them.
Ref make_layout(PyObject* names, PyObject* index, bool atomic);

/// The position of the column of that name, checked against the record's size.
Lookup find_column(PyObject* record, PyObject* name, Py_ssize_t& position);

/// Creates the type and adds it to `module` as RecordDescriptor; false with a Python error set.
bool add_layout_type(PyObject* module);

}  // namespace pgstride::python
