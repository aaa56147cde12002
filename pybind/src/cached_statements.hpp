// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The statement cache as Python sees it. Methods of Core.
#pragma once

#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

class Core;

/// Lets go of the statements that have been kept for longer than they may be.
void drop_expired_statements(Core& core);

/// cached_statements(): a list of Statements, the most recently used one first.
PyObject* cached_statements(PyObject* core, PyObject*);
/// has_cached(query)
PyObject* has_cached(PyObject* core, PyObject* query);
/// closing_statements(): the names that the server will be told to forget with the next request.
PyObject* closing_statements(PyObject* core, PyObject*);
/// set_statement_cache(size, lifetime): lifetime in seconds, or None.
PyObject* set_statement_cache(PyObject* core, PyObject* const* args, Py_ssize_t count);
/// keep_statement(statement): takes it into the cache, as if it had been prepared for it.
PyObject* keep_statement(PyObject* core, PyObject* statement);
/// clear_statement_cache()
PyObject* clear_statement_cache(PyObject* core, PyObject*);

}  // namespace pgstride::python
