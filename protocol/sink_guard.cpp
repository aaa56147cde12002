// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/sink_guard.hpp"

#include <string>

#include "pgstride/protocol/session.hpp"

namespace pgstride::inline v0 {

void SinkGuard::begin() noexcept {
  left_ = operation_.session()->result_limits();
  go_on(sink_);
}

void SinkGuard::go_on(ResultSink* sink) noexcept {
  sink_ = sink;
  open_ = sink_ != nullptr;
  limited_ = open_ && operation_.session()->result_limits() != ResultLimits() && sink_->keeps_rows();
}

bool SinkGuard::on_misfit(Bytes row, std::size_t described) {
  const std::size_t columns = Reader(row).u16();
  if (columns == described || !DataRow::well_formed(row, columns)) return false;
  open_ = false;
  operation_.fail({Errc::protocol_violation,
                   "the number of columns in the result row (" + std::to_string(columns) +
                       ") is different from what was described (" + std::to_string(described) + ")"});
  return true;
}

bool SinkGuard::fits(DataRow row) {
  const std::uint64_t size = row.rest().size();
  const bool is_too_many = left_.rows == 0;
  if (!is_too_many && size <= left_.bytes) {
    --left_.rows;
    left_.bytes -= size;
    return true;
  }
  const ResultLimits& limits = operation_.session()->result_limits();
  operation_.fail({Errc::result_too_large,
                   is_too_many ? "more than " + std::to_string(limits.rows) + " rows (max_rows)"
                               : "more than " + std::to_string(limits.bytes) + " bytes (max_result_bytes)"});
  operation_.wake();
  return false;
}

}  // namespace pgstride::inline v0
