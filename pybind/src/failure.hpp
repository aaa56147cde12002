// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Where a Failure becomes a Python exception. Which class it is, and what it says, is decided in
// Python (pgstride/_failures.py); failures are rare and the rules are many.
#pragma once

#include "pgstride/protocol/error.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

/// Sets the Python error. `query` is a str, or null.
void raise_failure(const Failure& failure, PyObject* query);

/// Takes the Python error that is set, as an exception object with its traceback.
Ref take_error();
/// Sets an exception taken earlier.
void restore_error(Ref exception);

}  // namespace pgstride::python
