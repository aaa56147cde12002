// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/query.hpp"

#include "pgstride/protocol/frontend.hpp"
#include "pgstride/protocol/session.hpp"

namespace pgstride::inline v0 {
namespace {

// What the C++ head knows of a described statement.
struct SharedColumns final : Statement::Attachment {
  explicit SharedColumns(const Columns& c) : columns(std::make_shared<const Columns>(c)) {}
  std::shared_ptr<const Columns> columns;
};

// The server has forgotten the statement, or its result has changed since it was described: to be
// prepared anew (R-Q1, R-Q4).
bool is_stale(const ServerError& error) {
  return error.sqlstate() == "26000" ||
         (error.sqlstate() == "0A000" && error.field('R') == "RevalidateCachedQuery");
}

// As much of a script as an error text can show.
constexpr std::size_t kept_of_script = 256;

}  // namespace

std::string_view checked(std::string_view sql) {
  if (frontend::has_nul(sql)) throw Error(Errc::invalid_argument, "the query holds a NUL character");
  return sql;
}

StatementRef statement_for(Session& session, std::string_view sql, std::span<const Oid> types) {
  StatementCache& cache = session.statements();
  if (cache.capacity() == 0) return session.new_statement(checked(sql), types, /*named=*/false);
  if (Statement* known = cache.find(sql, types)) return StatementRef(known);
  StatementRef fresh = session.new_statement(checked(sql), types);
  cache.insert(fresh);
  return fresh;
}

std::shared_ptr<const Columns> shared_columns(Statement& statement) {
  if (statement.attachment() == nullptr)
    statement.attach(std::make_unique<SharedColumns>(statement.columns()));
  return static_cast<const SharedColumns*>(statement.attachment())->columns;
}

bool BoundExecute::encode_arguments(WriteBuffer& out) {
  Failure failure;
  if (pgstride::encode_arguments(*arguments_, *statement(), out, failure)) return true;
  fail(std::move(failure));
  return false;
}

void BoundExecute::on_error(std::shared_ptr<const ServerError> error) {
  if (is_stale(*error)) session()->statements().erase(*statement());
  Execute::on_error(std::move(error));
}

Result Query::take() {
  check(sql());
  return Result(std::move(columns_), std::move(rows_), std::move(completion_));
}

Completion Command::take() {
  check(sql());
  return std::move(completion_);
}

Script::Script(Channel& channel, std::string_view sql)
    : Request(channel, checked(sql), static_cast<ResultSink*>(this)),
      excerpt_(sql.substr(0, kept_of_script)) {
  submit();
}

Completion Script::take() {
  check(excerpt_);
  return std::move(completion_);
}

}  // namespace pgstride::inline v0
