// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/core_queries.hpp"

#include <limits>

#include "pgstride/pybind/src/bulk.hpp"
#include "pgstride/pybind/src/core.hpp"
#include "pgstride/pybind/src/fetch.hpp"
#include "pgstride/pybind/src/record.hpp"
#include "pgstride/pybind/src/script.hpp"
#include "pgstride/pybind/src/statement.hpp"
#include "pgstride/pybind/src/type_codecs.hpp"

namespace pgstride::python {
namespace {

/// At least `least` rows; 0 is all of them. False with a Python error set.
bool row_limit(PyObject* number, long least, std::uint32_t& limit) {
  const long value = PyLong_AsLong(number);
  if (value == -1 && PyErr_Occurred()) return false;
  if (value < least || value > std::numeric_limits<std::int32_t>::max()) {
    PyErr_Format(PyExc_OverflowError, "number of rows must be from %ld to 2147483647, not %ld", least, value);
    return false;
  }
  limit = static_cast<std::uint32_t>(value);
  return true;
}

PyTypeObject* record_class(PyObject* self, PyObject* argument) noexcept {
  return reinterpret_cast<PyTypeObject*>(argument == Py_None ? core_of(self).options().record_class.get()
                                                             : argument);
}

/// `query` is a str or a Statement.
PyObject* start_fetch(PyObject* self, PyObject* query, PyObject* args, PyObject* timeout,
                      const FetchOptions& options) {
  Statement* statement = nullptr;
  if (is_statement(query)) {
    statement = statement_of(query).statement->get();
    query = statement_of(query).query;
  }
  Fetch* fetch = nullptr;
  Ref awaitable = Awaitable::make<Fetch>(core_of(self).loop(), fetch, self, query, args, options);
  return Awaitable::started(awaitable, awaitable && fetch->start(statement, timeout));
}

}  // namespace

PyObject* fetch(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 4, "fetch")) return nullptr;
  FetchOptions options;
  options.record_class = record_class(self, args[3]);
  return start_fetch(self, args[0], args[1], args[2], options);
}

PyObject* fetchrow(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 4, "fetchrow")) return nullptr;
  FetchOptions options;
  options.shape = Shape::row;
  options.step.row_limit = 1;
  options.record_class = record_class(self, args[3]);
  return start_fetch(self, args[0], args[1], args[2], options);
}

PyObject* fetchval(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 4, "fetchval")) return nullptr;
  FetchOptions options;
  options.shape = Shape::value;
  options.step.row_limit = 1;
  options.column = args[3];
  options.record_class = record_class(self, Py_None);
  return start_fetch(self, args[0], args[1], args[2], options);
}

PyObject* execute(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 3, "execute")) return nullptr;
  FetchOptions options;
  options.shape = Shape::status;
  options.record_class = record_class(self, Py_None);
  return start_fetch(self, args[0], args[1], args[2], options);
}

PyObject* report(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 5, "report")) return nullptr;
  FetchOptions options;
  options.shape = Shape::report;
  if (!row_limit(args[2], 0, options.step.row_limit)) return nullptr;
  options.record_class = record_class(self, args[4]);
  return start_fetch(self, args[0], args[1], args[3], options);
}

PyObject* portal(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 6, "portal")) return nullptr;
  FetchOptions options;
  options.portal = args[1];
  options.step.bind = args[2] != Py_None;
  options.step.execute = args[3] != Py_None;
  if (options.step.execute) {
    if (!row_limit(args[3], 1, options.step.row_limit)) return nullptr;
  }
  options.record_class = record_class(self, args[5]);
  return start_fetch(self, args[0], options.step.bind ? args[2] : nullptr, args[4], options);
}

PyObject* close_portal(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 3, "close_portal")) return nullptr;
  FetchOptions options;
  options.portal = args[1];
  options.shape = Shape::row;
  options.step.bind = options.step.execute = false;
  options.step.close = true;
  options.record_class = record_class(self, Py_None);
  return start_fetch(self, args[0], nullptr, args[2], options);
}

PyObject* many(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 4, "many")) return nullptr;
  PyObject* query = args[0];
  Statement* statement = nullptr;
  if (is_statement(query)) {
    statement = statement_of(query).statement->get();
    query = statement_of(query).query;
  }
  auto* type = args[3] == Py_None ? nullptr : reinterpret_cast<PyTypeObject*>(args[3]);
  Bulk* bulk = nullptr;
  Ref awaitable = Awaitable::make<Bulk>(core_of(self).loop(), bulk, self, query, args[1], type);
  return Awaitable::started(awaitable, awaitable && bulk->start(statement, args[2]));
}

PyObject* script(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 2, "script")) return nullptr;
  Script* request = nullptr;
  Ref awaitable = Awaitable::make<Script>(core_of(self).loop(), request, self, args[0]);
  return Awaitable::started(awaitable, awaitable && request->start(args[1]));
}

PyObject* prepare(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 5, "prepare")) return nullptr;
  PrepareRequest* request = nullptr;
  Ref awaitable = Awaitable::make<PrepareRequest>(core_of(self).loop(), request, self, args[0]);
  const PrepareRequest::Options options{args[2] == Py_True, args[4] == Py_True};
  return Awaitable::started(awaitable, awaitable && request->start(args[1], options, args[3]));
}

PyObject* look_up_types(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 2, "look_up_types")) return nullptr;
  TypeRequest* request = nullptr;
  Ref awaitable = Awaitable::make<TypeRequest>(core_of(self).loop(), request, self);
  return Awaitable::started(awaitable, awaitable && request->start(args[0], args[1]));
}

PyObject* fetch_plain(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 3, "fetch_plain")) return nullptr;
  FetchOptions options;
  options.source = StatementExchange::Source::plain;
  options.record_class = record_type();
  return start_fetch(self, args[0], args[1], args[2], options);
}

}  // namespace pgstride::python
