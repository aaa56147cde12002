// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Fetch: run one statement with arguments, its rows decoded from the receive buffer straight into
// Records. Prepares the statement first when the cache does not have it.
#pragma once

#include <optional>
#include <string>

#include "pgstride/protocol/operations/execute.hpp"
#include "pgstride/pybind/src/python.hpp"
#include "pgstride/pybind/src/statement_exchange.hpp"

namespace pgstride::python {

/// What the caller wants to have of the result.
enum class Shape : std::uint8_t {
  rows,    // a list of Records
  row,     // the first Record, or None
  value,   // one column of the first Record, or None
  status,  // the command tag; rows are swallowed undecoded
  report,  // a list of Records and the command tag, which is None when there may be more rows
};

struct FetchOptions {
  Shape shape = Shape::rows;
  PyObject* column = nullptr;  // for Shape::value
  PyTypeObject* record_class = nullptr;
  PyObject* portal = nullptr;  // str; null: the unnamed portal
  StatementExchange::Source source = StatementExchange::Source::cache;
  PortalStep step;
};

class Fetch final : public StatementExchange {
 public:
  Fetch(PyObject* core, PyObject* query, PyObject* args, const FetchOptions& options);
  ~Fetch() override { give_up(); }

  /// `statement` is null when the query's text is to be looked up or prepared. False with a Python
  /// error set.
  bool start(Statement* statement, PyObject* timeout);

  PyObject* take_result() override;
  void give_up() noexcept override;
  int traverse(visitproc visit, void* arg) const override;

 private:
  class ExecuteStep final : public Execute, public ResultSink {
   public:
    ExecuteStep(Fetch& owner, StatementRef statement, Plan& plan, PortalStep step)
        : Execute(std::move(statement), this, step), owner_(owner), plan_(plan) {}
    using Execute::is_bound;

   private:
    bool encode_arguments(WriteBuffer& out) override;
    void encode_result_formats(WriteBuffer& out) override { plan_.encode_result_formats(out); }
    bool on_row(DataRow row) override;
    bool keeps_rows() const noexcept override { return owner_.keeps_rows_; }
    void on_complete(CommandTag tag) override { owner_.status_ = tag.text(); }
    void on_first_row() noexcept override { owner_.core().tell_first_row(); }
    void on_progress() noexcept override { owner_.give_up_rest(*this); }
    void on_done() noexcept override { owner_.executed(); }

    Fetch& owner_;
    Plan& plan_;
  };

  bool run(const StatementRef& statement, Plan& plan) override;
  void executed() noexcept;
  bool take_record(PyObject* record) override;
  const Failure* failure() const noexcept;
  PyObject* status_text() const;

  Ref args_;
  Ref column_;
  Ref portal_;
  Ref result_;  // the list of rows, or the row
  std::string status_;
  std::optional<ExecuteStep> execute_;
  PortalStep step_;
  Shape shape_;
  bool keeps_rows_;  // without a bound of its own
};

}  // namespace pgstride::python
