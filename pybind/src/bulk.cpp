// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/bulk.hpp"

#include "pgstride/pybind/src/call_arguments.hpp"
#include "pgstride/pybind/src/record.hpp"

namespace pgstride::python {

bool Bulk::start(Statement* statement, PyObject* timeout) {
  iterator_ = Ref::steal(PyObject_GetIter(sets_.get()));
  return iterator_ && StatementExchange::start(statement, timeout);
}

bool Bulk::run(const StatementRef& statement, Plan& plan) {
  if (returns_rows_ && !rows_) rows_ = Ref::steal(PyList_New(0));
  if (returns_rows_ && !rows_) return false;
  step_.emplace(*this, statement, plan);
  return send_last(*step_) || raise(step_->failure()) != nullptr;
}

// Runs the iterable's own code: whatever that raises becomes the outcome.
ExecuteMany::Arguments Bulk::Step::encode_arguments(WriteBuffer& out) {
  const TaskContext context(owner_);
  const Ref set = Ref::steal(PyIter_Next(owner_.iterator_.get()));
  if (!set && !PyErr_Occurred()) return Arguments::end;
  const Py_ssize_t position = owner_.position_++;
  if (set && plan_.encode_set(set.get(), position, out)) return Arguments::row;
  owner_.keep_error();
  return Arguments::failed;
}

bool Bulk::take_record(PyObject* record) {
  const int appended = PyList_Append(rows_.get(), record);
  Py_DECREF(record);
  if (appended == 0) return true;
  keep_error();
  return false;
}

// The sets that were taken from an iterator are gone; those of a list or tuple can be had again.
bool Bulk::goes_on() {
  const Failure* failed = step_->failure();
  if (!failed) return read_kept_rows();
  if (!PyList_Check(sets_.get()) && !PyTuple_Check(sets_.get())) return false;
  iterator_ = Ref::steal(PyObject_GetIter(sets_.get()));
  position_ = 0;
  return iterator_ && retry_with_fresh_plan(*failed);
}

void Bulk::executed() noexcept {
  finish_unless([&] { return goes_on(); });
}

PyObject* Bulk::take_result() {
  const Failure* failed = preparation_failure();
  if (!failed && step_) failed = step_->failure();
  if (failed || has_error()) return raise(failed);
  step_.reset();
  release_statement();
  return rows_ ? rows_.release() : Py_NewRef(Py_None);
}

void Bulk::give_up() noexcept {
  stop_preparing();
  if (step_ && step_->pending()) channel().cancel(*step_);
  let_go();
}

int Bulk::traverse(visitproc visit, void* arg) const {
  for (const Ref* ref : {&sets_, &iterator_, &rows_})
    if (const int stop = ref->visit(visit, arg)) return stop;
  return StatementExchange::traverse(visit, arg);
}

}  // namespace pgstride::python
