// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/pipeline.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "pgstride/pybind/src/core.hpp"
#include "pgstride/pybind/src/exchange.hpp"

namespace pgstride::python {

Pipeline::Pipeline(Core& core) : core_(core) {
  TimerHandler& handler = *this;
  timer_ = core.loop().timer(handler);
}

void Pipeline::wait(Exchange& exchange) {
  waiting_.push_back(&exchange);
  exchange.place_ = Exchange::Place::waiting;
  next_deadline_ = std::min(next_deadline_, exchange.deadline());
  arm(next_deadline_);
}

void Pipeline::roll_back() { waiting_.push_back(nullptr); }

void Pipeline::has_sent(Exchange& exchange) {
  sent_.push_back(&exchange);
  exchange.place_ = Exchange::Place::sent;
}

bool Pipeline::takes_back(Exchange& exchange) noexcept { return last_ == &exchange && forget(exchange); }

bool Pipeline::forget(Exchange& exchange) noexcept {
  if (exchange.place_ == Exchange::Place::elsewhere) return false;
  // Mostly the first one.
  auto& queue = exchange.place_ == Exchange::Place::waiting ? waiting_ : sent_;
  queue.erase(std::find(queue.begin(), queue.end(), &exchange));
  exchange.place_ = Exchange::Place::elsewhere;
  return true;
}

Exchange* Pipeline::first() const noexcept {
  if (!sent_.empty()) return sent_.front();
  const auto waits = std::find_if(waiting_.begin(), waiting_.end(), [](auto* e) { return e != nullptr; });
  return waits == waiting_.end() ? nullptr : *waits;
}

const Exchange* Pipeline::who_waits_for_user(const Exchange* has_line) const noexcept {
  if (has_line && has_line->waits_for_user()) return has_line;
  const auto last = std::find_if(waiting_.rbegin(), waiting_.rend(), [](auto* e) { return e != nullptr; });
  return last != waiting_.rend() && (*last)->waits_for_user() ? *last : nullptr;
}

void Pipeline::go_on_soon() noexcept {
  if (!waiting_.empty()) arm(core_.loop().now());
}

// Who goes takes itself out of the queues.
void Pipeline::let_nobody_wait() noexcept {
  std::vector<std::pair<Ref, Exchange*>> all;
  const auto keep = [&] {
    for (const auto* queue : {&sent_, &waiting_})
      for (Exchange* exchange : *queue)
        if (exchange) all.emplace_back(Ref::borrow(exchange->self()), exchange);
    return true;
  };
  if (!or_memory_error(keep)) PyErr_Clear();
  for (const auto& [kept, exchange] : all) exchange->let_nobody_wait();
}

void Pipeline::arm(TimePoint at) noexcept {
  if (at >= armed_) return;
  armed_ = at;
  timer_->arm(at);
}

// Whoever is told something may do anything, so this may be gone unless it is kept.
void Pipeline::on_timer() noexcept {
  armed_ = never;
  Ref keep;
  if (const Exchange* any = first()) keep = Ref::borrow(any->core_object());
  expire();
  while (!core_.has_line_taken() && !waiting_.empty()) {
    Exchange* next = waiting_.front();
    if (next) {
      (void)forget(*next);
      next->turn_has_come();
    } else {
      waiting_.pop_front();
      core_.send_rollback();
    }
  }
  arm(next_deadline_);
}

void Pipeline::expire() noexcept {
  const TimePoint now = core_.loop().now();
  if (now < next_deadline_) return;
  while (true) {
    const auto late = std::find_if(waiting_.begin(), waiting_.end(),
                                   [&](auto* e) { return e != nullptr && e->deadline() <= now; });
    if (late == waiting_.end()) break;
    Exchange* exchange = *late;
    (void)forget(*exchange);
    exchange->has_come_too_late();
  }
  next_deadline_ = never;
  for (const Exchange* exchange : waiting_)
    if (exchange) next_deadline_ = std::min(next_deadline_, exchange->deadline());
}

}  // namespace pgstride::python
