// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/query.hpp"

#include "pgstride/driver/typed_query.hpp"
#include "pgstride/protocol/frontend.hpp"
#include "pgstride/protocol/oid.hpp"
#include "pgstride/protocol/session.hpp"

namespace pgstride::inline v0 {
namespace {

// What the C++ head knows of a described statement.
struct SharedColumns final : Statement::Attachment {
  explicit SharedColumns(const Columns& c) : columns(std::make_shared<const Columns>(c)) {}
  std::shared_ptr<const Columns> columns;
};

// The numbers to declare, kept in `looked_up` when some are known by name only.
std::span<const Oid> oids_of(const ParameterTypes& parameters, const TypeNames& types,
                             std::vector<Oid>& looked_up) {
  if (!parameters.any_named) return parameters.oids;
  for (std::size_t i = 0; i < parameters.size(); ++i) looked_up.push_back(parameters.oid(i, types));
  return looked_up;
}

// As much of a script as an error text can show.
constexpr std::size_t kept_of_script = 256;

}  // namespace

std::string_view checked(std::string_view sql) {
  if (frontend::has_nul(sql)) throw Error(Errc::invalid_argument, "the query holds a NUL character");
  return sql;
}

StatementRef statement_for(Session& session, std::string_view sql, const ParameterTypes& parameters) {
  std::vector<Oid> looked_up;
  const std::span<const Oid> types = oids_of(parameters, *session.types(), looked_up);
  StatementCache& cache = session.statements();
  if (cache.capacity() == 0) return session.new_statement(checked(sql), types, /*named=*/false);
  if (Statement* known = cache.find(sql, types)) return StatementRef(known);
  StatementRef fresh = session.new_statement(checked(sql), types);
  cache.insert(fresh);
  return fresh;
}

StatementRef new_statement(Session& session, std::string_view sql, const ParameterTypes& parameters) {
  std::vector<Oid> looked_up;
  return session.new_statement(checked(sql), oids_of(parameters, *session.types(), looked_up));
}

std::shared_ptr<const Columns> shared_columns(Statement& statement) {
  if (statement.attachment() == nullptr)
    statement.attach(std::make_unique<SharedColumns>(statement.columns()));
  return static_cast<const SharedColumns*>(statement.attachment())->columns;
}

BoundExecute::BoundExecute(Channel& channel, StatementRef statement, const Arguments* arguments,
                           ResultSink* sink, PortalStep step)
    : Waitable(channel, std::move(statement), sink, step), arguments_(arguments) {}

BoundExecute::~BoundExecute() = default;

void BoundExecute::submit() { Waitable::submit(sql()); }

bool BoundExecute::encode_arguments(WriteBuffer& out) {
  auto failure = pgstride::encode_arguments(*arguments_, *statement(), out);
  if (!failure) return true;
  fail(std::move(*failure));
  return false;
}

void BoundExecute::on_error(std::shared_ptr<const ServerError> error) {
  if (statement()->is_made_stale_by(*error)) {
    session()->statements().erase(*statement());
    may_be_made_again_ = !is_bound();
  }
  Execute::on_error(std::move(error));
}

bool BoundExecute::is_mine(const RowError& error) const noexcept {
  return error.is_of(statement()->columns());
}

Query::Query(Channel& channel, StatementRef statement, const Arguments& arguments)
    : BoundExecute(channel, std::move(statement), &arguments, this) {
  submit();
}

Query::~Query() = default;

void Query::on_columns(const Columns&) { columns_ = shared_columns(*statement()); }

Result Query::take() {
  check(sql());
  return Result(std::move(columns_), std::move(rows_), std::move(completion_));
}

Command::Command(Channel& channel, StatementRef statement, const Arguments& arguments)
    : BoundExecute(channel, std::move(statement), &arguments, this) {
  submit();
}

Command::~Command() = default;

void Command::on_complete(CommandTag tag) { completion_.add(tag); }

Completion Command::take() {
  check(sql());
  return std::move(completion_);
}

void refuse_row_count(const char* found, std::string_view sql) {
  raise({Errc::unexpected_row_count, std::string("the query returned ") + found}, sql);
}

Script::Script(Channel& channel, std::string_view sql)
    : Waitable(channel, checked(sql), static_cast<ResultSink*>(this)),
      excerpt_(sql.substr(0, kept_of_script)) {
  submit(sql);
}

Completion Script::take() {
  check(excerpt_);
  return std::move(completion_);
}

ScriptResults::ScriptResults(Channel& channel, std::string_view sql)
    : Waitable(channel, checked(sql), static_cast<ResultSink*>(this)),
      excerpt_(sql.substr(0, kept_of_script)) {
  submit(sql);
}

// The simple protocol sends every value as text, whatever its type.
void ScriptResults::on_columns(const Columns& columns) {
  auto texts = std::make_shared<Columns>(columns);
  for (Column& column : *texts) column.type = oid::text;
  columns_ = std::move(texts);
}

void ScriptResults::on_complete(CommandTag tag) {
  completion_.add(tag);
  results_.emplace_back(std::move(columns_), std::exchange(rows_, {}), std::exchange(completion_, {}));
}

std::string_view ScriptResults::tag() const noexcept {
  return results_.empty() ? std::string_view() : results_.back().tag();
}

std::vector<Result> ScriptResults::take() {
  check(excerpt_);
  return std::move(results_);
}

}  // namespace pgstride::inline v0
