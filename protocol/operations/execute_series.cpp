// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/operations/execute_series.hpp"

#include "pgstride/protocol/backend.hpp"
#include "pgstride/protocol/frontend.hpp"

namespace pgstride::inline v0 {

Encoded ExecuteSeries::encode(WriteBuffer& out) {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    const Statement& statement = *step.statement;
    failed_ = i;
    if (statement.state() == Statement::State::failed) {
      fail(Failure(statement.failure()));
      return Encoded::refused;
    }
    if (statement.state() == Statement::State::closed || statement.state() == Statement::State::fresh) {
      fail({Errc::invalid_argument, "the statement is not prepared"});
      return Encoded::refused;
    }
    // The unnamed statement is somebody else's by now.
    if (statement.name().empty()) frontend::parse(out, "", statement.sql(), statement.asked_types());
    {
      Message message(out, 'B');
      out.cstr("");
      out.cstr(statement.name());
      out.bytes(step.arguments);
      frontend::all_binary(out);
    }
    frontend::execute(out, "", 0);
  }
  frontend::sync(out);
  failed_ = steps_.size();
  at_ = 0;
  sink_.begin();
  begin_step();
  return Encoded::complete;
}

void ExecuteSeries::begin_step() noexcept {
  if (at_ == steps_.size()) {
    expect_ = Expect::ready;
    return;
  }
  expect_ = statement()->name().empty() ? Expect::parse_complete : Expect::bind_complete;
  sink_.go_on(steps_[at_].sink);
}

bool ExecuteSeries::on_frame(const Frame& frame) {
  if (frame.type == 'D') return on_row(frame);
  switch (expect_) {
    case Expect::parse_complete: expect_ = Expect::bind_complete; return frame.type == '1';
    case Expect::bind_complete: return frame.type == '2' && statement()->ready() && begin_result();
    case Expect::rows: {
      if (frame.type == 'I') return end_result({});
      const auto tag = frame.type == 'C' ? parse_command_complete(frame.body) : std::nullopt;
      return tag && end_result(*tag);
    }
    case Expect::ready: return frame.type == 'Z';
  }
  return false;
}

bool ExecuteSeries::begin_result() {
  expect_ = Expect::rows;
  sink_.on_columns(statement()->columns());
  return true;
}

bool ExecuteSeries::on_row(const Frame& frame) {
  if (expect_ != Expect::rows || !statement()->returns_rows()) return false;
  const std::size_t columns = statement()->columns().size();
  if (!DataRow::well_formed(frame.body, columns)) [[unlikely]]
    return statement()->name().empty() && sink_.on_misfit(frame.body, columns);
  sink_.on_row(DataRow(frame.body));
  return true;
}

bool ExecuteSeries::end_result(CommandTag tag) {
  sink_.on_complete(tag);
  ++at_;
  if (pending()) begin_step();  // its sink may have given it up
  return true;
}

// As with Execute, a statement whose preparation failed tells that, not that it does not exist.
void ExecuteSeries::on_error(std::shared_ptr<const ServerError> error) {
  failed_ = at_;
  if (at_ < steps_.size() && statement()->state() == Statement::State::failed) error = statement()->failure();
  fail(Failure(std::move(error)));
}

}  // namespace pgstride::inline v0
