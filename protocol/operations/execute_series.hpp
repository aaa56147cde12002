// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Several statements, each with its own arguments, and one Sync: N × (Bind + Execute). Outside a
// transaction block all of it happens or nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pgstride/protocol/operation.hpp"
#include "pgstride/protocol/row.hpp"
#include "pgstride/protocol/sink_guard.hpp"
#include "pgstride/protocol/statement.hpp"

namespace pgstride::inline v0 {

class ExecuteSeries : public Operation {
 public:
  struct Step {
    StatementRef statement;      // prepared by a request that was submitted earlier
    Bytes arguments;             // as Bind has them: format codes, then values; used by submit() only
    ResultSink* sink = nullptr;  // null: the rows are swallowed
  };

  /// The step that failed, counted from 0; the number of steps when the failure is not of one of them.
  std::size_t failed_step() const noexcept { return failed_; }

 protected:
  /// `steps` outlives the operation.
  explicit ExecuteSeries(const std::vector<Step>& steps) noexcept
      : Operation(Flow::extended), steps_(steps), sink_(*this, nullptr), failed_(steps.size()) {}

  /// The step that runs, counted from 0; the number of steps after the last one.
  std::size_t step() const noexcept { return at_; }

  Encoded encode(WriteBuffer& out) override;
  bool on_frame(const Frame& frame) override;
  void on_error(std::shared_ptr<const ServerError> error) override;

 private:
  enum class Expect : std::uint8_t { parse_complete, bind_complete, rows, ready };

  const StatementRef& statement() const noexcept { return steps_[at_].statement; }
  bool on_row(const Frame& frame);
  bool begin_result();
  bool end_result(CommandTag tag);
  void begin_step() noexcept;

  const std::vector<Step>& steps_;
  SinkGuard sink_;  // of the step that runs
  std::size_t at_ = 0;
  std::size_t failed_;
  Expect expect_ = Expect::ready;
};

}  // namespace pgstride::inline v0
