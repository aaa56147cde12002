// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/pool_core.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <utility>

#include "pgstride/driver/backoff.hpp"

namespace pgstride::inline v0 {
namespace {

// A reset is one round trip. One that takes longer than this may never end: those who count on it look
// for another connection.
constexpr Duration reset_patience = std::chrono::seconds(1);

// Park's and Miller's generator, as std::minstd_rand is. (<random> is a burden to whoever includes it, and a
// pool's header is included by all.)
constexpr std::uint64_t random_modulus = 2147483647;

}  // namespace

PoolCore::PoolCore(const PoolLimits& limits)
    : limits_(limits),
      slots_(std::max<std::size_t>(limits.max_size, 1)),
      empty_(slots_.size()),
      random_(limits.seed % (random_modulus - 1) + 1) {
  std::iota(empty_.begin(), empty_.end(), Slot{0});
  idle_.reserve(slots_.size());
  doomed_.reserve(slots_.size());
}

// --- states -------------------------------------------------------------------------------------

std::size_t& PoolCore::count_of(State state) noexcept {
  switch (state) {
    case State::connecting: return counts_.connecting;
    case State::idle: return counts_.idle;
    case State::checking: return counts_.checking;
    case State::leased: return counts_.leased;
    case State::resetting: return counts_.resetting;
    default: return counts_.retiring;
  }
}

void PoolCore::enter(Slot slot, State state, TimePoint now) noexcept {
  SlotData& data = slots_[slot];
  if (data.state != State::empty) --count_of(data.state);
  // What leaves is mostly what came last.
  const auto leave = [slot](std::vector<Slot>& list) {
    const auto place = std::find(list.rbegin(), list.rend(), slot);
    if (place != list.rend()) list.erase(std::next(place).base());
  };
  if (data.state == State::idle) leave(idle_);
  if (data.state == State::empty) leave(empty_);
  if (data.state == State::retiring) leave(doomed_);
  data.state = state;
  data.since = now;
  if (state == State::idle) idle_.push_back(slot);
  if (state == State::empty) empty_.push_back(slot);
  if (state != State::empty) ++count_of(state);
}

double PoolCore::random_part() {
  random_ = random_ * 48271 % random_modulus;
  return static_cast<double>(random_) / random_modulus;
}

bool PoolCore::open(Slot slot) {
  if (state(slot) != State::empty) return false;
  slots_[slot].owned = false;
  enter(slot, State::connecting);
  return true;
}

void PoolCore::connected(Slot slot, TimePoint now) {
  assert(state(slot) == State::connecting);
  SlotData& data = slots_[slot];
  ++counts_.opened;
  failures_ = 0;
  backoff_ends_ = TimePoint::min();
  data.generation = generation_;
  data.lifetime_ends = never;
  if (limits_.max_lifetime != unlimited) {
    const double part = 1 - random_part() / 10;
    data.lifetime_ends =
        deadline_after(now, std::chrono::duration_cast<Duration>(limits_.max_lifetime * part));
  }
  asks(slot);
  if (!std::exchange(data.owned, false)) return ready(slot, now);
  data.trusted = data.asked;
  enter(slot, State::leased, now);
}

void PoolCore::called_off(Slot slot) {
  assert(state(slot) == State::connecting);
  enter(slot, State::empty);
}

void PoolCore::failed(Slot slot, TimePoint now) {
  called_off(slot);
  ++counts_.failed;
  const Duration backoff = doubled_pause(++failures_, limits_.first_backoff, limits_.longest_backoff);
  backoff_ends_ = deadline_after(now, std::chrono::duration_cast<Duration>(backoff * random_part()));
}

bool PoolCore::release(Slot slot, TimePoint now, Reset reset) {
  assert(state(slot) == State::leased);
  const bool keeps = !closing_ && !has_outlived(slots_[slot], now);
  if (!keeps) ++counts_.retired;
  slots_[slot].reset = reset;
  enter(slot, keeps ? State::resetting : State::retiring, now);
  return keeps;
}

void PoolCore::ready(Slot slot, TimePoint now) {
  SlotData& data = slots_[slot];
  data.trusted = data.asked;
  data.heard = round_;
  enter(slot, State::idle, now);
  note_due(deadline_after(now, limits_.max_idle));
  note_due(data.lifetime_ends);
}

void PoolCore::retire(Slot slot) {
  ++counts_.retired;
  enter(slot, State::retiring);
}

void PoolCore::doom(Slot slot) {
  retire(slot);
  doomed_.push_back(slot);
}

void PoolCore::gone(Slot slot) {
  if (state(slot) == State::empty) return;
  if (state(slot) != State::retiring) ++counts_.lost;
  enter(slot, State::empty);
}

void PoolCore::gone_before_use(Slot slot) {
  assert(state(slot) == State::leased && limits_.waiters_connect);
  ++counts_.lost;
  slots_[slot].owned = true;
  enter(slot, State::connecting);
}

bool PoolCore::has_outlived(const SlotData& data, TimePoint now) const noexcept {
  return data.generation != generation_ || (data.lifetime_ends <= now && !was_just_heard(data));
}

std::string_view PoolCore::end_reason(Slot slot, TimePoint now) const noexcept {
  const SlotData& data = slots_[slot];
  if (closing_) return "the pool was closed";
  if (data.generation != generation_) return "expired";
  return data.lifetime_ends <= now ? "too old" : "idle for too long";
}

bool PoolCore::needs_check(const SlotData& data, TimePoint now) const noexcept {
  if (data.trusted != suspicion_) return true;
  return deadline_after(data.since, limits_.check_after) <= now && !was_just_heard(data);
}

// --- waiters ------------------------------------------------------------------------------------

std::optional<PoolCore::Slot> PoolCore::take(TimePoint now) {
  if (first_ || closing_ || idle_.empty()) return std::nullopt;
  const Slot slot = idle_.back();
  if (has_outlived(slots_[slot], now) || needs_check(slots_[slot], now)) return std::nullopt;
  enter(slot, State::leased, now);
  ++counts_.handed_out;
  return slot;
}

// Whoever is about to have a slot that nobody else has is not waiting for others.
bool PoolCore::is_full() const noexcept {
  if (limits_.max_waiting == 0) return false;
  const std::size_t taken = counts_.leased + (limits_.waiters_connect ? counts_.connecting : 0);
  return counts_.waiting >= limits_.max_waiting + (slots_.size() - taken);
}

void PoolCore::acquire(Waiter& waiter, TimePoint deadline) {
  assert(!waiter.waiting_);
  waiter.waiting_ = true;
  waiter.refused_ = false;
  waiter.excess_ = is_full();
  waiter.deadline_ = deadline;
  waiter.next_ = nullptr;
  waiter.previous_ = last_;
  (last_ ? last_->next_ : first_) = &waiter;
  last_ = &waiter;
  ++counts_.waiting;
  earliest_deadline_ = std::min(earliest_deadline_, deadline);
  note_due(deadline);
}

void PoolCore::abandon(Waiter& waiter) noexcept {
  if (waiter.waiting_) unlink(waiter);
}

void PoolCore::refuse_waiting() noexcept {
  if (counts_.size() > 0) return;
  for (Waiter* waiter = first_; waiter; waiter = waiter->next_) waiter->refused_ = true;
}

void PoolCore::unlink(Waiter& waiter) noexcept {
  (waiter.previous_ ? waiter.previous_->next_ : first_) = waiter.next_;
  (waiter.next_ ? waiter.next_->previous_ : last_) = waiter.previous_;
  waiter.next_ = waiter.previous_ = nullptr;
  waiter.waiting_ = false;
  --counts_.waiting;
}

PoolCore::Waiter& PoolCore::pop_waiter() noexcept {
  Waiter& waiter = *first_;
  unlink(waiter);
  return waiter;
}

// --- deciding -----------------------------------------------------------------------------------

std::optional<PoolCore::Action> PoolCore::next_action(TimePoint now) {
  if (auto refusal = refuse_somebody(now)) return refusal;
  while (closing_ && !idle_.empty()) doom(idle_.back());
  if (!doomed_.empty()) {
    const Slot slot = doomed_.back();
    doomed_.pop_back();
    return Action{Action::Kind::retire, slot};
  }
  if (auto served = serve_from_idle(now)) return served;
  auto filling = fill_a_slot(now);
  if (!filling) ++round_;
  return filling;
}

std::optional<PoolCore::Action> PoolCore::refuse_somebody(TimePoint now) {
  if (first_ && (closing_ || first_->refused_)) {
    ++counts_.refused;
    return Action{Action::Kind::refuse, 0, &pop_waiter()};
  }
  if (last_ && last_->excess_) {
    ++counts_.refused;
    Waiter& last = *last_;
    unlink(last);
    return Action{Action::Kind::refuse_full, 0, &last};
  }
  if (now < earliest_deadline_) return std::nullopt;
  earliest_deadline_ = never;
  for (Waiter* waiter = first_; waiter; waiter = waiter->next_) {
    if (waiter->deadline_ > now) {
      earliest_deadline_ = std::min(earliest_deadline_, waiter->deadline_);
      continue;
    }
    earliest_deadline_ = now;  // there may be more
    unlink(*waiter);
    ++counts_.refused;
    return Action{Action::Kind::refuse_late, 0, waiter};
  }
  note_due(earliest_deadline_);
  return std::nullopt;
}

std::optional<PoolCore::Action> PoolCore::serve_from_idle(TimePoint now) {
  if (counts_.waiting <= counts_.checking || idle_.empty()) return std::nullopt;
  const Slot slot = idle_.back();
  if (has_outlived(slots_[slot], now)) {
    retire(slot);
    return Action{Action::Kind::retire, slot};
  }
  if (needs_check(slots_[slot], now)) {
    enter(slot, State::checking, now);
    asks(slot);
    return Action{Action::Kind::check, slot};
  }
  enter(slot, State::leased, now);
  ++counts_.handed_out;
  return Action{Action::Kind::hand, slot, &pop_waiter()};
}

// How many waiters may count on a connection that is being reset.
std::size_t PoolCore::resets_soon_over(TimePoint now) noexcept {
  std::size_t count = 0;
  for (const SlotData& data : slots_) {
    if (data.state != State::resetting || data.reset == Reset::slow || data.since + reset_patience <= now)
      continue;
    ++count;
    note_due(data.since + reset_patience);
  }
  return count;
}

std::optional<PoolCore::Action> PoolCore::fill_a_slot(TimePoint now) {
  if (empty_.empty() || closing_) return std::nullopt;
  const Slot slot = empty_.back();
  std::size_t served = counts_.checking;
  if (counts_.waiting > served) served += resets_soon_over(now);
  if (counts_.waiting > served && limits_.waiters_connect) {
    slots_[slot].owned = true;
    enter(slot, State::connecting);
    ++counts_.handed_out;
    return Action{Action::Kind::hand, slot, &pop_waiter()};
  }
  const bool somebody_waits = counts_.waiting > served + counts_.connecting;
  const bool below_floor = limits_.keeps_min_size && counts_.size() + counts_.connecting < limits_.min_size;
  if ((!somebody_waits && !below_floor) ||
      counts_.connecting >= std::max<std::size_t>(limits_.max_connecting, 1))
    return std::nullopt;
  if (now < backoff_ends_) {
    note_due(backoff_ends_);
    return std::nullopt;
  }
  open(slot);
  return Action{Action::Kind::connect, slot};
}

// --- time ---------------------------------------------------------------------------------------

void PoolCore::tick(TimePoint now) {
  ++round_;
  if (now < due_) return;
  due_ = never;
  if (earliest_deadline_ > now) note_due(earliest_deadline_);
  // The one that has been idle for longest comes first.
  for (std::size_t i = 0; i < idle_.size();) {
    const Slot slot = idle_[i];
    const SlotData& data = slots_[slot];
    const TimePoint idle_ends = deadline_after(data.since, limits_.max_idle);
    if (has_outlived(data, now) || (idle_ends <= now && may_shrink())) {
      doom(slot);  // leaves idle_
    } else {
      ++i;
      // What is kept for min_size alone is looked at again when something else is due.
      if (idle_ends > now) note_due(idle_ends);
      note_due(data.lifetime_ends);
    }
  }
}

}  // namespace pgstride::inline v0
