// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/fetch.hpp"

#include "pgstride/driver/session_reset.hpp"
#include "pgstride/pybind/src/call_arguments.hpp"

namespace pgstride::python {

Fetch::Fetch(PyObject* core, PyObject* query, PyObject* args, const FetchOptions& options)
    : StatementExchange(core, query, options.source, options.record_class),
      args_(Ref::borrow(args)),
      column_(Ref::borrow(options.column)),
      portal_(Ref::borrow(options.portal)),
      step_(options.step),
      shape_(options.shape),
      keeps_rows_(shape_ != Shape::status && !portal_ && options.source != Source::plain) {}

bool Fetch::start(Statement* statement, PyObject* timeout) {
  if (args_ && !PyTuple_Check(args_.get())) {  // from somebody's code on the long way
    if (!PySequence_Check(args_.get())) return refuse_set(-1, args_.get());
    args_ = Ref::steal(PySequence_Tuple(args_.get()));
    if (!args_) return false;
  }
  if (args_ && PyTuple_GET_SIZE(args_.get()) > most_arguments)
    return refuse_too_many_arguments(most_arguments);
  return StatementExchange::start(statement, timeout);
}

bool Fetch::run(const StatementRef& statement, Plan& plan) {
  if ((shape_ == Shape::rows || shape_ == Shape::report) && step_.execute && !result_) {
    result_ = Ref::steal(PyList_New(0));
    if (!result_) return false;
  }
  if (portal_) {
    const char* name = PyUnicode_AsUTF8(portal_.get());
    if (!name) return false;
    step_.portal = name;
  }
  execute_.emplace(*this, statement, plan, step_);
  const bool may_copy = !statement->returns_rows() && may_copy_in(statement->sql());
  // Opening and closing a portal runs nothing.
  if (step_.execute ? send_last(*execute_, may_copy) : send(*execute_)) return true;
  raise(execute_->failure());
  return false;
}

bool Fetch::ExecuteStep::encode_arguments(WriteBuffer& out) {
  const TaskContext context(owner_);
  PyObject* args = owner_.args_.get();
  const Py_ssize_t count = args ? PyTuple_GET_SIZE(args) : 0;
  PyObject* const* values = args ? &PyTuple_GET_ITEM(args, 0) : nullptr;
  if (plan_.encode_arguments(values, count, out)) return true;
  owner_.keep_error();
  return false;
}

bool Fetch::ExecuteStep::on_row(DataRow row) {
  return owner_.shape_ == Shape::status || owner_.read_row(row, plan_);
}

bool Fetch::take_record(PyObject* record) {
  if (shape_ == Shape::row || shape_ == Shape::value) {
    result_ = Ref::steal(record);
    return true;
  }
  const int appended = PyList_Append(result_.get(), record);
  Py_DECREF(record);
  if (appended == 0) return true;
  keep_error();
  return false;
}

void Fetch::executed() noexcept {
  const Failure* failed = execute_->failure();
  finish_unless(
      [&] { return failed ? retry_with_fresh_plan(*failed, execute_->is_bound()) : read_kept_rows(); });
}

const Failure* Fetch::failure() const noexcept {
  if (const Failure* failed = preparation_failure()) return failed;
  return execute_ ? execute_->failure() : nullptr;
}

PyObject* Fetch::status_text() const {
  return PyUnicode_DecodeUTF8(status_.data(), static_cast<Py_ssize_t>(status_.size()), "replace");
}

PyObject* Fetch::take_result() {
  const Failure* failed = failure();
  if (failed || has_error()) return raise(failed);
  execute_.reset();
  release_statement();
  switch (shape_) {
    case Shape::rows:
    case Shape::row: return result_ ? result_.release() : Py_NewRef(Py_None);
    case Shape::value:
      if (!result_) Py_RETURN_NONE;
      return PyObject_GetItem(result_.get(), column_.get());
    case Shape::status: return status_text();
    case Shape::report: break;
  }
  PyObject* status = status_.empty() ? Py_NewRef(Py_None) : status_text();
  return status ? Py_BuildValue("(NN)", result_.release(), status) : nullptr;
}

void Fetch::give_up() noexcept {
  stop_preparing();
  if (execute_ && execute_->pending()) channel().cancel(*execute_);
  let_go();
}

int Fetch::traverse(visitproc visit, void* arg) const {
  if (const int stop = args_.visit(visit, arg)) return stop;
  if (const int stop = result_.visit(visit, arg)) return stop;
  return StatementExchange::traverse(visit, arg);
}

}  // namespace pgstride::python
