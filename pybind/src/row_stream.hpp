// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A result that is consumed as it arrives: Records gather in a list while the facade is busy with the one before; when
// that is full the socket is not read.
#pragma once

#include <optional>
#include <string>

#include "pgstride/protocol/operations/execute.hpp"
#include "pgstride/pybind/src/python.hpp"
#include "pgstride/pybind/src/statement_exchange.hpp"

namespace pgstride::python {

/// Awaited many times: for rows (a list, never empty), and at last for the status (str).
class RowStream final : public StatementExchange {
 public:
  RowStream(PyObject* core, PyObject* query, PyObject* args, PyTypeObject* record_class) noexcept
      : StatementExchange(core, query, Source::cache, record_class), args_(Ref::borrow(args)) {}
  ~RowStream() override { give_up(); }

  /// False with a Python error set.
  bool start(PyObject* timeout);
  /// This, to be awaited again.
  PyObject* next();

  PyObject* take_result() override;
  void give_up() noexcept override;
  bool waits_for_user() const noexcept override { return true; }
  int traverse(visitproc visit, void* arg) const override;

 private:
  class ExecuteStep final : public Execute, public ResultSink {
   public:
    ExecuteStep(RowStream& owner, StatementRef statement, Plan& plan)
        : Execute(std::move(statement), this), owner_(owner), plan_(plan) {}
    using Execute::is_bound;

   private:
    bool encode_arguments(WriteBuffer& out) override;
    void encode_result_formats(WriteBuffer& out) override { plan_.encode_result_formats(out); }
    bool on_row(DataRow row) override;
    void on_complete(CommandTag tag) override { owner_.status_ = tag.text(); }
    void on_first_row() noexcept override { owner_.core().tell_first_row(); }
    void on_progress() noexcept override { owner_.progressed(); }
    void on_done() noexcept override { owner_.executed(); }

    RowStream& owner_;
    Plan& plan_;
  };

  bool run(const StatementRef& statement, Plan& plan) override;
  bool take_record(PyObject* record) override;
  void progressed() noexcept;
  void executed() noexcept;
  PyObject* take_rows();
  bool is_over() const noexcept { return core().busy() != this; }

  Ref args_;
  Ref rows_;  // null: none have come since the last were taken
  std::size_t bytes_ = 0;
  std::string status_;
  std::optional<ExecuteStep> execute_;
  bool is_full_ = false;
};

/// stream(core, query, args, timeout, record_class), stream_next(stream), stream_give_up(stream), stream_end(core).
bool add_stream_functions(PyObject* module);

}  // namespace pgstride::python
