// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Where a Failure becomes a Python exception. Which class it is, and what it says, is decided in
// Python (pgstride/_failures.py); failures are rare and the rules are many.
#pragma once

#include <string_view>

#include "pgstride/protocol/error.hpp"
#include "pgstride/pybind/src/encoding.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

/// Sets the Python error. `query` is a str, or null; `encoding` the server's words', null for UTF-8.
void raise_failure(const Failure& failure, PyObject* query, const TextEncoding* encoding = nullptr);

/// Takes the Python error that is set, as an exception object with its traceback.
Ref take_error();
/// Sets an exception taken earlier.
void restore_error(Ref exception);

/// What a server says, which should be in the encoding (null: UTF-8): what is not must not hide the rest
/// (R-P9).
Ref make_server_text(std::string_view text, const TextEncoding* encoding = nullptr);
/// The fields of an error or notice: a dict from one-letter code to str.
Ref fields_of(const ServerError& error, const TextEncoding* encoding);

}  // namespace pgstride::python
