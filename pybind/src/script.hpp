// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Script: any number of statements in one simple query; rows are swallowed, the last command's tag
// is the result.
#pragma once

#include <optional>
#include <string>

#include "pgstride/protocol/operations/simple_query.hpp"
#include "pgstride/pybind/src/exchange.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

class Script final : public Exchange {
 public:
  Script(PyObject* core, PyObject* query) noexcept : Exchange(core, query) {}
  ~Script() override { give_up(); }

  /// False with a Python error set.
  bool start(PyObject* timeout) { return begin(timeout); }

  PyObject* take_result() override;
  void give_up() noexcept override;

 private:
  bool set_out() override;

  class Step final : public SimpleQuery, public ResultSink {
   public:
    Step(Script& owner, std::string_view sql) : SimpleQuery(sql, this), owner_(owner) {}

   private:
    bool on_row(DataRow) override { return true; }
    void on_complete(CommandTag tag) override { owner_.status_ = tag.text(); }
    void on_done() noexcept override { owner_.finish(); }
    // Like rows, what a COPY … TO STDOUT brings goes nowhere; the status tells that it has run.
    bool on_copy(const CopyResponse& response) override { return !response.to_server; }
    bool on_frame(const Frame& frame) override {
      return frame.type == 'd' || frame.type == 'c' || SimpleQuery::on_frame(frame);
    }

    Script& owner_;
  };

  std::string status_;
  std::optional<Step> step_;
};

}  // namespace pgstride::python
