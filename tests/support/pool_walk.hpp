// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A pool's decisions under any order of events, beside a model that knows only who has what.
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pgstride/driver/pool_core.hpp"

#include "tests/support/dice.hpp"

namespace pgstride::test {

using namespace std::chrono_literals;

class PoolWalk {
 public:
  /// `dice` outlive the walk.
  explicit PoolWalk(Dice& dice) : dice_(dice), limits_(any_limits()), core_(limits_) {
    for (Slot slot = 0; slot < core_.max_size(); ++slot) states_[slot] = State::empty;
  }

  /// At most so many steps, and no more than there are dice; then everything is closed. Empty when all went
  /// well, else what did not hold, and the events that led there.
  std::string run(int steps) {
    for (int i = 0; i < steps && !dice_.spent() && complaint_.empty(); ++i) {
      step();
      pull();
      check();
    }
    if (complaint_.empty()) close();
    if (complaint_.empty()) return {};
    std::string text = complaint_ + "\nafter:";
    for (const std::string& event : events_) (text += "\n  ") += event;
    return text;
  }

 private:
  using Slot = PoolCore::Slot;
  using State = PoolCore::State;
  using Kind = PoolCore::Action::Kind;

  struct Person {
    PoolCore::Waiter waiter;
    int number = 0;
    TimePoint deadline = never;
    bool is_excess = false;  // too many waited already
    bool given_up = false;   // by refuse_waiting()
  };

  PoolLimits any_limits() {
    PoolLimits limits;
    limits.max_size = 1 + roll(5);
    limits.min_size = roll(limits.max_size + 1);
    limits.keeps_min_size = roll(2) == 0;
    limits.waiters_connect = roll(2) == 0;
    limits.max_connecting = 1 + roll(3);
    if (roll(4) == 0) limits.max_waiting = 1 + roll(3);
    if (roll(2) == 0) limits.max_idle = 5s;
    if (roll(2) == 0) limits.max_lifetime = 20s;
    if (roll(2) == 0) limits.check_after = 3s;
    limits.seed = 1 + roll(256);
    return limits;
  }
  std::size_t roll(std::size_t sides) { return dice_.roll(sides); }
  void event(std::string text) { events_.push_back(std::move(text)); }
  void demand(bool holds, const char* what) {
    if (!holds && complaint_.empty()) complaint_ = what;
  }
  std::optional<Slot> any(State state) {
    std::vector<Slot> found;
    for (Slot slot = 0; slot < core_.max_size(); ++slot)
      if (core_.state(slot) == state) found.push_back(slot);
    if (found.empty()) return std::nullopt;
    return found[roll(found.size())];
  }
  // A slot in this state, if there is one; the event is written down.
  std::optional<Slot> pick(State state, const char* what) {
    const auto slot = any(state);
    if (slot) event(what + (' ' + std::to_string(*slot)));
    return slot;
  }

  void step() {
    switch (roll(16)) {
      case 0:
      case 1:
      case 2: return acquire();
      case 3: {
        const auto slot = core_.take(now_);
        if (!slot) return;
        event("take " + std::to_string(*slot));
        demand(queue_.empty(), "taken past those who wait");
        ++model_.handed_out;
        states_[*slot] = State::leased;
        own(*slot);
        return;
      }
      case 4: return abandon();
      case 5:
      case 6:
        if (const auto slot = pick(State::leased, "release")) {
          owned_.erase(*slot);
          release(*slot);
        }
        return;
      case 7:
      case 8:
        if (const auto slot = pick(State::resetting, "reset")) ready(*slot);
        return;
      case 9:
      case 10:
        if (const auto slot = pick(State::connecting, "connected")) {
          ++model_.opened;
          states_[*slot] = owned_.contains(*slot) ? State::leased : State::idle;
          core_.connected(*slot, now_);
        }
        return;
      case 11:
        if (const auto slot = pick(State::connecting, "failed")) {
          owned_.erase(*slot);
          fail(*slot, roll(2) == 0);
        }
        return;
      case 12:
        if (const auto slot = pick(State::checking, "check passed")) ready(*slot);
        return;
      case 13: {
        const State states[] = {State::idle, State::checking, State::leased, State::resetting};
        if (const auto slot = pick(states[roll(4)], "lost")) {
          owned_.erase(*slot);
          end(*slot);
        }
        return;
      }
      case 14:
        if (const auto slot = pick(State::retiring, "closed")) {
          told_to_retire_.erase(*slot);
          end(*slot);
        } else if (const auto bad = pick(State::resetting, "reset failed")) {
          core_.retire(*bad);
          retired(*bad);
          told_to_retire_.insert(*bad);
        }
        return;
      default: return rare();
    }
  }

