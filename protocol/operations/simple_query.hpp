// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Query: a script of any number of statements, values in text format, no parameters.
#pragma once

#include <string_view>

#include "pgstride/protocol/operation.hpp"
#include "pgstride/protocol/row.hpp"
#include "pgstride/protocol/sink_guard.hpp"

namespace pgstride::inline v0 {

class SimpleQuery : public Operation {
 protected:
  /// `sql` is used by submit() only; it holds no NUL. Every result set goes to `sink`; a null sink
  /// swallows the rows.
  SimpleQuery(std::string_view sql, ResultSink* sink) noexcept
      : Operation(Flow::simple), sql_(sql), sink_(*this, sink) {}

  Encoded encode(WriteBuffer& out) override;
  bool on_frame(const Frame& frame) override;

 private:
  bool on_row(const Frame& frame);

  std::string_view sql_;
  SinkGuard sink_;
  std::size_t columns_ = 0;
  bool in_result_ = false;  // between RowDescription and CommandComplete
  bool ended_ = false;      // at least one command has completed
};

}  // namespace pgstride::inline v0
