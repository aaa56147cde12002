// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/statement.hpp"

#include <structmember.h>

#include <cstddef>
#include <memory>

#include "pgstride/protocol/frontend.hpp"
#include "pgstride/pybind/src/cached_statements.hpp"
#include "pgstride/pybind/src/memory.hpp"
#include "pgstride/pybind/src/plan.hpp"

namespace pgstride::python {
namespace {

PyTypeObject* statement_type = nullptr;

Plan* existing_plan(const Statement& statement) noexcept {
  return static_cast<Plan*>(statement.attachment());
}

Ref make_handle(PyObject* core, PyObject* query, StatementRef statement) {
  Plan* plan = existing_plan(*statement);
  if (plan && plan->handle()) return Ref::borrow(plan->handle());
  auto kept = std::make_unique<StatementRef>(std::move(statement));
  auto* self = PyObject_New(StatementHandle, statement_type);
  if (!self) return {};
  self->core = Py_NewRef(core);
  self->query = Py_NewRef(query);
  self->statement = kept.release();
  self->uses = 0;
  self->was_kept = core_of(core).session().statements().holds(**self->statement);
  self->is_closed = false;
  if (plan) plan->set_handle(reinterpret_cast<PyObject*>(self));
  return Ref::steal(reinterpret_cast<PyObject*>(self));
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  StatementHandle& handle = statement_of(self);
  const KeepError keep;
  if (Plan* plan = existing_plan(**handle.statement); plan && plan->handle() == self)
    plan->set_handle(nullptr);
  delete handle.statement;  // before the core: the statement tells its session
  Py_DECREF(handle.query);
  Py_DECREF(handle.core);
  PyObject_Free(self);
  Py_DECREF(type);
}

Statement& of(PyObject* self) noexcept { return **statement_of(self).statement; }
/// It may be running, by the plan that it has.
const Plan* plan_of(PyObject* self) {
  const Plan* existing = existing_plan(of(self));
  return existing ? existing : Plan::of(of(self), core_of(statement_of(self).core).types());
}

PyObject* get_name(PyObject* self, void*) {
  return make_server_text(of(self).name(), core_of(statement_of(self).core).encoding()).release();
}
PyObject* get_query(PyObject* self, void*) { return Py_NewRef(statement_of(self).query); }
/// The cache has let go of it, and nobody else uses it: only this handle keeps it from being closed.
bool is_dropped(StatementHandle& handle) {
  if (!handle.was_kept || handle.uses > 0) return false;
  Core& core = core_of(handle.core);
  core.follow_catalog();
  return !core.session().statements().holds(**handle.statement);
}
PyObject* get_closed(PyObject* self, void*) {
  StatementHandle& handle = statement_of(self);
  return PyBool_FromLong(handle.is_closed || !of(self).ready() || core_of(handle.core).is_closed() ||
                         is_dropped(handle));
}

PyObject* get_record_class(PyObject* self, void*) {
  return Py_NewRef(core_of(statement_of(self).core).options().record_class.get());
}

PyObject* mark_closed(PyObject* self, PyObject*) {
  statement_of(self).is_closed = true;
  core_of(statement_of(self).core).session().statements().erase(of(self));
  Py_RETURN_NONE;
}

PyObject* unknown_types(PyObject* self, PyObject*) {
  std::vector<Oid> unknown;
  const Registry& types = core_of(statement_of(self).core).types();
  for (const Oid type : of(self).parameters()) types.note_unknown(type, unknown);
  for (const Column& column : of(self).columns()) types.note_unknown(column.type, unknown);
  Ref list = Ref::steal(PyList_New(0));
  for (const Oid type : unknown) {
    const Ref number = Ref::steal(PyLong_FromUnsignedLong(type));
    if (!number || !list || PyList_Append(list.get(), number.get()) < 0) return nullptr;
  }
  return list.release();
}

PyObject* get_parameters(PyObject* self, void*) {
  const Plan* plan = plan_of(self);
  if (!plan) return nullptr;
  const auto& types = of(self).parameters();
  Ref result = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(types.size())));
  for (std::size_t i = 0; result && i < types.size(); ++i) {
    PyObject* type = describe_type(types[i], *plan->parameters()[i]);
    if (!type) return nullptr;
    PyTuple_SET_ITEM(result.get(), static_cast<Py_ssize_t>(i), type);
  }
  return result.release();
}

PyObject* get_columns(PyObject* self, void*) {
  const Plan* plan = plan_of(self);
  if (!plan) return nullptr;
  const Columns& columns = of(self).columns();
  Ref result = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(columns.size())));
  for (std::size_t i = 0; result && i < columns.size(); ++i) {
    PyObject* column = Py_BuildValue("(ON)", PyTuple_GET_ITEM(plan->names(), static_cast<Py_ssize_t>(i)),
                                     describe_type(columns[i].type, *plan->columns()[i]));
    if (!column) return nullptr;
    PyTuple_SET_ITEM(result.get(), static_cast<Py_ssize_t>(i), column);
  }
  return result.release();
}

