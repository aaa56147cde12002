// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The receiving half of Session: every frame finds its one owner, or ends the connection.
#include <algorithm>
#include <string>

#include "pgstride/protocol/frontend.hpp"
#include "pgstride/protocol/session.hpp"

namespace pgstride::inline v0 {
namespace {

std::string name_of(const Frame& frame) {
  std::string text = message_name(frame.type);
  const auto byte = static_cast<unsigned char>(frame.type);
  const bool printable = byte > 0x20 && byte < 0x7f;
  constexpr std::string_view digits = "0123456789abcdef";
  text.append(printable ? std::string{' ', '\'', frame.type, '\''}
                        : std::string{' ', '0', 'x', digits[byte / 16], digits[byte % 16]});
  return text;
}

// Replies to Parse and Describe belong to the statement that is being prepared.
bool describes_statement(const Frame& frame) noexcept {
  return frame.type == '1' || frame.type == 't' || frame.type == 'T' || frame.type == 'n';
}

bool drops_statements(const Frame& frame) noexcept {
  if (frame.type != 'C') return false;
  const auto tag = parse_command_complete(frame.body);
  return tag && tag->drops_statements();
}

// As different servers call it; SQL_ASCII is none, the bytes come as they are.
bool means_utf8(std::string_view encoding) noexcept {
  return encoding == "UTF8" || encoding == "UTF-8" || encoding == "utf-8" || encoding == "UNICODE" ||
         encoding == "SQL_ASCII";
}

// What a request that nobody waits for any more may still bring.
bool swallowable(const Frame& frame) noexcept {
  switch (frame.type) {
    case 'D':
    case 'C':
    case 'T':
    case 't':
    case 'n':
    case '1':
    case '2':
    case '3':
    case 's':
    case 'I': return true;
    default: return false;
  }
}

}  // namespace

std::span<std::byte> Session::prepare_read() noexcept {
  std::span<std::byte> space;
  ends_when_interrupted([&] { space = in_.prepare(); });
  if (failure()) return {};  // g++ 12, optimizing, has forgotten by now that `space` was empty
  return space;
}

void Session::commit_read(std::size_t count) noexcept {
  in_.commit(count);
  ends_when_interrupted([&] { parse(); });
}

void Session::read_on() noexcept {
  paused_ = false;
  if (!in_step()) ends_when_interrupted([&] { parse(); });
}

void Session::parse() {
  parsing_ = true;
  parse_frames();
  parsing_ = false;
}

void Session::parse_frames() {
  Frame frame;
  stopped_ = paused_;
  while (!failure_ && !paused_) {
    if (next_of_run(frame)) {
      if (!run_to_->on_run(frame)) violation(frame, "is malformed or out of order");
      continue;
    }
    switch (in_.next(frame, phase_)) {
      case ReadBuffer::Next::frame:
        run_of_ = 0;
        dispatch(frame);
        break;
      case ReadBuffer::Next::need_more: return;
      case ReadBuffer::Next::illegal_type:
        return violation(frame, "is not allowed in this phase of the connection");
      case ReadBuffer::Next::illegal_length:
        return violation(frame,
                         "announces an impossible length of " + std::to_string(in_.announced_length()));
      case ReadBuffer::Next::over_limit:
        return fail({Errc::limit_exceeded, name_of(frame) + " of " + std::to_string(in_.announced_length()) +
                                               " bytes exceeds max_message_size"});
    }
  }
}

void Session::dispatch(const Frame& frame) {
  switch (frame.type) {
    case 'Z': return on_ready(frame);
    case 'E': return on_error(frame);
    case 'A':
    case 'N':
    case 'S': return on_asynchronous(frame);
    case 'G':
    case 'H':
    case 'W':
    case 'd':
    case 'c': return on_copy(frame);
    default: return on_reply(frame);
  }
}

// The slot whose turn it is, if it may receive a reply at all.
Session::Slot* Session::front_awaiting(const Frame& frame) {
  if (queue_.empty() || unsent(queue_.front()))
    return violation(frame, "came although nothing was asked"), nullptr;
  Slot& slot = queue_.front();
  if (slot.errored && frame.type != 'Z') return violation(frame, "came after an ErrorResponse"), nullptr;
  return &slot;
}

void Session::on_reply(const Frame& frame) {
  Slot* slot = front_awaiting(frame);
  if (!slot) return;
  slot->answered = true;
  if (drops_statements(frame)) forget_statements();
  if (slot->preparing && slot->preparing->state() == Statement::State::in_flight &&
      describes_statement(frame)) {
    if (!slot->preparing->on_frame(frame)) violation(frame, "is malformed or out of order");
  } else if (slot->operation && !slot->discarding) {
    if (frame.type == 'D' && !std::exchange(slot->in_rows, true)) {
      slot->operation->on_first_row();
      if (failure_ || !slot->operation) return;
    }
    if (!slot->operation->on_frame(frame)) return violation(frame, "is malformed or out of order");
    if (frame.type == 'D') begin_run(*slot, frame);
  } else if (slot->owner == Slot::Owner::session ? frame.type != '3' : !swallowable(frame)) {
    violation(frame, "is out of order");
  }
}

void Session::on_ready(const Frame& frame) {
  const auto status = parse_ready_for_query(frame.body);
  if (!status) return violation(frame, "has an unknown transaction status");
  Slot* slot = front_awaiting(frame);
  if (!slot) return;
  if (slot->operation && !slot->errored && !slot->discarding && !slot->operation->on_frame(frame))
    return violation(frame, "came before the end of the reply");
  if (failure_) return;  // the operation has seen enough of this server
  const bool undescribed = slot->preparing && slot->preparing->state() == Statement::State::in_flight;
  if (!slot->errored && !slot->discarding && (!slot->answered || undescribed))
    return violation(frame, "came before the end of the reply");
  // Only the simple protocol ends a request by itself, after an error in a COPY or when there is none.
  if (slot->feeding && slot->flow != Operation::Flow::simple)
    return violation(frame, "came before the end of the request");

  transaction_ = *status;
  phase_ = Phase::running;
  ++completed_;
  if (slot->operation) {
    leave_awake(slot->operation);
    join_done(*slot->operation);
  }
  if (slot->feeding) feeding_ = false;
  // The end of a statement may have the last word of somebody's code.
  const StatementRef preparing = std::move(slot->preparing);
  queue_.pop_front();
  if (!staged_.pending().empty()) unstage();
}

void Session::on_error(const Frame& frame) {
  std::shared_ptr<const ServerError> error = ServerError::parse(frame.body);
  if (!error) return violation(frame, "is malformed");
  // Nobody asked, or a second error for the same request: only a session that ends may say so.
  const bool expected = !queue_.empty() && !unsent(queue_.front()) && !queue_.front().errored;
  if (!expected && !error->is_fatal()) return violation(frame, "came although nothing was asked", error);

  const bool ends_session = error->is_fatal() || phase_ != Phase::running;
  if (expected) {
    Slot& slot = queue_.front();
    slot.errored = true;
    if (slot.preparing && slot.preparing->state() == Statement::State::in_flight) {
      slot.preparing->state_ = Statement::State::failed;
      slot.preparing->failure_ = error;
      statements_.erase(*slot.preparing);
    }
    if (slot.operation && !slot.discarding) slot.operation->on_error(error);
  }
  if (!ends_session) return;
  Failure failure{Errc::connection_lost, "the server ended the session"};
  failure.server = std::move(error);
  fail(std::move(failure));
}

// COPY is spoken by operations made for it. Any other request that turns out to start one is
// answered at once, so that neither side waits for the other (R-Y1).
void Session::on_copy(const Frame& frame) {
  Slot* slot = front_awaiting(frame);
  if (!slot) return;
  if (frame.type == 'd' || frame.type == 'c') {
    if (slot->discarding) return;
    if (!slot->copying || !slot->operation->on_frame(frame)) return violation(frame, "is out of order");
    if (frame.type == 'd') begin_run(*slot, frame);
    return;
  }
  if (frame.type == 'W') return violation(frame, "is out of order");
  const auto response = parse_copy_response(frame.type, frame.body);
  if (!response) return violation(frame, "is malformed");
  if (slot->operation && !slot->discarding && slot->operation->on_copy(*response)) {
    if (failure_) return;
    slot->copying = true;
    slot->discarding = !slot->operation;  // given up by the code that was told of it
  } else if (response->to_server) {
    refuse_copy_in(*slot);
  } else {
    refuse_copy(*slot, "COPY … TO STDOUT needs one of the copy calls");
  }
}

void Session::refuse_copy_in(Slot& slot) {
  if (slot.refused) return;
  refuse_copy(slot, "COPY … FROM STDIN needs one of the copy calls");
  // While it waits for data, the server takes any further request for a mistake or ignores it.
  if (queue_.size() > 1 && !queue_[1].staged)
    return fail({Errc::connection_lost, "COPY … FROM STDIN was started with other requests behind it"});
  frontend::copy_fail(out_,
                      slot.owner == Slot::Owner::nobody ? "the client has given up" : "not a copy call");
  // The Sync that was sent with the request was swallowed by the COPY.
  if (slot.flow == Operation::Flow::extended) frontend::sync(out_);
  if (slot.feeding) end_feeding(slot);
}

// Frames of a kind that mostly come in long runs then go straight to the operation, unless it has ended the
// session, and the slot with it, or was given up.
void Session::begin_run(const Slot& slot, const Frame& frame) noexcept {
  if (failure_ || is_given_up(slot)) return;
  run_to_ = slot.operation;
  run_of_ = frame.type;
}

void Session::refuse_copy(Slot& slot, const char* why) {
  slot.discarding = true;
  if (slot.operation) slot.operation->fail({Errc::copy_not_expected, why});
}

void Session::on_asynchronous(const Frame& frame) {
  switch (frame.type) {
    case 'S': {
      const auto status = parse_parameter_status(frame.body);
      if (!status) return violation(frame, "is malformed");
      if (status->name == "client_encoding") {
        if (awaits_in_another_encoding(status->value)) return;
        foreign_encoding_ = !means_utf8(status->value);
      }
      if (!parameters_.set(status->name, status->value))
        return fail({Errc::limit_exceeded, "the server reports more parameters than any server has"});
      if (events_) events_->on_parameter(*status);
      return;
    }
    case 'A': {
      const auto notification = parse_notification(frame.body);
      if (!notification) return violation(frame, "is malformed");
      if (events_) events_->on_notification(*notification);
      return;
    }
    default: {
      const std::shared_ptr<const ServerError> notice = ServerError::parse(frame.body);
      if (!notice) return violation(frame, "is malformed");
      if (!queue_.empty() && !unsent(queue_.front()) && queue_.front().operation)
        queue_.front().operation->on_notice(notice);
      if (events_) events_->on_notice(*notice);
      return;
    }
  }
}

// What was written behind the request that changes client_encoding means something else to the server now.
bool Session::awaits_in_another_encoding(std::string_view encoding) noexcept {
  const std::string_view before = parameters_.get("client_encoding");
  const auto is_live = [](const Slot& slot) { return slot.operation != nullptr; };
  if (before.empty() || before == encoding || queue_.size() < 2 ||
      std::none_of(queue_.begin() + 1, queue_.end(), is_live))
    return false;
  ends_when_interrupted([&] {
    fail({Errc::connection_lost, "client_encoding became " + std::string(encoding) +
                                     " before requests that were written in " + std::string(before)});
  });
  return true;
}

void Session::violation(const Frame& frame, std::string_view why, std::shared_ptr<const ServerError> cause) {
  Failure failure{Errc::protocol_violation, name_of(frame)};
  failure.detail.append(" (").append(std::to_string(frame.body.size())).append(" bytes) ").append(why);
  failure.server = std::move(cause);
  fail(std::move(failure));
}

}  // namespace pgstride::inline v0
