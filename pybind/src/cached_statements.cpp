// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/cached_statements.hpp"

#include <vector>

#include "pgstride/pybind/src/call_arguments.hpp"
#include "pgstride/pybind/src/core.hpp"
#include "pgstride/pybind/src/failure.hpp"
#include "pgstride/pybind/src/plan.hpp"
#include "pgstride/pybind/src/statement.hpp"

namespace pgstride::python {

void drop_expired_statements(Core& core) {
  const Duration lifetime = core.options().max_cached_statement_lifetime;
  if (lifetime == Duration::max()) return;
  StatementCache& cache = core.session().statements();
  const TimePoint now = core.loop().now();
  std::vector<StatementRef> expired;
  for (const StatementRef& statement : cache.entries()) {
    const auto* plan = static_cast<const Plan*>(statement->attachment());
    if (plan && now - plan->made_at() >= lifetime) expired.push_back(statement);
  }
  for (const StatementRef& statement : expired) cache.erase(*statement);
}

PyObject* cached_statements(PyObject* self, PyObject*) {
  Core& core = core_of(self);
  core.follow_catalog();
  drop_expired_statements(core);
  Ref list = Ref::steal(PyList_New(0));
  if (core.is_closed()) return list.release();
  for (const StatementRef& statement : core.session().statements().entries()) {
    const Ref handle = statement_handle(self, statement);
    if (!handle || !list || PyList_Append(list.get(), handle.get()) < 0) return nullptr;
  }
  return list.release();
}

PyObject* has_cached(PyObject* self, PyObject* query) {
  if (!PyUnicode_Check(query)) Py_RETURN_FALSE;  // whoever prepares it says so
  std::string_view sql;
  Ref keep;
  if (!sql_of(query, core_of(self).encoding(), sql, keep)) return nullptr;
  return PyBool_FromLong(core_of(self).session().statements().find(sql, {}) != nullptr);
}

PyObject* closing_statements(PyObject* self, PyObject*) {
  Ref list = Ref::steal(PyList_New(0));
  for (const std::string& name : core_of(self).session().closing_statements()) {
    const Ref text = make_server_text(name, core_of(self).encoding());
    if (!text || !list || PyList_Append(list.get(), text.get()) < 0) return nullptr;
  }
  return list.release();
}

PyObject* set_statement_cache(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 2, "set_statement_cache")) return nullptr;
  Core& core = core_of(self);
  const std::size_t size = PyLong_AsSize_t(args[0]);
  if (PyErr_Occurred()) return nullptr;
  Duration lifetime;
  if (!parse_timeout(args[1], Duration::max(), lifetime)) return nullptr;
  core.set_max_cached_statement_lifetime(lifetime);
  core.session().statements().resize(size);
  drop_expired_statements(core);
  Py_RETURN_NONE;
}

PyObject* keep_statement(PyObject* self, PyObject* statement) {
  if (!is_statement(statement)) return PyErr_Format(PyExc_TypeError, "a Statement is required");
  StatementCache& cache = core_of(self).session().statements();
  cache.insert(*statement_of(statement).statement);
  statement_of(statement).was_kept = cache.holds(**statement_of(statement).statement);
  Py_RETURN_NONE;
}

PyObject* clear_statement_cache(PyObject* self, PyObject*) {
  core_of(self).session().statements().clear();
  Py_RETURN_NONE;
}

}  // namespace pgstride::python