  // What has happened, to the model and to the core.
  void release(Slot slot) {
    if (core_.release(slot, now_)) {
      states_[slot] = State::resetting;
    } else {
      retired(slot);
    }
  }
  void retired(Slot slot) {
    ++model_.retired;
    states_[slot] = State::retiring;
  }
  void ready(Slot slot) {
    states_[slot] = State::idle;
    core_.ready(slot, now_);
  }
  void fail(Slot slot, bool counts) {
    states_[slot] = State::empty;
    if (!counts) return core_.called_off(slot);
    ++model_.failed;
    core_.failed(slot, now_);
  }
  void end(Slot slot) {
    if (states_[slot] != State::retiring) ++model_.lost;
    states_[slot] = State::empty;
    core_.gone(slot);
  }

  void acquire() {
    Person& person = people_.emplace_back();
    person.number = ++last_number_;
    person.deadline = roll(2) == 0 ? never : now_ + std::chrono::milliseconds(roll(4000));
    const PoolCounts& counts = core_.counts();
    const std::size_t theirs = counts.leased + (limits_.waiters_connect ? counts.connecting : 0);
    const std::size_t without_a_slot = queue_.size() + theirs + 1;
    person.is_excess = limits_.max_waiting > 0 && without_a_slot > limits_.max_waiting + core_.max_size();
    event("acquire by " + std::to_string(person.number));
    core_.acquire(person.waiter, person.deadline);
    queue_.push_back(&person);
  }

  void abandon() {
    if (queue_.empty()) return;
    auto place = std::next(queue_.begin(), static_cast<std::ptrdiff_t>(roll(queue_.size())));
    event("abandon by " + std::to_string((*place)->number));
    core_.abandon((*place)->waiter);
    queue_.erase(place);
  }

  void rare() {
    switch (roll(8)) {
      case 0: event("expire"), core_.expire(); break;
      case 1: event("suspect"), core_.suspect(); break;
      case 2:
        event("refuse those who wait");
        core_.refuse_waiting();
        if (core_.counts().size() > 0) break;
        for (Person* person : queue_) person->given_up = true;
        break;
      case 3:
        if (const auto slot = pick(State::empty, "open")) {
          demand(core_.open(*slot), "an empty slot cannot be opened");
          states_[*slot] = State::connecting;
        }
        break;
      default:
        now_ += std::chrono::milliseconds(roll(3000));
        event("time passes");
        core_.tick(now_);
    }
  }

  void own(Slot slot) { demand(owned_.insert(slot).second, "two owners"); }

  void pull() {
    for (int i = 0;; ++i) {
      demand(i < 1000, "actions without end");
      const auto action = core_.next_action(now_);
      if (!action || !complaint_.empty()) return;
      const Slot slot = action->slot;
      switch (action->kind) {
        case Kind::connect:
          event("-> connect " + std::to_string(slot));
          states_[slot] = State::connecting;
          demand(core_.state(slot) == State::connecting, "to be connected, but not connecting");
          demand(core_.counts().connecting <= limits_.max_connecting, "too many connect");
          demand(is_wanted(), "to be connected for nobody");
          break;
        case Kind::check:
          event("-> check " + std::to_string(slot));
          states_[slot] = State::checking;
          demand(core_.state(slot) == State::checking, "to be checked, but not checking");
          break;
        case Kind::retire:
          event("-> retire " + std::to_string(slot));
          retired(slot);
          demand(core_.state(slot) == State::retiring, "to be retired, but not retiring");
          demand(told_to_retire_.insert(slot).second, "to be retired twice");
          break;
        case Kind::hand: hand(*action); break;
        case Kind::refuse:
        case Kind::refuse_late:
        case Kind::refuse_full: refuse(*action); break;
      }
    }
  }

