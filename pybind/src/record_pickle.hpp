// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// How records are made other than from rows: from pickles, as copies, and from Python for tests.
#pragma once

#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

// Methods of Record.
PyObject* reduce_record(PyObject* self, PyObject*);
PyObject* deepcopy_record(PyObject* self, PyObject* memo);
PyObject* set_record_state(PyObject* self, PyObject* state);

/// Adds `_record` and `_create_record` to `module`; false with a Python error set.
bool add_record_functions(PyObject* module);

}  // namespace pgstride::python