PyGetSetDef getset[] = {
    {"name", Guarded<get_name>::call, nullptr, "the server's name for it; '' for the unnamed statement",
     nullptr},
    {"query", get_query, nullptr, "the text as it was given", nullptr},
    {"closed", Guarded<get_closed>::call, nullptr, "the server has forgotten it, or is about to", nullptr},
    {"record_class", get_record_class, nullptr, "what its rows are where a call does not say", nullptr},
    {"parameters", Guarded<get_parameters>::call, nullptr,
     "(oid, name, kind, schema) of each parameter's type", nullptr},
    {"columns", Guarded<get_columns>::call, nullptr,
     "(name, (oid, name, kind, schema) of its type) of each column", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyMemberDef members[] = {
    {"refs", T_PYSSIZET, offsetof(StatementHandle, uses), 0,
     "how many prepared statements and cursors use it"},
    {nullptr, 0, 0, 0, nullptr},
};
PyMethodDef methods[] = {
    {"mark_closed", guarded<mark_closed>(), METH_NOARGS, "do not use it any more"},
    {"unknown_types", guarded<unknown_types>(), METH_NOARGS,
     "the OIDs of those types that have to be looked up"},
    {nullptr, nullptr, 0, nullptr},
};
PyType_Slot slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
    {Py_tp_getset, getset},
    {Py_tp_members, members},
    {Py_tp_methods, methods},
    {0, nullptr},
};
PyType_Spec spec = {"pgstride._core.Statement", sizeof(StatementHandle), 0, Py_TPFLAGS_DEFAULT, slots};

}  // namespace

Ref statement_handle(PyObject* core, const StatementRef& statement) {
  const Ref query = make_server_text(statement->sql(), core_of(core).encoding());
  return query ? make_handle(core, query.get(), statement) : Ref();
}

bool is_statement(PyObject* object) noexcept { return Py_IS_TYPE(object, statement_type); }

bool add_statement_type(PyObject* module) {
  statement_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return statement_type &&
         PyModule_AddObjectRef(module, "Statement", reinterpret_cast<PyObject*>(statement_type)) == 0;
}

bool PrepareRequest::is_too_long_to_keep() const noexcept {
  const std::size_t longest = core().options().max_cacheable_statement_size;
  return longest != 0 && static_cast<std::size_t>(PyUnicode_GET_LENGTH(query())) > longest;
}

bool PrepareRequest::set_out() {
  std::string_view sql;
  if (!query_text(sql)) return false;
  PyObject* const name = name_.get();
  options_.cached = options_.cached && name == Py_None && !is_too_long_to_keep();
  if (options_.cached) {
    drop_expired_statements(core());
    Statement* known = session().statements().find(sql, {});
    if (known && known->ready()) {
      statement_ = StatementRef(known);
      finish();
      return true;
    }
  }
  if (name == Py_None) {
    statement_ = session().new_statement(sql, {}, session().statements().capacity() > 0);
  } else {
    std::string_view text;
    Ref keep;
    if (!text_of(name, "statement name", text, keep)) return false;
    statement_ = session().new_statement_called(std::string(text), sql);
  }
  step_.emplace(*this, statement_);
  if (send(*step_)) return true;
  raise(step_->failure());
  return false;
}

void PrepareRequest::prepared() noexcept {
  const bool is_kept = !step_->failure() && options_.cached && !statement_->name().empty();
  if (!is_kept || or_memory_error([&] { return session().statements().insert(statement_), true; }))
    return types_known();
  keep_error();
  finish();
}

// What cannot be read or written is said now, not when the statement is used.
void PrepareRequest::types_known() noexcept {
  if (or_memory_error([&] { return looks_up_more(); })) return;
  if (PyErr_Occurred()) keep_error();
  finish();
}

bool PrepareRequest::looks_up_more() {
  if (step_->failure() || lookup_failure() || !options_.with_types) return false;
  if (look_up_types(*statement_)) return true;
  if (lookup_failure()) return false;
  if (Plan* plan = Plan::of(*statement_, core().types())) plan->set_made_at(started());
  return false;
}

PyObject* PrepareRequest::take_result() {
  const Failure* failure = step_ ? step_->failure() : nullptr;
  if (!failure) failure = lookup_failure();
  if (failure || has_error()) return raise(failure);
  step_.reset();  // it holds the statement, too
  return make_handle(core_object(), query(), std::move(statement_)).release();
}

void PrepareRequest::give_up() noexcept {
  if (step_ && step_->pending()) channel().cancel(*step_);
  stop_looking_up();
  core().disclaim(*this);
}

}  // namespace pgstride::python
