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
  const std::size_t most = data.size_at_most();
  if (most == 0) return Appetite::more;
  // The rest of what has been received becomes the same chunk, mostly. One that is made larger than that, and cut
  // when it is handed over, would have its pages from the system, and give them back, each time.
  if (!owner_.reserve(owner_.size_ + most)) {
    owner_.keep_error();
    return Appetite::none;
  }
  char* const begin = PyBytes_AS_STRING(owner_.chunk_.get());
  char* end = begin + owner_.size_;
  for (Bytes message; data.next(message);) {
    std::memcpy(end, message.data(), message.size());
    end += message.size();
    if (end >= begin + chunk_size) break;
  }
  owner_.size_ = static_cast<std::size_t>(end - begin);
  if (is_first && owner_.size_ > 0 && !owner_.completed()) wake();
  owner_.is_full_ = owner_.size_ >= chunk_size;
  return owner_.is_full_ ? Appetite::full : Appetite::more;
}

bool CopyOutRequest::reserve(std::size_t capacity) {
  if (capacity <= capacity_) return true;
  capacity = std::max(capacity, 2 * size_);
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
