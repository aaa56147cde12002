// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What a caller's mistake with arguments is told: which one, what was expected, what came. The
// exceptions are made in Python (pgstride/_failures.py).
#pragma once

#include "pgstride/driver/loop/loop.hpp"
#include "pgstride/pybind/src/codec.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

/// Of one statement: their number is sent as 16 bits.
constexpr Py_ssize_t most_arguments = 65535;

// Each sets a Python error and returns false, for `return refuse_…`.
bool refuse_argument_count(std::size_t expected, Py_ssize_t given);
bool refuse_too_many_arguments(Py_ssize_t most);
/// The Python error that is set says why the value at `position` (from 0) cannot be encoded; `set` is
/// its place among many sets of arguments, negative when there is only one.
bool refuse_argument(Py_ssize_t position, PyObject* value, Py_ssize_t set);
/// Something that is no sequence came as a set of arguments; `position` as `set` above.
bool refuse_set(Py_ssize_t position, PyObject* set);
bool refuse_record_class(PyObject* given);
bool refuse_type(Py_ssize_t position, const TypeCodec& codec);
/// Values of that type cannot be written in binary, as COPY would need them.
bool refuse_copied_column(Oid type, const TypeCodec& codec);

/// A timeout in seconds, or None for `fallback`. False with a Python error set.
bool parse_timeout(PyObject* timeout, Duration fallback, Duration& result);

}  // namespace pgstride::python
