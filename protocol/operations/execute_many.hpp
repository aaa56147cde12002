// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// One statement, many sets of arguments: N × (Bind + Execute) and one Sync, so that outside a
// transaction block all of it happens or nothing. Written in slices as the wire takes them.
#pragma once

#include <cstdint>

#include "pgstride/protocol/operation.hpp"
#include "pgstride/protocol/row.hpp"
#include "pgstride/protocol/sink_guard.hpp"
#include "pgstride/protocol/statement.hpp"

namespace pgstride::inline v0 {

class ExecuteMany : public Operation {
 protected:
  /// `statement` is ready. A null sink swallows the rows.
  ExecuteMany(StatementRef statement, ResultSink* sink) noexcept
      : Operation(Flow::extended), statement_(std::move(statement)), sink_(*this, sink) {}

  enum class Arguments : std::uint8_t {
    row,     // one set was written
    end,     // there are no more
    failed,  // the next set cannot be had or encoded: failure() is set, or the head keeps the reason
  };
  /// Writes the next set's parameter format codes and values.
  virtual Arguments encode_arguments(WriteBuffer& out) = 0;
  virtual void encode_result_formats(WriteBuffer& out);

  Encoded encode(WriteBuffer& out) override;
  Encoded feed(WriteBuffer& out) override;
  bool on_frame(const Frame& frame) override;
  void on_error(std::shared_ptr<const ServerError> error) override;

  const StatementRef& statement() const noexcept { return statement_; }

 private:
  bool on_row(const Frame& frame);
  Encoded end(WriteBuffer& out);

  StatementRef statement_;
  SinkGuard sink_;
  std::uint64_t bound_ = 0;     // sets of arguments sent
  std::uint64_t executed_ = 0;  // completions seen
  bool parses_ = false;         // ParseComplete is due
  bool in_rows_ = false;        // between BindComplete and the end of that execution
  bool errored_ = false;
  bool undoing_ = false;     // the source failed: Session::undo() follows the sets
  std::uint8_t undone_ = 0;  // replies to that
};

}  // namespace pgstride::inline v0
