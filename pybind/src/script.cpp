// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/script.hpp"

#include "pgstride/driver/session_reset.hpp"

namespace pgstride::python {

bool Script::set_out() {
  std::string_view sql;
  if (!query_text(sql)) return false;
  step_.emplace(*this, sql);
  if (send_last(*step_, may_copy_in(sql))) return true;
  raise(step_->failure());
  return false;
}

PyObject* Script::take_result() {
  const Failure* failure = step_ ? step_->failure() : nullptr;
  if (failure || has_error()) return raise(failure);
  return PyUnicode_DecodeUTF8(status_.data(), static_cast<Py_ssize_t>(status_.size()), "replace");
}

void Script::give_up() noexcept {
  if (step_ && step_->pending()) channel().cancel(*step_);
  let_go();
}

}  // namespace pgstride::python
