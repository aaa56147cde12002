// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Exchange: a request that has the connection to itself from its first message to its last reply.
#pragma once

#include <string_view>

#include "pgstride/pybind/src/awaitable.hpp"
#include "pgstride/pybind/src/core.hpp"
#include "pgstride/pybind/src/failure.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

class Exchange : public Request {
 public:
  /// The statement's text, for error messages; may be null.
  PyObject* query() const noexcept { return query_.get(); }
  TimePoint started() const noexcept { return started_; }

 protected:
  Exchange(PyObject* core, PyObject* query) noexcept : core_(Ref::borrow(core)), query_(Ref::borrow(query)) {}
  ~Exchange() override { core().disclaim(*this); }

  Core& core() const noexcept { return core_of(core_.get()); }
  PyObject* core_object() const noexcept { return core_.get(); }
  Channel& channel() const noexcept { return core().channel(); }
  Session& session() const noexcept { return core().session(); }

  /// Claims the connection and sets the deadline from a timeout argument (seconds or None). False
  /// with a Python error set.
  bool begin(PyObject* timeout);
  TimePoint deadline() const noexcept { return deadline_; }
  /// A str as UTF-8 without NUL; `what` it is. False with a Python error set.
  static bool text_of(PyObject* object, const char* what, std::string_view& text);
  bool query_text(std::string_view& text) const { return text_of(query_.get(), "query", text); }

  /// Submits and sends one operation of this exchange. False: it failed at once and `error` or the
  /// operation's failure tells why.
  bool send(Operation& operation);

  /// The exchange is over: lets the connection go, wakes whoever waits.
  void finish() noexcept {
    core().disclaim(*this);
    complete();
  }

  /// Keeps the Python error that is set as the outcome, unless there is one already.
  void keep_error() {
    Ref taken = take_error();
    if (!error_) error_ = std::move(taken);
  }
  bool has_error() const noexcept { return static_cast<bool>(error_); }
  /// Sets the outcome's Python error: our own, or the operation's failure.
  PyObject* raise(const Failure* failure);

  int traverse(visitproc visit, void* arg) const override;

 private:
  Ref core_;
  Ref query_;
  Ref error_;
  TimePoint deadline_ = never;
  TimePoint started_{};
};

}  // namespace pgstride::python
