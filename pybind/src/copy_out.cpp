// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/copy_out.hpp"

#include <algorithm>
#include <cstring>

namespace pgstride::python {
namespace {

constexpr std::size_t chunk_size = 256 << 10;  // bytes; a chunk is larger only by its last message

}  // namespace

bool CopyOutRequest::set_out() {
  std::string_view sql;
  if (!query_text(sql)) return false;
  step_.emplace(*this, sql);
  return send(*step_) || raise(step_->failure()) != nullptr;
}

CopyOutRequest::Step::Appetite CopyOutRequest::Step::on_data(CopyData& data) {
  const bool is_first = owner_.size_ == 0;
  for (Bytes message; data.next(message);) {
    // The rest of what has been received becomes the same chunk, mostly. One that is made larger than that, and cut
    // when it is handed over, would have its pages from the system, and give them back, each time.
    if (!owner_.append(message, data.unread())) {
      owner_.keep_error();
      return Appetite::none;
    }
    if (owner_.size_ >= chunk_size) break;
  }
  if (is_first && owner_.size_ > 0 && !owner_.completed()) wake();
  if (owner_.size_ < chunk_size) return Appetite::more;
  owner_.is_full_ = true;
  return Appetite::full;
}

inline bool CopyOutRequest::append(Bytes data, std::size_t to_come) {
  if (data.empty()) return true;
  const std::size_t needed = size_ + data.size();
  if (needed > capacity_ && !grow(std::max(needed + to_come, 2 * size_))) return false;
  std::memcpy(PyBytes_AS_STRING(chunk_.get()) + size_, data.data(), data.size());
  size_ = needed;
  return true;
}

bool CopyOutRequest::grow(std::size_t capacity) {
  const auto size = static_cast<Py_ssize_t>(capacity);
  if (PyObject* smaller = chunk_.release()) {
    _PyBytes_Resize(&smaller, size);
    chunk_ = Ref::steal(smaller);
  } else {
    chunk_ = Ref::steal(PyBytes_FromStringAndSize(nullptr, size));
  }
  capacity_ = chunk_ ? capacity : 0;
  if (!chunk_) size_ = 0;  // what was there is gone with it
  return capacity_ > 0;
}

void CopyOutRequest::progressed() noexcept {
  if (!completed()) wake();
}

void CopyOutRequest::ended() noexcept {
  core().disclaim(*this);
  if (!completed()) wake();
}

PyObject* CopyOutRequest::next() {
  begin_again();
  if (size_ > 0 || !step_->pending()) complete_early();
  return Py_NewRef(self());
}

PyObject* CopyOutRequest::take_chunk() {
  PyObject* chunk = chunk_.release();
  capacity_ = 0;
  _PyBytes_Resize(&chunk, static_cast<Py_ssize_t>(std::exchange(size_, 0)));
  if (std::exchange(is_full_, false) && step_->pending()) channel().read_on();
  return chunk;
}

PyObject* CopyOutRequest::take_result() {
  if (size_ > 0) return take_chunk();
  const Failure* failure = step_ ? step_->failure() : nullptr;
  if (failure || has_error()) return raise(failure);
  return PyUnicode_DecodeUTF8(status_.data(), static_cast<Py_ssize_t>(status_.size()), "replace");
}

void CopyOutRequest::give_up() noexcept {
  if (step_ && step_->pending()) channel().cancel(*step_);
  core().disclaim(*this);
}

}  // namespace pgstride::python
