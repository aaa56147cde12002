// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Bind + Execute + Sync: run a statement, its rows going to a sink. Preceded by Parse + Describe
// when the statement is fresh, so that a first execution whose parameter types are known costs one
// round trip. The unnamed statement is parsed anew each time, within the same Sync: behind a pooler
// in transaction mode somebody else may have used it in between. With a named portal and a row limit it is
// one step of a cursor.
#pragma once

#include <cstdint>
#include <string_view>

#include "pgstride/protocol/operation.hpp"
#include "pgstride/protocol/row.hpp"
#include "pgstride/protocol/sink_guard.hpp"
#include "pgstride/protocol/statement.hpp"

namespace pgstride::inline v0 {

/// What is to be done with which portal.
struct PortalStep {
  std::string_view portal = {};  // empty: the unnamed one; used by submit() only
  std::uint32_t row_limit = 0;   // 0: all rows
  bool bind = true;              // false: go on with a portal bound earlier
  bool execute = true;           // false: only bind
  bool close = false;            // close the portal afterwards
};

class Execute : public Operation {
 public:
  /// The row limit was reached: the portal has, or may have, more.
  bool suspended() const noexcept { return suspended_; }

 protected:
  Execute(StatementRef statement, ResultSink* sink, PortalStep step = PortalStep()) noexcept
      : Operation(Flow::extended), statement_(std::move(statement)), sink_(*this, sink), step_(step) {}

  /// Writes the part of Bind between the names and the result formats: parameter format codes and
  /// parameter values. False: an argument cannot be encoded (failure() is set, or the head keeps
  /// its own error); nothing will be sent.
  virtual bool encode_arguments(WriteBuffer& out) = 0;
  /// Writes the result format codes. By default everything is binary.
  virtual void encode_result_formats(WriteBuffer& out);

  Encoded encode(WriteBuffer& out) override;
  Statement* preparing() noexcept override { return parses_ ? statement_.get() : nullptr; }
  bool on_frame(const Frame& frame) override;
  bool on_run(Frame& frame) override;
  void on_error(std::shared_ptr<const ServerError> error) override;

  const StatementRef& statement() const noexcept { return statement_; }
  /// The server has taken statement and arguments: what comes from then on may be of what it has executed.
  bool is_bound() const noexcept { return expect_ > Expect::bind_complete; }

 private:
  enum class Expect : std::uint8_t { parse_complete, bind_complete, rows, close_complete, ready };

  bool on_row(const Frame& frame);
  bool on_end(CommandTag tag);
  bool begin_result();
  void know_columns() noexcept;

  StatementRef statement_;
  SinkGuard sink_;
  std::size_t columns_ = 0;  // of every row, once known
  PortalStep step_;
  std::uint32_t rows_left_ = 0;
  Expect expect_ = Expect::ready;
  bool parses_ = false;
  bool suspended_ = false;
};

}  // namespace pgstride::inline v0
