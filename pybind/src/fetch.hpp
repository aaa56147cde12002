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
    using Execute::statement;
    Plan& plan() const noexcept { return plan_; }

   private:
    bool encode_arguments(WriteBuffer& out) override;
    void encode_result_formats(WriteBuffer& out) override { plan_.encode_result_formats(out); }
    bool on_row(DataRow row) override;
    void on_complete(CommandTag tag) override { owner_.status_ = tag.text(); }
    void on_done() noexcept override { owner_.executed(); }

    Fetch& owner_;
    Plan& plan_;
  };

  bool run(const StatementRef& statement, Plan& plan) override;
  void executed() noexcept;
  void types_known() noexcept override;
  bool take_row(DataRow row, const Plan& plan);
  bool take_record(PyObject* record);
  void keep_row(DataRow row);
  void forget_what_is_outdated();
  bool decode_kept_rows();
  const Failure* failure() const noexcept;

  Ref args_;
  Ref column_;
  Ref portal_;
  Ref record_class_;
  Ref result_;  // the list of rows, or the row
  /// From the first one on that holds values of a type that nobody knew: read again when it is known.
  std::vector<std::string> kept_rows_;
  std::string status_;
  std::optional<ExecuteStep> execute_;
  PortalStep step_;
  Shape shape_;
};

}  // namespace pgstride::python
