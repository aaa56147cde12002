// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What iter(record), record.values() and record.items() return.
#pragma once

#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

/// A new RecordIterator over the values; null with a Python error set.
PyObject* iterate_values(PyObject* record);

/// A new RecordItemsIterator over (name, value); null with a Python error set.
PyObject* iterate_items(PyObject* record);

/// Creates both types and adds them to `module`; false with a Python error set.
bool add_record_iterators(PyObject* module);

}  // namespace pgstride::python
