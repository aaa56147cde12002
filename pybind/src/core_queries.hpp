// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The methods of Core that run and prepare statements, with METH_FASTCALL. `query` is a str or a
// Statement; each returns what the facade awaits.
#pragma once

#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

/// fetch(query, args, timeout, record_class)
PyObject* fetch(PyObject* core, PyObject* const* args, Py_ssize_t count);
/// fetchrow(query, args, timeout, record_class)
PyObject* fetchrow(PyObject* core, PyObject* const* args, Py_ssize_t count);
/// fetchval(query, args, timeout, column)
PyObject* fetchval(PyObject* core, PyObject* const* args, Py_ssize_t count);
/// execute(query, args, timeout)
PyObject* execute(PyObject* core, PyObject* const* args, Py_ssize_t count);
/// report(query, args, limit, timeout, record_class): the rows together with the command's status.
PyObject* report(PyObject* core, PyObject* const* args, Py_ssize_t count);
/// portal(statement, name, args, limit, timeout, record_class): args None: go on with an open
/// portal; limit None: only bind.
PyObject* portal(PyObject* core, PyObject* const* args, Py_ssize_t count);
/// close_portal(statement, name, timeout)
PyObject* close_portal(PyObject* core, PyObject* const* args, Py_ssize_t count);
/// many(query, sets, timeout, record_class): record_class None: rows are discarded.
PyObject* many(PyObject* core, PyObject* const* args, Py_ssize_t count);
/// script(query, timeout)
PyObject* script(PyObject* core, PyObject* const* args, Py_ssize_t count);
/// prepare(query, name, cached, timeout, with_types)
PyObject* prepare(PyObject* core, PyObject* const* args, Py_ssize_t count);
/// look_up_types(oids, timeout)
PyObject* look_up_types(PyObject* core, PyObject* const* args, Py_ssize_t count);
/// fetch_plain(query, args, timeout): without the user's codecs, and leaving no statement behind.
PyObject* fetch_plain(PyObject* core, PyObject* const* args, Py_ssize_t count);

}  // namespace pgstride::python
