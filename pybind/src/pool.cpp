// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/pool.hpp"

namespace pgstride::python {
namespace {

// For those who do not say how long a reset may take: a server that does not answer is of no use.
constexpr Duration longest_reset = std::chrono::seconds(30);

}  // namespace

// --- those who wait -----------------------------------------------------------------------------

void AcquireRequest::answered(std::optional<PoolCore::Slot> slot, Caller caller) noexcept {
  slot_ = slot;
  if (caller == Caller::loop) return complete();
  complete_soon();
}

PyObject* AcquireRequest::take_result() {
  if (!slot_) Py_RETURN_NONE;
  pool_.claimed(*slot_);
  return PyLong_FromUnsignedLong(*std::exchange(slot_, std::nullopt));
}

void AcquireRequest::give_up() noexcept {
  pool_.core().abandon(*this);
  if (const auto slot = std::exchange(slot_, std::nullopt)) pool_.unused(*slot);
}

void DrainRequest::start() {
  if (pool_.core().is_drained()) return complete_early();
  pool_.wait_for_drain(*this);
}

void DrainRequest::give_up() noexcept { pool_.stop_waiting(*this); }

// --- the pool -----------------------------------------------------------------------------------

PoolHead::PoolHead(std::unique_ptr<PyLoop> loop, const PoolLimits& limits, std::uint64_t max_queries, Ref act)
    : loop_(std::move(loop)), core_(limits), max_queries_(max_queries), act_(std::move(act)) {
  TimerHandler& handler = *this;
  timer_ = loop_->timer(handler);
  for (Slot slot = 0; slot < core_.max_size(); ++slot) seats_.push_back(std::make_unique<Seat>(*this, slot));
}

bool PoolHead::Seat::is_fit() const noexcept {
  const Channel& channel = core().channel();
  const Session& session = channel.session();
  return session.quiescent() && session.transaction() == TransactionStatus::idle && !channel.cancelling() &&
         !channel.tainted();
}

bool PoolHead::Seat::submit_reset(bool rolls_back, TimePoint deadline) {
  pool.core_.asks(slot);
  reset.emplace(core().channel(), *this);
  return reset->submit(reset_script, rolls_back, deadline);
}

// The others may have died with it.
void PoolHead::Seat::on_ended() noexcept {
  if (pool.core_.state(slot) == PoolCore::State::checking || core().is_lost()) pool.core_.suspect();
}

void PoolHead::Seat::drop() noexcept {
  if (!connection) return;
  core().set_end_listener(nullptr);
  reset.reset();
  connection.clear();
}

std::optional<PoolHead::Slot> PoolHead::take() {
  while (const auto slot = core_.take(now())) {
    if (seats_[*slot]->core().channel().is_open()) {
      handed_out(*slot);
      return slot;
    }
    core_.retire(*slot);  // it has just died: gone() follows
  }
  return std::nullopt;
}

void PoolHead::handed_out(Slot slot) noexcept {
  if (seats_[slot]->connection) seats_[slot]->core().forget_pipelining();
  if (core_.state(slot) == PoolCore::State::leased)
    seats_[slot]->answers = seats_[slot]->core().session().completed();
}

void PoolHead::enter(AcquireRequest& request) {
  core_.acquire(request);
  pump();
}

void PoolHead::unused(Slot slot) noexcept {
  claimed(slot);
  if (core_.state(slot) == PoolCore::State::leased) core_.ready(slot, now());
  if (core_.state(slot) == PoolCore::State::connecting) core_.called_off(slot);
  pump();
}

void PoolHead::connected(Slot slot, PyObject* core, std::string reset_script) {
  Seat& seat = *seats_[slot];
  seat.connection = Ref::borrow(core);
  seat.core().set_end_listener(&seat);
  seat.demotion = Demotion(seat.core().session().parameters());
  seat.reset_script = std::move(reset_script);
  core_.connected(slot, now());
  handed_out(slot);
  seat.answers = 0;  // what the user's init has done to it is not known
  pump();
}

bool PoolHead::is_untouched(const Seat& seat) const noexcept {
  return seat.core().session().completed() == seat.answers && seat.is_fit() && !seat.is_demoted();
}

bool PoolHead::keeps(Seat& seat, PoolCore::Reset reset) {
  if (!core_.release(seat.slot, now(), reset)) return false;
  if (has_run_enough(seat)) {
    core_.retire(seat.slot);
    return false;
  }
  seat.core().count_query();  // its reset
  return true;
}

bool PoolHead::release(Slot slot, std::optional<Duration> limit, bool rolls_back) {
  Seat& seat = *seats_[slot];
  if (!keeps(seat, limit ? PoolCore::Reset::quick : PoolCore::Reset::slow)) return false;
  if (!limit) return true;
  if (!rolls_back && is_untouched(seat)) {
    core_.ready(slot, now());
    pump();
    return true;
  }
  const TimePoint deadline = deadline_after(now(), std::min(*limit, longest_reset));
  if (seat.submit_reset(rolls_back, deadline)) seat.core().channel().flush();
  return true;
}

bool PoolHead::ready(Slot slot) {
  if (!seats_[slot]->is_fit() || seats_[slot]->is_demoted()) return false;
  core_.ready(slot, now());
  pump();
  return true;
}

std::string_view PoolHead::end_reason(Slot slot) const noexcept {
  const Seat& seat = *seats_[slot];
  return seat.connection && has_run_enough(seat) ? "used enough" : core_.end_reason(slot, now());
}

void PoolHead::gone(Slot slot) {
  if (seats_[slot]->is_unclaimed && core_.state(slot) == PoolCore::State::leased) {
    core_.gone_before_use(slot);
  } else {
    core_.gone(slot);
  }
  const Ref keep = seats_[slot]->connection;
  seats_[slot]->drop();
  pump();
}

// Nobody is woken by the answer: it lets go of what waits for it.
void PoolHead::let_nobody_wait() noexcept {
  const Ref keep = Ref::borrow(self_);
  while (PoolCore::Waiter* waiter = core_.first_waiter()) {
    core_.abandon(*waiter);
    static_cast<AcquireRequest*>(waiter)->answered(std::nullopt, Caller::user);
  }
  for (DrainRequest* request : std::exchange(draining_, {})) request->let_nobody_wait();
}

// --- lending ------------------------------------------------------------------------------------

void PoolHead::reset_behind(Slot slot) noexcept { (void)seats_[slot]->submit_reset(false, never); }

// Called while the exchange ends, so that nobody must be resumed from here.
void PoolHead::give_back(Slot slot, bool is_reset) noexcept {
  if (core_.state(slot) != PoolCore::State::leased) return;  // its connection has died
  const KeepError keep;
  Seat& seat = *seats_[slot];
  if (!is_reset) {
    if (!release(slot, longest_reset, false)) act("retire", slot);
    return;
  }
  if (seat.core().session().transaction() != TransactionStatus::idle) act("left open", slot);
  if (!keeps(seat)) return act("retire", slot);
  if (seat.reset->pending()) return seat.reset->set_deadline(now() + longest_reset);
  if (!seat.submit_reset(false, now() + longest_reset)) return;
  seat.core().channel().flush();
}

void PoolHead::was_reset(Seat& seat, bool clean) noexcept {
  if (core_.state(seat.slot) != PoolCore::State::resetting) return;
  const bool demoted = seat.is_demoted();
  if (!clean || demoted) {
    core_.suspect();  // the others are at the same server
    core_.retire(seat.slot);
    act(demoted ? "demoted" : "not reset", seat.slot);
    const char* why = demoted ? "the server takes no writes any more" : "it could not be reset";
    seat.core().channel().abort({Errc::connection_closed, why});
    return;  // gone() when its owner hears that it is closed
  }
  core_.ready(seat.slot, now());
  pump(Caller::loop);
}

// --- carrying out -------------------------------------------------------------------------------

void PoolHead::pump(Caller caller) noexcept {
  const Ref keep = Ref::borrow(self_);
  while (const auto action = core_.next_action(now())) {
    const auto request = [&]() -> AcquireRequest& { return static_cast<AcquireRequest&>(*action->waiter); };
    switch (action->kind) {
      case PoolCore::Action::Kind::hand:
        handed_out(action->slot);
        seats_[action->slot]->is_unclaimed = true;
        request().answered(action->slot, caller);
        break;
      case PoolCore::Action::Kind::refuse:
      case PoolCore::Action::Kind::refuse_late:
      case PoolCore::Action::Kind::refuse_full: request().answered(std::nullopt, caller); break;
      case PoolCore::Action::Kind::connect: act("connect", action->slot); break;
      case PoolCore::Action::Kind::check: act("check", action->slot); break;
      case PoolCore::Action::Kind::retire: act("retire", action->slot); break;
    }
  }
  if (core_.is_drained())
    for (DrainRequest* request : std::exchange(draining_, {})) request->drained();
  arm();
}

void PoolHead::act(const char* what, Slot slot) noexcept {
  const KeepError keep;
  const Ref done = Ref::steal(PyObject_CallFunction(act_.get(), "sI", what, static_cast<unsigned>(slot)));
  if (!done) PyErr_WriteUnraisable(act_.get());
}

// The timer is never disarmed: what was due is mostly put off, and a timer that fires for nothing now and
// then is cheaper than two calls of the loop for each connection that comes back.
void PoolHead::arm() {
  if (core_.due() >= armed_ || !timer_) return;
  armed_ = core_.due();
  timer_->arm(armed_);
}

void PoolHead::on_timer() noexcept {
  armed_ = never;
  core_.tick(now());
  pump(Caller::loop);
}

int PoolHead::traverse(visitproc visit, void* arg) const {
  if (const int stop = act_.visit(visit, arg)) return stop;
  for (const auto& seat : seats_)
    if (const int stop = seat->connection.visit(visit, arg)) return stop;
  return 0;
}

void PoolHead::clear() {
  act_.clear();
  timer_.reset();
}

}  // namespace pgstride::python
