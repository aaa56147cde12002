// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// COPY as the facade (pgstride/_copy.py) calls it: functions of the module.
#pragma once

#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

/// False with a Python error set.
bool add_copy_functions(PyObject* module);

}  // namespace pgstride::python