  // The connection that is about to be opened is counted already.
  bool is_wanted() const {
    const PoolCounts& counts = core_.counts();
    return counts.connecting <= queue_.size() ||
           (limits_.keeps_min_size && counts.size() + counts.connecting <= limits_.min_size);
  }

  void hand(const PoolCore::Action& action) {
    demand(!queue_.empty() && &queue_.front()->waiter == action.waiter, "handed past the first in the queue");
    if (!complaint_.empty()) return;
    event("-> hand " + std::to_string(action.slot) + " to " + std::to_string(queue_.front()->number));
    demand(queue_.front()->deadline > now_, "handed to one whose deadline has passed");
    const State state = core_.state(action.slot);
    demand(state == State::leased || (limits_.waiters_connect && state == State::connecting),
           "handed, not leased");
    ++model_.handed_out;
    states_[action.slot] = states_[action.slot] == State::idle ? State::leased : State::connecting;
    queue_.pop_front();
    own(action.slot);
  }

  bool has_reason(Kind kind, const Person& person) const {
    if (kind == Kind::refuse_late) return person.deadline <= now_;
    if (kind == Kind::refuse_full) return person.is_excess;
    return core_.is_closing() || person.given_up;
  }

  void refuse(const PoolCore::Action& action) {
    for (auto place = queue_.begin(); place != queue_.end(); ++place) {
      if (&(*place)->waiter != action.waiter) continue;
      event("-> refuse " + std::to_string((*place)->number));
      demand(has_reason(action.kind, **place), "refused without a reason");
      queue_.erase(place);
      ++model_.refused;
      return;
    }
    demand(false, "somebody was refused who does not wait");
  }

  void check() {
    const PoolCounts& counts = core_.counts();
    std::map<State, std::size_t> states;
    for (const auto& [slot, state] : states_) {
      demand(core_.state(slot) == state, "in another state than has been told");
      ++states[state];
    }
    demand(counts.idle == states[State::idle] && counts.leased == states[State::leased] &&
               counts.resetting == states[State::resetting] && counts.checking == states[State::checking] &&
               counts.connecting == states[State::connecting] && counts.retiring == states[State::retiring],
           "miscounted");
    demand(counts.waiting == queue_.size(), "miscounted those who wait");
    demand(counts.handed_out == model_.handed_out && counts.opened == model_.opened &&
               counts.failed == model_.failed && counts.retired == model_.retired &&
               counts.lost == model_.lost && counts.refused == model_.refused,
           "miscounted what has happened since the beginning");  // PM-8
    for (const Slot slot : owned_)
      demand(core_.state(slot) == State::leased || core_.state(slot) == State::connecting,
             "taken from its owner");
    demand(queue_.size() <= counts.checking || counts.idle == 0, "somebody waits while one is idle");
    for (const Person* person : queue_) {
      demand(person->deadline > now_, "not told that his deadline has passed");
      demand(!person->is_excess && !person->given_up, "not told that there is nothing to wait for");
    }
    // Whatever must happen by itself has a time at which it will.
    const bool stuck = !queue_.empty() && states[State::empty] > 0 &&
                       counts.checking + counts.connecting + counts.resetting == 0;
    demand(!stuck || core_.due() != never, "somebody waits for nothing");
  }

  void close() {
    event("close");
    core_.close();
    for (int i = 0; i < 100 && complaint_.empty() && !core_.is_drained(); ++i) {
      pull();
      check();
      for (Slot slot = 0; slot < core_.max_size(); ++slot) {
        switch (core_.state(slot)) {
          case State::leased: release(slot); break;
          case State::connecting: fail(slot, false); break;
          case State::empty: break;
          default: end(slot);
        }
      }
      owned_.clear();
      told_to_retire_.clear();
    }
    demand(core_.is_drained() && queue_.empty(), "close does not come to an end");
  }

  Dice& dice_;
  PoolLimits limits_;
  PoolCore core_;
  TimePoint now_{1h};
  std::list<Person> people_;
  std::list<Person*> queue_;
  std::map<Slot, State> states_;
  PoolCounts model_;  // only what it counts since the beginning
  std::set<Slot> owned_;
  std::set<Slot> told_to_retire_;
  std::vector<std::string> events_;
  std::string complaint_;
  int last_number_ = 0;
};

}  // namespace pgstride::test
