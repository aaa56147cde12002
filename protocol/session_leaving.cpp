// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// How requests leave a session's queue: abandoned, dismissed, over, or all at once with the session.
#include <algorithm>
#include <utility>

#include "pgstride/protocol/session.hpp"

namespace pgstride::inline v0 {

Session::Abandoned Session::abandon(Operation& operation) noexcept {
  if (operation.session_ != this) return Abandoned::not_pending;
  operation.session_ = nullptr;
  const auto slot =
      std::find_if(queue_.begin(), queue_.end(), [&](const Slot& s) { return s.operation == &operation; });
  if (slot == queue_.end()) {
    leave_done(operation);
    return Abandoned::not_pending;
  }
  return leave_slot(static_cast<std::size_t>(slot - queue_.begin()));
}

Session::Abandoned Session::leave_slot(std::size_t index) noexcept {
  Slot& slot = queue_[index];
  leave_awake(slot.operation);
  const bool stays = slot.operation->insists() && index + 1 < queue_.size();
  slot.operation = nullptr;
  slot.owner = stays ? Slot::Owner::unattended : Slot::Owner::nobody;
  slot.discarding = slot.discarding || slot.copying;
  run_of_ = 0;
  if (index == 0) paused_ = false;
  slot.deadline = no_deadline;
  const bool was_unsent = unsent(slot);
  withdraw_abandoned();
  if (index >= queue_.size()) return Abandoned::withdrawn;
  // A staged one is stopped when it gets the line; during an encode(), when feed() finds it.
  if (slot.feeding && !slot.staged && !encoding_) ends_when_interrupted([&] { stop_feeding(slot); });
  if (failure_) return Abandoned::not_pending;
  return was_unsent || sent_live_operations() ? Abandoned::behind : Abandoned::running;
}

std::optional<Session::Abandoned> Session::expire(Tick now) noexcept {
  const auto slot =
      std::find_if(queue_.begin(), queue_.end(), [&](const Slot& s) { return s.deadline <= now; });
  if (slot == queue_.end()) return std::nullopt;
  return dismiss(*slot, {Errc::timed_out, {}});
}

Session::Abandoned Session::dismiss(Operation& operation, Failure failure) noexcept {
  const auto slot =
      std::find_if(queue_.begin(), queue_.end(), [&](const Slot& s) { return s.operation == &operation; });
  return slot == queue_.end() ? Abandoned::not_pending : dismiss(*slot, std::move(failure));
}

Session::Abandoned Session::dismiss(Slot& slot, Failure failure) noexcept {
  Operation* operation = slot.operation;
  const bool has_begun = !unsent(slot);
  const bool may_run = !slot.errored && phase_ == Phase::running;
  operation->fail(std::move(failure));
  const auto at = std::find_if(queue_.begin(), queue_.end(), [&](const Slot& s) { return &s == &slot; });
  const Abandoned abandoned = leave_slot(static_cast<std::size_t>(at - queue_.begin()));
  // What others stand behind is still going to be sent. And it may have failed before, while the server went on.
  if (may_run && (has_begun || abandoned == Abandoned::behind))
    operation->failure_ = with_outcome_unknown(operation->failure_);
  join_done(*operation);
  return abandoned;
}

Tick Session::next_deadline() const noexcept {
  Tick next = no_deadline;
  for (const Slot& slot : queue_) next = std::min(next, slot.deadline);
  return next;
}

// Cuts requests that nobody waits for off the end of what was not sent yet, so that they never run.
void Session::withdraw_abandoned() noexcept {
  if (encoding_) return;  // somebody is writing there
  while (!queue_.empty() && queue_.back().owner == Slot::Owner::nobody && unsent(queue_.back())) {
    const Slot slot = std::move(queue_.back());  // its end may have the last word of somebody's code
    queue_.pop_back();
    (slot.staged ? staged_ : out_).truncate(slot.begin);
    if (slot.feeding && !slot.staged) feeding_ = false;
    if (slot.preparing) {
      slot.preparing->state_ = Statement::State::fresh;
      statements_.erase(*slot.preparing);
    }
  }
}

bool Session::runs_for_nobody() const noexcept {
  return !sent_live_operations() && std::any_of(queue_.begin(), queue_.end(), [&](const Slot& slot) {
    return slot.owner == Slot::Owner::nobody && !unsent(slot);
  });
}

bool Session::sent_live_operations() const noexcept {
  return std::any_of(queue_.begin(), queue_.end(), [&](const Slot& slot) {
    return slot.owner == Slot::Owner::operation && !slot.operation->gives_way() && !unsent(slot);
  });
}

void Session::join_done(Operation& operation) noexcept {
  operation.next_done_ = nullptr;
  (first_done_ ? last_done_->next_done_ : first_done_) = &operation;
  last_done_ = &operation;
}

void Session::leave_done(const Operation& operation) noexcept {
  Operation* before = nullptr;
  for (Operation** at = &first_done_; *at != nullptr; before = *at, at = &before->next_done_) {
    if (*at != &operation) continue;
    *at = operation.next_done_;
    if (last_done_ == &operation) last_done_ = before;
    return;
  }
}

Operation* Session::next_done() noexcept {
  Operation* operation = first_done_;
  if (operation == nullptr) return nullptr;
  first_done_ = operation->next_done_;
  operation->session_ = nullptr;
  return operation;
}

Operation* Session::next_awake() noexcept {
  if (awake_.empty()) return nullptr;
  Operation* operation = awake_.back();
  awake_.pop_back();
  return operation;
}

void Session::wake(Operation& operation) {
  if (std::find(awake_.begin(), awake_.end(), &operation) == awake_.end()) awake_.push_back(&operation);
}

void Session::fail(Failure failure) noexcept {
  if (failure_) return;
  failure_ = keep(std::move(failure));
  FailureRef unknown;
  feeding_ = paused_ = false;
  run_of_ = 0;
  awake_.clear();
  while (!queue_.empty()) {
    const Slot slot = std::move(queue_.front());  // its end may have the last word of somebody's code
    queue_.pop_front();
    if (slot.owner != Slot::Owner::operation) continue;
    const bool is_unknown = !unsent(slot) && !slot.errored && phase_ == Phase::running;
    if (is_unknown && !unknown) unknown = with_outcome_unknown(failure_);
    if (!slot.operation->failure_) slot.operation->failure_ = is_unknown ? unknown : failure_;
    join_done(*slot.operation);
  }
}

bool Session::quiescent() const noexcept {
  return !failure_ && !held_ && queue_.empty() && !first_done_ && in_.unread() == 0;
}

}  // namespace pgstride::inline v0
