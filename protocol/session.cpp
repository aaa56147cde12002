// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The sending half and the queue. The receiving half is in session_dispatch.cpp, how requests leave the queue in
// session_leaving.cpp, what is done with prepared statements in session_statements.cpp.
#include "pgstride/protocol/session.hpp"

#include <algorithm>
#include <array>

#include "pgstride/protocol/frontend.hpp"

namespace pgstride::inline v0 {
namespace {

// A bulk operation writes its next slice when less than this is waiting to be sent.
constexpr std::size_t feed_below = 64 << 10;
constexpr std::uint64_t sync_size = 5;

}  // namespace

Session::Session(SessionOptions options)
    : types_(options.types ? std::move(options.types) : std::make_shared<TypeNames>()),
      result_limits_(options.result_limits),
      in_(options.max_message_size),
      statement_prefix_(std::move(options.statement_prefix)),
      statements_(options.statement_cache_size) {
  out_.set_types(types_.get());
  staged_.set_types(types_.get());
}

Session::~Session() {
  ends_when_interrupted([&] { fail({Errc::connection_closed, "the connection was destroyed"}); });
  while (next_done()) {
  }
  queue_.clear();
  statements_.clear();
  for (Statement* s = living_statements_; s != nullptr; s = s->next_) {
    s->session_ = nullptr;
    s->state_ = Statement::State::closed;
  }
}

// --- submitting ---------------------------------------------------------------------------------

bool Session::submit(Operation& operation, Tick deadline) {
  assert(!operation.pending());
  operation.failure_.reset();
  if (failure_) {
    operation.failure_ = failure_;
    return false;
  }
  if (encoding_) {
    operation.fail({Errc::invalid_argument, "the connection cannot be used while it encodes arguments"});
    return false;
  }
  if (foreign_encoding_ && operation.flow() == Operation::Flow::extended) {
    const std::string encoding(parameters_.get("client_encoding"));
    operation.fail({Errc::invalid_argument,
                    "client_encoding is " + encoding + ", and values are sent and read as UTF-8"});
    return false;
  }
  if (!to_close_.empty()) push_close_requests();

  WriteBuffer& out = tail();
  Slot slot;
  slot.operation = &operation;
  slot.owner = Slot::Owner::operation;
  slot.flow = operation.flow();
  slot.deadline = deadline;
  slot.begin = out.position();
  slot.staged = &out == &staged_;
  const auto cut_off = [&] {
    encoding_ = false;
    out.truncate(slot.begin);
    out.take_failure();
    operation.session_ = nullptr;
    return false;
  };
  encoding_ = true;
  operation.session_ = this;
  auto encoded = Encoded::refused;
  try {
    encoded = operation.encode(out);
  } catch (...) {  // out of memory
    cut_off();
    throw;
  }
  encoding_ = false;
  if (encoded == Encoded::refused) return cut_off();
  if (out.failed()) {
    cut_off();
    operation.fail(message_too_large());
    return false;
  }
  if (failure_) {  // the user's code that it called has closed the connection
    operation.failure_ = failure_;
    return cut_off();
  }
  if (!operation.pending()) {  // or has given up this very request
    operation.fail({Errc::cancelled, {}});
    return cut_off();
  }
  slot.answered = out.position() - slot.begin == sync_size;  // a lone Sync has no other answer
  slot.preparing = StatementRef(operation.preparing());
  slot.feeding = encoded != Encoded::complete;
  try {
    queue_.push_back(std::move(slot));
  } catch (...) {
    cut_off();
    throw;
  }
  const Slot& queued = queue_.back();
  if (queued.preparing) queued.preparing->state_ = Statement::State::in_flight;
  if (queued.feeding && !queued.staged) feeding_ = true;
  return true;
}

void Session::submit_unattended(Operation& operation) {
  if (!submit(operation)) return;
  assert(!queue_.back().feeding);
  queue_.back().operation = nullptr;
  queue_.back().owner = Slot::Owner::unattended;
  operation.session_ = nullptr;
}

void Session::set_deadline(const Operation& operation, Tick deadline) noexcept {
  // Mostly the one that was submitted last.
  const auto slot =
      std::find_if(queue_.rbegin(), queue_.rend(), [&](const Slot& s) { return s.operation == &operation; });
  if (slot != queue_.rend()) slot->deadline = deadline;
}

void Session::push_close_requests() {
  WriteBuffer& out = tail();
  Slot slot;
  slot.owner = Slot::Owner::session;
  slot.begin = out.position();
  slot.staged = &out == &staged_;
  try {
    for (const std::string& name : to_close_) frontend::close_statement(out, name);
    frontend::sync(out);
    queue_.push_back(std::move(slot));
  } catch (...) {
    out.truncate(slot.begin);
    throw;
  }
  to_close_.clear();
}

Bytes Session::pending_write() noexcept {
  if (in_step()) return {};
  if (feeding_ && out_.pending().size() < feed_below) ends_when_interrupted([&] { feed(); });
  return out_.pending();
}

Session::Slot& Session::feeder() noexcept {
  return *std::find_if(queue_.begin(), queue_.end(), [](const Slot& s) { return s.feeding && !s.staged; });
}

void Session::feed() {
  while (feeding_ && out_.pending().size() < feed_below) {
    if (is_given_up(feeder())) return stop_feeding(feeder());
    encoding_ = true;
    const Encoded encoded = feeder().operation->feed(out_);
    encoding_ = false;
    if (failure_) return;  // the user's code that it called has closed the connection
    if (out_.take_failure()) return fail(message_too_large());
    if (encoded == Encoded::complete) {
      end_feeding(feeder());
    } else if (encoded == Encoded::waits && !is_given_up(feeder())) {
      return;
    }
  }
}

void Session::end_feeding(Slot& slot) {
  slot.feeding = false;
  feeding_ = false;
  unstage();
}

// The owner of a bulk operation has gone in the middle of it. End the request so that its
// ReadyForQuery comes, and undo what was done when no transaction block will. A COPY undoes itself.
void Session::stop_feeding(Slot& slot) {
  if (slot.flow == Operation::Flow::simple) {
    if (!slot.copying) return;  // should the server ask for data, it is told then
    frontend::copy_fail(out_, "the client has given up");
  } else {
    undo(&slot == &queue_.front(), out_);
    frontend::sync(out_);
  }
  end_feeding(slot);
}

void Session::break_off() noexcept {
  for (Slot& slot : queue_) {
    const bool begins_copy = slot.feeding && slot.flow == Operation::Flow::simple;
    const bool is_unread = paused_ && phase_ == Phase::running && &slot == &queue_.front();
    if (!slot.operation || slot.discarding || !(slot.copying || begins_copy || is_unread)) continue;
    slot.operation->fail({Errc::cancelled, {}});
    slot.discarding = true;
    run_of_ = 0;
    paused_ = false;
    if (slot.feeding && !slot.staged && !encoding_) return ends_when_interrupted([&] { stop_feeding(slot); });
  }
}

// Whether the server has asked for data yet or not: when it never does, it ignores a CopyFail.
void Session::break_off_copy_in(const Failure& why) noexcept {
  if (in_step()) return;
  ends_when_interrupted([&] {
    while (feeding_ && feeder().flow == Operation::Flow::simple) {
      Slot& slot = feeder();
      if (slot.operation) slot.operation->fail(why);
      slot.discarding = slot.refused = true;
      frontend::copy_fail(out_, "the client has closed the connection");
      end_feeding(slot);  // one that waited behind it feeds now
    }
  });
}

bool Session::undo(const Operation& operation, WriteBuffer& out) {
  return undo(queue_.empty() || queue_.front().operation == &operation, out);
}

// Only for the first in line is it known whether it runs in a transaction block. For the others a
// BEGIN may be on its way, and a ROLLBACK would end that block behind its owner's back. An error does
// what is right either way: alone it undoes the request, in a block it makes the block fail.
bool Session::undo(bool first_in_line, WriteBuffer& out) {
  if (first_in_line && transaction_ != TransactionStatus::idle) return false;
  frontend::one_shot(out, "ROLLBACK TO SAVEPOINT pgstride_never_set");
  return true;
}

std::uint64_t Session::hold() noexcept {
  const auto left = std::find_if(queue_.begin(), queue_.end(), [&](const Slot& s) { return unsent(s); });
  const auto answers = completed_ + static_cast<std::uint64_t>(left - queue_.begin());
  held_ = true;
  ends_when_interrupted([&] { call_back_unsent(); });
  return answers;
}

void Session::call_back_unsent() {
  const auto first =
      std::find_if(queue_.begin(), queue_.end(), [&](const Slot& s) { return !s.staged && unsent(s); });
  if (first == queue_.end()) return;

  // They go in front of what is staged already, which a bulk operation among them kept waiting.
  const Bytes called_back = out_.pending().subspan(static_cast<std::size_t>(first->begin - out_.sent()));
  const std::vector<std::byte> later(staged_.pending().begin(), staged_.pending().end());
  staged_.truncate(staged_.sent());
  const std::uint64_t from = first->begin;
  const std::uint64_t to = staged_.position();
  staged_.append(called_back);
  staged_.append(later);
  for (auto slot = first; slot != queue_.end(); ++slot) {
    slot->begin = slot->staged ? slot->begin + called_back.size() : slot->begin - from + to;
    slot->staged = true;
    if (slot->feeding) feeding_ = false;
  }
  out_.truncate(from);
}

void Session::release() noexcept {
  held_ = false;
  ends_when_interrupted([&] { unstage(); });
}

// The line is free again: what was staged moves behind what is already out. One copy of a few
// messages, paid only by requests that had to wait anyway.
void Session::unstage() {
  if (held_ || feeding_ || staged_.pending().empty()) return;
  const std::uint64_t from = staged_.sent();
  const std::uint64_t to = out_.position();
  // A staged bulk operation keeps the line from its own last byte on.
  auto stop = std::find_if(queue_.begin(), queue_.end(), [](const Slot& s) { return s.staged && s.feeding; });
  const bool feeds = stop != queue_.end();
  if (feeds) ++stop;
  const std::uint64_t end = feeds && stop != queue_.end() ? stop->begin : staged_.position();

  const auto moved = static_cast<std::size_t>(end - from);
  out_.append(staged_.pending().first(moved));
  staged_.consume(moved);
  for (auto slot = queue_.begin(); slot != stop; ++slot) {
    if (!slot->staged) continue;
    slot->staged = false;
    slot->begin = slot->begin - from + to;
    if (slot->feeding) feeding_ = true;
  }
}

}  // namespace pgstride::inline v0
