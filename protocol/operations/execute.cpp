// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/operations/execute.hpp"

#include "pgstride/protocol/backend.hpp"
#include "pgstride/protocol/frontend.hpp"
#include "pgstride/protocol/session.hpp"

namespace pgstride::inline v0 {
namespace {

constexpr std::size_t no_rows = SIZE_MAX;  // of a statement without a result set
constexpr std::size_t unknown = SIZE_MAX - 1;

}  // namespace

void Execute::encode_result_formats(WriteBuffer& out) { frontend::all_binary(out); }

Encoded Execute::encode(WriteBuffer& out) {
  switch (statement_->state()) {
    case Statement::State::failed: fail(Failure(statement_->failure())); return Encoded::refused;
    case Statement::State::closed:
      fail({Errc::invalid_argument, "the prepared statement is closed"});
      return Encoded::refused;
    default: break;
  }
  sink_.begin();
  columns_ = unknown;  // the statement may be described only when the replies come
  suspended_ = false;
  rows_left_ = step_.row_limit;
  parses_ = statement_->state() == Statement::State::fresh;
  const bool parses_again = statement_->ready() && statement_->name().empty() && step_.bind;
  if (parses_ || parses_again)
    frontend::parse(out, statement_->name(), statement_->sql(), statement_->asked_types());
  if (parses_) frontend::describe_statement(out, statement_->name());
  if (step_.bind) {
    Message message(out, 'B');
    out.cstr(step_.portal);
    out.cstr(statement_->name());
    if (!encode_arguments(out)) return Encoded::refused;
    encode_result_formats(out);
  }
  if (step_.execute && step_.portal.empty() && step_.row_limit == 0 && !step_.close) {
    frontend::execute_all_and_sync(out);
  } else {
    if (step_.execute) frontend::execute(out, step_.portal, step_.row_limit);
    if (step_.close) frontend::close_portal(out, step_.portal);
    frontend::sync(out);
  }

  expect_ = parses_again    ? Expect::parse_complete
            : step_.bind    ? Expect::bind_complete
            : step_.execute ? Expect::rows
                            : Expect::close_complete;
  return Encoded::complete;
}

bool Execute::on_frame(const Frame& frame) {
  if (frame.type == 'D') [[likely]]
    return on_row(frame);
  switch (expect_) {
    case Expect::parse_complete: expect_ = Expect::bind_complete; return frame.type == '1';
    case Expect::bind_complete: return frame.type == '2' && statement_->ready() && begin_result();
    case Expect::rows:
      switch (frame.type) {
        case 'C': {
          const auto tag = parse_command_complete(frame.body);
          if (!tag) return false;
          return on_end(*tag);
        }
        case 'I': return on_end({});
        case 's': suspended_ = true; return step_.row_limit != 0 && on_end({});
        default: return false;
      }
    case Expect::close_complete: expect_ = Expect::ready; return frame.type == '3';
    case Expect::ready: return frame.type == 'Z';
  }
  return false;
}

bool Execute::on_run(Frame& frame) {
  Session& session = *this->session();  // for after the last row that is wanted
  do {
    if (!on_row(frame)) return false;
  } while (session.next_of_run(frame));
  return true;
}

void Execute::know_columns() noexcept {
  columns_ = statement_->returns_rows() ? statement_->columns().size() : no_rows;
}

bool Execute::begin_result() {
  know_columns();
  expect_ = step_.execute ? Expect::rows : step_.close ? Expect::close_complete : Expect::ready;
  sink_.on_columns(statement_->columns());
  return true;
}

inline bool Execute::on_row(const Frame& frame) {
  if (columns_ == unknown) [[unlikely]]
    know_columns();
  if (expect_ != Expect::rows) return false;
  if (step_.row_limit != 0 && rows_left_-- == 0) return false;
  if (!DataRow::well_formed(frame.body, columns_)) [[unlikely]]
    return statement_->name().empty() && columns_ != no_rows && sink_.on_misfit(frame.body, columns_);
  sink_.on_row(DataRow(frame.body));
  return true;
}

bool Execute::on_end(CommandTag tag) {
  expect_ = step_.close ? Expect::close_complete : Expect::ready;
  sink_.on_complete(tag);
  return true;
}

// A request that relied on a Parse in front of it inherits that Parse's failure, instead of telling
// that its statement does not exist.
void Execute::on_error(std::shared_ptr<const ServerError> error) {
  if (statement_->state() == Statement::State::failed) error = statement_->failure();
  fail(Failure(std::move(error)));
}

}  // namespace pgstride::inline v0
