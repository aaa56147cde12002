// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// StatementExchange: an exchange that runs a statement, which it may have to prepare first, and whose
// types, and those of the values in its rows, it may have to ask the catalogs for.
#pragma once

#include <optional>
#include <string>

#include "pgstride/protocol/operations/prepare.hpp"
#include "pgstride/pybind/src/exchange.hpp"
#include "pgstride/pybind/src/memory.hpp"
#include "pgstride/pybind/src/plan.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

class StatementExchange : public Exchange {
 public:
  /// How the statement is come by.
  enum class Source : std::uint8_t {
    cache,  // by its text: it may be known already, and is kept
    once,   // prepared anew, and not kept
    plain,  // the same, without the user's codecs
  };

 protected:
  StatementExchange(PyObject* core, PyObject* query, Source source, PyTypeObject* record_class) noexcept
      : Exchange(core, query),
        record_class_(Ref::borrow(reinterpret_cast<PyObject*>(record_class))),
        source_(source) {}

  /// Finds or prepares the statement and runs it; `statement` is one of the user's own, or null. False
  /// with a Python error set.
  bool start(Statement* statement, PyObject* timeout);
  bool set_out() override;
  /// The statement is ready and its types are known: submits what is to be done with it. False with a
  /// Python error set.
  virtual bool run(const StatementRef& statement, Plan& plan) = 0;
  void types_known() noexcept override;

  /// Makes a Record of a row, for take_record(). A row with values of types that nobody knew is kept, and
  /// so are all behind it. False: the error is kept.
  bool read_row(DataRow row, const Plan& plan);
  /// After the last row, for those that were kept. True: the catalogs are being asked.
  bool read_kept_rows();
  /// Takes over the reference. False: the error is kept.
  virtual bool take_record(PyObject* record) = 0;

  int traverse(visitproc visit, void* arg) const override;

  /// A statement that the server has forgotten, or refuses after DDL, did nothing yet unless it `was_begun`, so that
  /// outside a transaction block it can be repeated, prepared anew; once. Not behind others: they were sent to run after
  /// it. True: it is under way.
  bool retry_with_fresh_plan(const Failure& failure, bool was_begun = false);
  /// A step of the loop's: the exchange is over unless it goes on, whatever the reason.
  template <class Step>
  void finish_unless(Step goes_on) noexcept {
    if (or_memory_error(goes_on)) return;
    if (PyErr_Occurred()) keep_error();
    finish();
  }
  /// Of preparing and looking up.
  const Failure* preparation_failure() const noexcept;
  /// For give_up().
  void stop_preparing() noexcept;
  /// For take_result(): whoever waited may drop the statement before this goes.
  void release_statement() noexcept {
    prepare_.reset();
    statement_ = {};
  }

 private:
  class PrepareStep final : public Prepare {
   public:
    PrepareStep(StatementExchange& owner, StatementRef statement)
        : Prepare(std::move(statement)), owner_(owner) {}

   private:
    void on_done() noexcept override { owner_.prepared(); }
    StatementExchange& owner_;
  };

  Statement* find_in_cache(std::string_view sql);
  bool prepare();
  bool proceed(StatementRef statement);
  bool run();
  void prepared() noexcept;
  void keep_row(DataRow row);
  void forget_what_is_outdated();

  StatementRef statement_;
  Ref record_class_;
  std::vector<std::string> kept_rows_;
  std::optional<Repeats> repeats_;  // of a long result
  std::optional<PrepareStep> prepare_;
  int rows_ = 0;  // as far as it takes to know that the result is long
  Source source_;
  bool may_retry_ = true;
  bool is_users_ = false;  // the statement is in the user's hands
};

}  // namespace pgstride::python
