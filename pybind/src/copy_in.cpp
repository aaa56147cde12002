// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/copy_in.hpp"

#include "pgstride/protocol/binary_copy.hpp"
#include "pgstride/pybind/src/memory.hpp"

namespace pgstride::python {
namespace {

constexpr std::uint64_t piece = 64 << 10;  // bytes of one message, about

/// "ValueError: no such thing" for the server to show.
std::string reason_of(PyObject* exception) {
  std::string reason = Py_TYPE(exception)->tp_name;
  const Ref text = Ref::steal(PyObject_Str(exception));
  const char* utf8 = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
  if (utf8 && *utf8) reason.append(": ").append(utf8);
  PyErr_Clear();
  return reason;
}

PyObject* make_status(const std::string& status) {
  return PyUnicode_DecodeUTF8(status.data(), static_cast<Py_ssize_t>(status.size()), "replace");
}

bool refuse_text_format() {
  PyErr_SetString(PyExc_ValueError, "records are copied in binary format, and the server expects text");
  return false;
}

}  // namespace

bool RecordWriter::prepare(Registry& registry) {
  plan_ = Plan::of(*statement_, registry);
  return plan_ && plan_->can_write_records(*statement_);
}

// --- pulling ------------------------------------------------------------------------------------

bool CopyRecordsRequest::start(PyObject* records, PyObject* timeout) {
  iterator_ = Ref::steal(PyObject_GetIter(records));
  return iterator_ && begin(timeout);
}

bool CopyRecordsRequest::set_out() {
  std::string_view sql;
  if (!query_text(sql) || !writer_.prepare(core().types())) return false;
  step_.emplace(*this, sql);
  return send(*step_) || raise(step_->failure()) != nullptr;
}

void CopyRecordsRequest::Step::on_start(const CopyResponse& response) {
  in_header_ = true;
  is_binary_ = response.format == Format::binary;
}

// Runs the iterable's own code: whatever that raises becomes the outcome.
CopyIn::Supply CopyRecordsRequest::Step::supply(WriteBuffer& out) {
  const TaskContext context(owner_);
  const std::uint64_t begin = out.position();
  if (std::exchange(in_header_, false)) write_copy_header(out);
  bool is_fine = is_binary_ || refuse_text_format();
  while (is_fine && out.position() - begin < piece) {
    const Ref record = Ref::steal(PyIter_Next(owner_.iterator_.get()));
    if (!record && !PyErr_Occurred()) {
      write_copy_trailer(out);
      return Supply::end;
    }
    is_fine = record && owner_.writer_.write(record.get(), out);
  }
  if (is_fine) return Supply::data;
  const Ref exception = take_error();
  const std::string reason = reason_of(exception.get());
  restore_error(exception);
  owner_.keep_error();
  return give_up(reason);
}

PyObject* CopyRecordsRequest::take_result() {
  const Failure* failure = step_ ? step_->failure() : nullptr;
  if (failure || has_error()) return raise(failure);
  return make_status(status_);
}

void CopyRecordsRequest::give_up() noexcept {
  if (step_ && step_->pending()) channel().cancel(*step_);
  core().disclaim(*this);
}

int CopyRecordsRequest::traverse(visitproc visit, void* arg) const {
  if (const int stop = iterator_.visit(visit, arg)) return stop;
  return Exchange::traverse(visit, arg);
}

// --- being brought ------------------------------------------------------------------------------

bool CopyInRequest::set_out() {
  std::string_view sql;
  if (!query_text(sql)) return false;
  if (writer_ && !writer_.prepare(core().types())) return false;
  step_.emplace(*this, sql);
  return send(*step_) || raise(step_->failure()) != nullptr;
}

// A failure is told when the server is ready for something else.
void CopyInRequest::progressed() noexcept {
  if (!completed() && !step_->failure()) wake();
}

void CopyInRequest::ended() noexcept {
  core().disclaim(*this);
  if (!completed()) wake();
}

bool CopyInRequest::can_write() {
  if (step_->pending() && !is_ending_) return true;
  if (step_->failure()) return raise(step_->failure()) != nullptr;
  PyErr_SetString(PyExc_RuntimeError, "the COPY is over");
  return false;
}

PyObject* CopyInRequest::wait_unless(bool has_room) {
  if (has_room) {
    data_.clear();
    Py_RETURN_NONE;
  }
  begin_again();
  return Py_NewRef(self());
}

PyObject* CopyInRequest::write(PyObject* data) {
  if (!can_write()) return nullptr;
  data_ = Ref::steal(PyMemoryView_GetContiguous(data, PyBUF_READ, 'C'));
  if (!data_) return nullptr;
  const Py_buffer& buffer = *PyMemoryView_GET_BUFFER(data_.get());
  const auto size = static_cast<std::size_t>(buffer.len);
  return wait_unless(step_->write({static_cast<const std::byte*>(buffer.buf), size}));
}

PyObject* CopyInRequest::write_record(PyObject* record) {
  if (!can_write()) return nullptr;
  WriteBuffer& out = step_->batch();
  const std::uint64_t begin = out.position();
  const bool is_written = or_memory_error([&] { return writer_.write(record, out); });
  if (out.take_failure() || !is_written) {
    out.truncate(begin);
    if (!PyErr_Occurred())
      PyErr_SetString(PyExc_OverflowError, "a record exceeds what PostgreSQL accepts (1 GiB)");
    return nullptr;
  }
  return wait_unless(step_->settle());
}

// What nobody could send the rest of is not left open.
bool CopyInRequest::frame(void (*part)(WriteBuffer&)) {
  if (or_memory_error([&] { return part(step_->batch()), true; })) return true;
  const KeepError keep;
  give_up();
  return false;
}

PyObject* CopyInRequest::wait_for_end() {
  is_ending_ = true;
  begin_again();
  if (!step_->pending()) complete_early();
  return Py_NewRef(self());
}

PyObject* CopyInRequest::end() {
  if (!can_write()) return nullptr;
  if (writer_ && !frame(write_copy_trailer)) return nullptr;
  step_->end();
  return wait_for_end();
}

PyObject* CopyInRequest::break_off(std::string_view reason) {
  is_broken_ = true;
  step_->break_off(reason);
  return wait_for_end();
}

PyObject* CopyInRequest::take_result() {
  data_.clear();
  if (is_broken_) Py_RETURN_NONE;
  if (!step_) return raise(nullptr);  // it never came to its turn
  if (const Failure* failure = step_->failure()) return raise(failure);
  if (is_ending_) return make_status(status_);
  if (writer_ && step_->batch().position() == 0) {  // the start
    if (!is_binary_) return refuse_text_format(), nullptr;
    if (!frame(write_copy_header)) return nullptr;
  }
  Py_RETURN_NONE;
}

void CopyInRequest::give_up(std::string_view reason) noexcept {
  if (step_ && step_->pending() && !or_memory_error([&] { return step_->break_off(reason), true; }))
    PyErr_Clear();
  give_up();
}

void CopyInRequest::give_up() noexcept {
  if (step_ && step_->pending()) channel().cancel(*step_);
  data_.clear();
  core().disclaim(*this);
}

}  // namespace pgstride::python
