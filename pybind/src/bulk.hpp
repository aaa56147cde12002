// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Bulk: one statement run for every set of arguments that an iterable yields, which is asked for the
// next ones as the wire takes them.
#pragma once

#include <optional>

#include "pgstride/protocol/operations/execute_many.hpp"
#include "pgstride/pybind/src/python.hpp"
#include "pgstride/pybind/src/statement_exchange.hpp"

namespace pgstride::python {

class Bulk final : public StatementExchange {
 public:
  /// `sets` is any iterable. Rows become Records of `record_class`; they are discarded when it is null.
  Bulk(PyObject* core, PyObject* query, PyObject* sets, PyTypeObject* record_class) noexcept
      : StatementExchange(core, query, Source::cache, record_class),
        sets_(Ref::borrow(sets)),
        returns_rows_(record_class != nullptr) {}
  ~Bulk() override { give_up(); }

  /// `statement` is null when the query's text is to be looked up or prepared. False with a Python
  /// error set.
  bool start(Statement* statement, PyObject* timeout);

  PyObject* take_result() override;
  void give_up() noexcept override;
  int traverse(visitproc visit, void* arg) const override;

 private:
  class Step final : public ExecuteMany, public ResultSink {
   public:
    Step(Bulk& owner, StatementRef statement, Plan& plan)
        : ExecuteMany(std::move(statement), this), owner_(owner), plan_(plan) {}

   private:
    Arguments encode_arguments(WriteBuffer& out) override;
    void encode_result_formats(WriteBuffer& out) override { plan_.encode_result_formats(out); }
    bool on_row(DataRow row) override { return !owner_.rows_ || owner_.read_row(row, plan_); }
    bool keeps_rows() const noexcept override { return static_cast<bool>(owner_.rows_); }
    void on_first_row() noexcept override { owner_.core().tell_first_row(); }
    void on_progress() noexcept override { owner_.give_up_rest(*this); }
    void on_done() noexcept override { owner_.executed(); }

    Bulk& owner_;
    Plan& plan_;
  };
  bool run(const StatementRef& statement, Plan& plan) override;
  bool take_record(PyObject* record) override;
  bool goes_on();
  void executed() noexcept;

  Ref sets_;
  Ref iterator_;
  Ref rows_;
  Py_ssize_t position_ = 0;  // of the next set
  std::optional<Step> step_;
  bool returns_rows_;
};

}  // namespace pgstride::python
