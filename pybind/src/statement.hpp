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
};

bool is_statement(PyObject* object) noexcept;
inline StatementHandle& statement_of(PyObject* object) noexcept {
  return *reinterpret_cast<StatementHandle*>(object);
}
bool add_statement_type(PyObject* module);

class PrepareRequest final : public Exchange {
 public:
  PrepareRequest(PyObject* core, PyObject* query) noexcept : Exchange(core, query) {}
  ~PrepareRequest() override { give_up(); }

  /// `name` is a str to be used as it is, or None for a generated one. With `cached`, the cache is
  /// asked first and takes the statement in. False with a Python error set.
  bool start(PyObject* name, bool cached, PyObject* timeout);

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

  void prepared() noexcept;
  void types_known() noexcept override;

  std::optional<Step> step_;
  StatementRef statement_;
  bool cached_ = false;
};

}  // namespace pgstride::python
