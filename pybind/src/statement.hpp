// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// StatementHandle: a prepared statement in Python's hands, and the request that prepares it. While
// a handle lives the server keeps the statement.
#pragma once

#include <optional>

#include "pgstride/protocol/operations/prepare.hpp"
#include "pgstride/pybind/src/exchange.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

struct StatementHandle {
  PyObject_HEAD PyObject* core;  // owned: the connection outlives its statements
  PyObject* query;               // owned str
  StatementRef* statement;
  Py_ssize_t uses;  // counted by what is made of it in Python
  bool was_kept;    // in the cache
  bool is_closed;   // by hand
};

bool is_statement(PyObject* object) noexcept;
inline StatementHandle& statement_of(PyObject* object) noexcept {
  return *reinterpret_cast<StatementHandle*>(object);
}
/// The handle of a statement: the one that there is already, or a new one. None with a Python error set.
Ref statement_handle(PyObject* core, const StatementRef& statement);
bool add_statement_type(PyObject* module);

class PrepareRequest final : public Exchange {
 public:
  PrepareRequest(PyObject* core, PyObject* query) noexcept : Exchange(core, query) {}
  ~PrepareRequest() override { give_up(); }

  struct Options {
    bool cached;      // the cache is asked first and takes the statement in
    bool with_types;  // unknown types are looked up, too
  };
  /// `name` is a str to be used as it is, or None for a generated one. False with a Python error set.
  bool start(PyObject* name, const Options& options, PyObject* timeout) {
    name_ = Ref::borrow(name);
    options_ = options;
    return begin(timeout);
  }

  PyObject* take_result() override;
  void give_up() noexcept override;

 private:
  class Step final : public Prepare {
   public:
    Step(PrepareRequest& owner, StatementRef statement) : Prepare(std::move(statement)), owner_(owner) {}

   private:
    void on_done() noexcept override { owner_.prepared(); }
    PrepareRequest& owner_;
  };

  bool set_out() override;
  bool is_too_long_to_keep() const noexcept;
  void prepared() noexcept;
  void types_known() noexcept override;
  bool looks_up_more();

  Ref name_;
  std::optional<Step> step_;
  StatementRef statement_;
  Options options_{};
};

}  // namespace pgstride::python
