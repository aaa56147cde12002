// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/row_stream.hpp"

#include "pgstride/pybind/src/call_arguments.hpp"
#include "pgstride/pybind/src/memory.hpp"
#include "pgstride/pybind/src/module_function.hpp"

namespace pgstride::python {
namespace {

constexpr std::size_t enough = 256 << 10;  // bytes that gather before the socket is left alone
constexpr std::size_t per_row = 64;        // what a Record takes, as far as that is not its values

}  // namespace

bool RowStream::start(PyObject* timeout) {
  if (!PyTuple_Check(args_.get())) return refuse_set(-1, args_.get());
  if (PyTuple_GET_SIZE(args_.get()) > most_arguments) return refuse_too_many_arguments(most_arguments);
  return StatementExchange::start(nullptr, timeout);
}

bool RowStream::run(const StatementRef& statement, Plan& plan) {
  execute_.emplace(*this, statement, plan);
  return send_last(*execute_, true) || raise(execute_->failure()) != nullptr;
}

bool RowStream::ExecuteStep::encode_arguments(WriteBuffer& out) {
  const TaskContext context(owner_);
  PyObject* args = owner_.args_.get();
  if (plan_.encode_arguments(&PyTuple_GET_ITEM(args, 0), PyTuple_GET_SIZE(args), out)) return true;
  owner_.keep_error();
  return false;
}

bool RowStream::ExecuteStep::on_row(DataRow row) {
  const bool is_first = !owner_.rows_;
  const bool is_good = owner_.read_row(row, plan_);
  if (is_first || !is_good) wake();
  // One that has to wait until its types are known is there for nobody to take.
  if (owner_.rows_) owner_.bytes_ += row.rest().size() + per_row;
  if (owner_.bytes_ >= enough) {
    owner_.is_full_ = true;
    session()->pause();
  }
  return is_good;
}

bool RowStream::take_record(PyObject* record) {
  const Ref row = Ref::steal(record);
  if (!rows_) rows_ = Ref::steal(PyList_New(0));
  if (rows_ && PyList_Append(rows_.get(), row.get()) == 0) return true;
  keep_error();
  return false;
}

void RowStream::progressed() noexcept {
  if (has_error()) return channel().dismiss(*execute_, {Errc::cancelled, {}});
  if (rows_ && !completed()) wake();
}

void RowStream::executed() noexcept {
  const Failure* failed = execute_->failure();
  finish_unless(
      [&] { return failed ? retry_with_fresh_plan(*failed, execute_->is_bound()) : read_kept_rows(); });
}

PyObject* RowStream::next() {
  begin_again();
  if (rows_ || is_over()) complete_early();
  return Py_NewRef(self());
}

PyObject* RowStream::take_rows() {
  PyObject* rows = rows_.release();
  bytes_ = 0;
  if (std::exchange(is_full_, false) && execute_->pending()) channel().read_on();
  return rows;
}

PyObject* RowStream::take_result() {
  if (rows_) return take_rows();
  const Failure* failed = preparation_failure();
  if (!failed && execute_) failed = execute_->failure();
  if (failed || has_error()) return raise(failed);
  execute_.reset();
  release_statement();
  return PyUnicode_DecodeUTF8(status_.data(), static_cast<Py_ssize_t>(status_.size()), "replace");
}

void RowStream::give_up() noexcept {
  stop_preparing();
  if (execute_ && execute_->pending()) channel().cancel(*execute_);
  let_go();
}

int RowStream::traverse(visitproc visit, void* arg) const {
  if (const int stop = args_.visit(visit, arg)) return stop;
  if (const int stop = rows_.visit(visit, arg)) return stop;
  return StatementExchange::traverse(visit, arg);
}

// --- what Python calls ----------------------------------------------------------------------------

namespace {

PyObject* stream(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (!expect(args, count, {"stream", 5, is_core, "a Core"})) return nullptr;
  RowStream* stream = nullptr;
  Ref awaitable = Awaitable::make<RowStream>(core_of(args[0]).loop(), stream, args[0], args[1], args[2],
                                             reinterpret_cast<PyTypeObject*>(args[4]));
  return Awaitable::started(awaitable, awaitable && stream->start(args[3]));
}

PyObject* stream_next(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (!expect(args, count, {"stream_next", 1, is_request<RowStream>, "what stream() has returned"}))
    return nullptr;
  return request_of<RowStream>(args[0])->next();
}

PyObject* stream_give_up(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (!expect(args, count, {"stream_give_up", 1, is_request<RowStream>, "what stream() has returned"}))
    return nullptr;
  request_of<RowStream>(args[0])->give_up();
  Py_RETURN_NONE;
}

PyObject* stream_end(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (!expect(args, count, {"stream_end", 1, is_core, "a Core"})) return nullptr;
  auto* stream = dynamic_cast<RowStream*>(core_of(args[0]).busy());
  if (stream && stream->completed()) stream->give_up();
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"stream", guarded<stream>(), METH_FASTCALL, nullptr},
    {"stream_next", guarded<stream_next>(), METH_FASTCALL, nullptr},
    {"stream_give_up", guarded<stream_give_up>(), METH_FASTCALL, nullptr},
    {"stream_end", guarded<stream_end>(), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool add_stream_functions(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace pgstride::python
