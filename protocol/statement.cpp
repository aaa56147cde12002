// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/statement.hpp"

#include "pgstride/protocol/backend.hpp"
#include "pgstride/protocol/session.hpp"

namespace pgstride::inline v0 {

Statement::Statement(Session& session, std::string name, std::string_view sql, std::span<const Oid> types)
    : session_(&session), name_(std::move(name)), sql_(sql), asked_types_(types.begin(), types.end()) {}

bool Statement::on_frame(const Frame& frame) {
  if (state_ != State::in_flight) return false;
  switch (frame.type) {
    case '1': return !std::exchange(parsed_, true);
    case 't': {
      auto types = parse_parameter_description(frame.body);
      if (!parsed_ || described_ || !types || types->size() < asked_types_.size()) return false;
      parameters_ = std::move(*types);
      described_ = true;
      return true;
    }
    case 'T': {
      auto columns = parse_row_description(frame.body);
      if (!described_ || !columns) return false;
      columns_ = std::move(*columns);
      returns_rows_ = true;
      state_ = State::ready;
      return true;
    }
    case 'n':
      if (!described_) return false;
      state_ = State::ready;
      return true;
    default: return false;
  }
}

// The unknown statement may also be one that the SQL itself names (EXECUTE x). The unnamed one is parsed each time.
bool Statement::is_made_stale_by(const ServerError& error) const noexcept {
  if (!error.is_stale_statement()) return false;
  return error.sqlstate() != "26000" ||
         (!name_.empty() && error.message().find(name_) != std::string_view::npos);
}

void Statement::let_go() noexcept {
  if (session_) session_->forget(*this);
  delete this;
}

}  // namespace pgstride::inline v0
