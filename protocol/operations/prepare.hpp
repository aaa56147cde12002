// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Parse + Describe + Sync: afterwards the statement is ready, or failed.
#pragma once

#include "pgstride/protocol/operation.hpp"
#include "pgstride/protocol/statement.hpp"

namespace pgstride::inline v0 {

class Prepare : public Operation {
 public:
  const StatementRef& statement() const noexcept { return statement_; }

 protected:
  /// `statement` is fresh.
  explicit Prepare(StatementRef statement) noexcept
      : Operation(Flow::extended), statement_(std::move(statement)) {}

  Encoded encode(WriteBuffer& out) override;
  Statement* preparing() noexcept override { return statement_.get(); }
  bool on_frame(const Frame& frame) override { return frame.type == 'Z' && statement_->ready(); }

 private:
  StatementRef statement_;
};

}  // namespace pgstride::inline v0
