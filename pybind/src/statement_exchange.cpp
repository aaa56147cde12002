// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/statement_exchange.hpp"

#include "pgstride/pybind/src/cached_statements.hpp"
#include "pgstride/pybind/src/call_arguments.hpp"
#include "pgstride/pybind/src/codecs/conversions.hpp"
#include "pgstride/pybind/src/record.hpp"

namespace pgstride::python {

bool StatementExchange::start(Statement* statement, PyObject* timeout) {
  if (record_class_ && !is_record_class(record_class_.get())) return refuse_record_class(record_class_.get());
  if (statement) {
    is_users_ = true;
    may_retry_ = false;  // it stays what it was described as
    statement_ = StatementRef(statement);
  }
  return begin(timeout);
}

bool StatementExchange::set_out() {
  Statement* statement = statement_.get();
  if (!is_users_) {
    std::string_view sql;
    if (!query_text(sql)) return false;
    const std::size_t longest = core().options().max_cacheable_statement_size;
    if (longest != 0 && static_cast<std::size_t>(PyUnicode_GET_LENGTH(query())) > longest)
      source_ = Source::once;
    if (source_ == Source::cache) statement = find_in_cache(sql);
  }
  if (statement && statement->ready()) return proceed(StatementRef(statement));
  return prepare();
}

/// Not one that was kept for too long, counted from when it was taken in.
Statement* StatementExchange::find_in_cache(std::string_view sql) {
  Statement* statement = session().statements().find(sql, {});
  const Duration lifetime = core().options().max_cached_statement_lifetime;
  if (!statement || lifetime == Duration::max() || !Plan::exists_for(*statement, core().types()))
    return statement;
  if (core().loop().now() - Plan::of(*statement, core().types())->made_at() < lifetime) return statement;
  session().statements().erase(*statement);
  return nullptr;
}

bool StatementExchange::prepare() {
  std::string_view sql;
  if (!query_text(sql)) return false;
  const bool named = source_ == Source::cache && session().statements().capacity() > 0;
  prepare_.emplace(*this, session().new_statement(sql, {}, named));
  return send(*prepare_) || raise(prepare_->failure()) != nullptr;
}

bool StatementExchange::proceed(StatementRef statement) {
  statement_ = std::move(statement);
  if (!Plan::exists_for(*statement_, core().types()) && look_up_types(*statement_)) return true;
  if (lookup_failure()) return raise(lookup_failure()) != nullptr;
  return run();
}

bool StatementExchange::run() {
  const bool is_new = !Plan::exists_for(*statement_, core().types());
  Plan* plan = Plan::of(*statement_, source_ == Source::plain ? core().plain_types() : core().types());
  if (plan && is_new) plan->set_made_at(started());
  if (core().types().has_missing()) core().types().take_missing();  // of an exchange that failed
  return plan && run(statement_, *plan);
}

// Between the steps nobody else can slip in: the exchange has claimed the connection.
void StatementExchange::prepared() noexcept {
  if (prepare_->failure()) return finish();
  finish_unless([&] {
    const StatementRef statement = prepare_->statement();
    if (!statement->name().empty()) {
      drop_expired_statements(core());
      session().statements().insert(statement);
    }
    return proceed(statement);
  });
}

void StatementExchange::types_known() noexcept {
  if (lookup_failure()) return finish();
  if (!kept_rows_.empty()) return finish_unless([&] { return read_kept_rows(); });
  // Another connection may just have made all of them forget their types.
  finish_unless([&] { return proceed(statement_); });
}

bool StatementExchange::retry_with_fresh_plan(const Failure& failure, bool was_begun) {
  if (!failure.server || !statement_->is_made_stale_by(*failure.server)) return false;
  session().statements().erase(*statement_);
  // The other connections of a pool have such plans, too.
  if (failure.server->sqlstate() != "26000") core().forget_types();
  if (!may_retry_ || was_begun || session().transaction() != TransactionStatus::idle) return false;
  if (!core().may_send_again(*this)) return false;
  may_retry_ = false;
  if (prepare()) return true;
  keep_error();
  return false;
}

bool StatementExchange::read_row(DataRow row, const Plan& plan) {
  if (kept_rows_.empty()) [[likely]] {
    if (rows_ < Repeats::first_row && ++rows_ == Repeats::first_row) repeats_.emplace(plan.columns());
    PyObject* record = plan.decode(row, reinterpret_cast<PyTypeObject*>(record_class_.get()),
                                   repeats_ ? &*repeats_ : nullptr);
    if (record) [[likely]]
      return take_record(record);
    if (!core().types().has_missing()) {
      forget_what_is_outdated();
      keep_error();
      return false;
    }
    PyErr_Clear();
  }
  keep_row(row);
  return true;
}

void StatementExchange::keep_row(DataRow row) {
  std::string body(sizeof(std::uint16_t), '\0');
  store_big_endian(reinterpret_cast<std::byte*>(body.data()), static_cast<std::uint16_t>(row.size()));
  kept_rows_.push_back(body.append(as_text(row.rest())));
}

// What was learnt may not be all: a row can hold several types that nobody knew, and the next row others.
bool StatementExchange::read_kept_rows() {
  if (kept_rows_.empty()) return false;
  if (core().types().has_missing()) return look_up(core().types().take_missing());
  const std::vector<std::string> rows = std::exchange(kept_rows_, {});
  const Plan& plan = *static_cast<const Plan*>(statement_->attachment());
  for (const std::string& body : rows)
    if (!read_row(DataRow(as_bytes(body)), plan)) return false;
  return read_kept_rows();
}

// A row type is not what the catalogs said: what they say now is to be asked for by the next request. A
// statement of the user's would go on reading by what they said.
void StatementExchange::forget_what_is_outdated() {
  const KeepError keep;
  const Ref outdated = exception_type("OutdatedSchemaCacheError");
  if (!outdated || !keep.matches(outdated.get())) return;
  core().forget_types();
  if (is_users_) session().retire(*statement_);
}

int StatementExchange::traverse(visitproc visit, void* arg) const {
  if (const int stop = record_class_.visit(visit, arg)) return stop;
  return Exchange::traverse(visit, arg);
}

const Failure* StatementExchange::preparation_failure() const noexcept {
  return lookup_failure() ? lookup_failure() : prepare_ ? prepare_->failure() : nullptr;
}

void StatementExchange::stop_preparing() noexcept {
  if (prepare_ && prepare_->pending()) channel().cancel(*prepare_);
  stop_looking_up();
}

}  // namespace pgstride::python
