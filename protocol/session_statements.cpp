// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The statements that a session has prepared, and when the server is told to forget one.
#include <string>
#include <utility>

#include "pgstride/protocol/session.hpp"

namespace pgstride::inline v0 {

StatementRef Session::new_statement(std::string_view sql, std::span<const Oid> types, bool named) {
  std::string name;
  if (named) name = statement_prefix_ + std::to_string(next_statement_++);
  return adopt(new Statement(*this, std::move(name), sql, types));
}

StatementRef Session::new_statement_called(std::string name, std::string_view sql) {
  return adopt(new Statement(*this, std::move(name), sql, {}));
}

StatementRef Session::adopt(Statement* statement) noexcept {
  statement->next_ = living_statements_;
  if (living_statements_) living_statements_->previous_ = statement;
  living_statements_ = statement;
  return StatementRef(statement);
}

// The last holder of a statement has let go. This may happen anywhere, also while something else is
// being encoded, so the Close is written in front of the next request.
void Session::forget(Statement& statement) noexcept {
  (statement.previous_ ? statement.previous_->next_ : living_statements_) = statement.next_;
  if (statement.next_) statement.next_->previous_ = statement.previous_;
  const bool is_parsed = statement.state_ == Statement::State::ready ||
                         statement.state_ == Statement::State::in_flight ||
                         (statement.state_ == Statement::State::failed && statement.parsed_);
  if (is_parsed) close_later(statement);
}

// Without memory for its name it stays on the server, for as long as the connection does.
void Session::close_later(const Statement& statement) noexcept {
  if (statement.name_.empty() || statement.dropped_ || failure_) return;
  try {
    to_close_.push_back(statement.name_);
  } catch (...) {
  }
}

void Session::retire(Statement& statement) noexcept {
  if (!statement.ready()) return;
  close_later(statement);
  statement.state_ = Statement::State::closed;
}

void Session::forget_statements() noexcept {
  for (Statement* s = living_statements_; s != nullptr; s = s->next_) s->dropped_ = s->ready();
  to_close_.clear();
  statements_.clear();
}

}  // namespace pgstride::inline v0
