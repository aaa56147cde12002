// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/operations/execute_many.hpp"

#include <utility>

#include "pgstride/protocol/backend.hpp"
#include "pgstride/protocol/frontend.hpp"
#include "pgstride/protocol/session.hpp"

namespace pgstride::inline v0 {
namespace {

constexpr std::uint64_t slice = 128 << 10;  // bytes written per feed()

}  // namespace

void ExecuteMany::encode_result_formats(WriteBuffer& out) { frontend::all_binary(out); }

Encoded ExecuteMany::encode(WriteBuffer& out) {
  sink_.begin();
  bound_ = executed_ = 0;
  in_rows_ = errored_ = undoing_ = false;
  undone_ = 0;
  // The unnamed statement is parsed anew: see Execute.
  parses_ = statement_->name().empty();
  if (parses_) frontend::parse(out, "", statement_->sql(), statement_->asked_types());
  return feed(out);
}

Encoded ExecuteMany::feed(WriteBuffer& out) {
  const std::uint64_t slice_begin = out.position();
  std::uint64_t slice_bound = 0;
  while (!errored_ && out.position() - slice_begin < slice) {
    const std::uint64_t begin = out.position();
    Arguments arguments;
    {
      Message message(out, 'B');
      out.cstr("");
      out.cstr(statement_->name());
      arguments = encode_arguments(out);
      if (arguments == Arguments::row) encode_result_formats(out);
    }
    if (out.take_failure()) {
      fail(message_too_large());
      arguments = Arguments::failed;
    }
    if (!pending()) {  // given up by the code that was asked for the arguments: the session ends it here
      out.truncate(begin);
      return Encoded::more;
    }
    if (arguments == Arguments::end) {
      out.truncate(begin);
      bound_ += slice_bound;
      return end(out);
    }
    if (arguments == Arguments::failed) {
      // The slice at hand is dropped. What went before it stays inside a transaction block, whose
      // owner decides; without one, nothing may remain.
      out.truncate(slice_begin);
      undoing_ = bound_ > 0 && session()->undo(*this, out);
      return end(out);
    }
    frontend::execute(out, "", 0);
    ++slice_bound;
  }
  if (errored_) return end(out);
  bound_ += slice_bound;
  return Encoded::more;
}

Encoded ExecuteMany::end(WriteBuffer& out) {
  frontend::sync(out);
  return Encoded::complete;
}

bool ExecuteMany::on_frame(const Frame& frame) {
  if (parses_) return frame.type == '1' && std::exchange(parses_, false);
  if (undoing_ && executed_ == bound_)  // ParseComplete, BindComplete and then the error
    return undone_ < 2 && frame.type == "12"[undone_++];
  switch (frame.type) {
    case 'D': return on_row(frame);
    case '2': return !std::exchange(in_rows_, true) && executed_ < bound_;
    case 'C':
    case 'I': {
      CommandTag tag;
      if (frame.type == 'C') {
        const auto parsed = parse_command_complete(frame.body);
        if (!parsed) return false;
        tag = *parsed;
      }
      ++executed_;
      if (!std::exchange(in_rows_, false)) return false;
      sink_.on_complete(tag);
      return true;
    }
    case 'Z': return executed_ == bound_;
    default: return false;
  }
}

bool ExecuteMany::on_row(const Frame& frame) {
  const std::size_t columns = statement_->columns().size();
  if (!in_rows_) return false;
  if (!DataRow::well_formed(frame.body, columns)) [[unlikely]]
    return statement_->name().empty() && sink_.on_misfit(frame.body, columns);
  sink_.on_row(DataRow(frame.body));
  return true;
}

void ExecuteMany::on_error(std::shared_ptr<const ServerError> error) {
  errored_ = true;
  if (undoing_ && executed_ == bound_) return;  // asked for; the head has the reason
  Operation::on_error(std::move(error));
}

}  // namespace pgstride::inline v0
