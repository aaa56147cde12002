// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/pool_state.hpp"

#include <algorithm>
#include <random>

#include "pgstride/driver/request.hpp"
#include "pgstride/driver/worded.hpp"

namespace pgstride::inline v0 {
namespace {

// What will not be different the next time.
bool is_permanent(const Failure& failure) noexcept {
  if (failure.code == Errc::authentication_failed || failure.code == Errc::authentication_refused)
    return true;
  if (!failure.server) return false;
  const std::string_view state = failure.server->sqlstate();
  return state.starts_with("28") || state.starts_with("3D") || state.starts_with("42");
}

PoolLimits seeded(PoolLimits limits) {
  if (limits.seed == 0) limits.seed = std::random_device()();
  return limits;
}

constexpr const char* pool_closed = "the pool was closed";

std::string seconds_text(Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  if (ms < 1000) return std::to_string(ms) + " ms";
  return std::to_string(ms / 1000) + '.' + std::to_string(ms / 100 % 10) + " s";
}

}  // namespace

PoolState::PoolState(Loop& loop, PoolOptions options)
    : loop_(loop), options_(std::move(options)), core_(seeded(options_.limits)) {
  if (!options_.connect.scram_cache) options_.connect.scram_cache = std::make_shared<ScramCache>();
  if (!options_.connect.types) options_.connect.types = std::make_shared<TypeNames>();
  for (Slot slot = 0; slot < core_.max_size(); ++slot) seats_.push_back(std::make_unique<Seat>(*this, slot));
  TimerHandler& handler = *this;
  timer_ = loop_.timer(handler);
}

// --- lending ------------------------------------------------------------------------------------

bool PoolState::lend(Acquire& request) {
  assert(loop_.is_here() && "a pool is used on a thread that is not its loop's");
  request.began_ = loop_.now();
  while (const auto slot = core_.take(loop_.now())) {
    // A parent process's is handed out as well: who uses it is told, and nothing is opened on a loop that is shared.
    if (seats_[*slot]->connection.channel().is_open()) return hand(request, *slot), true;
    retire(*seats_[*slot], "lost");
  }
  return false;
}

void PoolState::hand(Acquire& request, Slot slot) noexcept {
  Seat& seat = *seats_[slot];
  request.slot_ = slot;
  request.outcome_ = Acquire::Outcome::handed;
  const Duration waited = loop_.now() - request.began_;
  waited_ += waited;
  longest_wait_ = std::max(longest_wait_, waited);
  seat.lent = true;
  seat.answers = seat.connection.channel().session().completed();
  seat.loan = Loan(seat.loan.backend_pid, loop_.now(), request.where_);
  observe_acquire(request, nullptr);
}

void PoolState::observe_acquire(const Acquire& request, const Failure* failure) const noexcept {
  if (observer()) observer()->on_acquire({loop_.now() - request.began_, failure});
}

void PoolState::enqueue(Acquire& request) {
  // Nothing can be thrown at those who are answered: there is room for all of them.
  const std::size_t most = ready_.size() + core_.counts().waiting + 1;
  if (ready_.capacity() < most) ready_.reserve(2 * most);
  core_.acquire(request, request.deadline_);
  pump();
}

void PoolState::forget(Acquire& request) noexcept {
  if (request.is_waiting()) observe_acquire(request, &cancelled_failure());
  core_.abandon(request);
  std::erase(ready_, &request);
  if (request.outcome_ == Acquire::Outcome::handed) release(request.slot_);
}

void PoolState::dismiss(Acquire& request) noexcept {
  core_.abandon(request);
  answer(request, Caller::user);
}

// It leaves with the request before it. How long that takes is not the reset's fault.
void PoolState::reset_behind(Slot slot) noexcept {
  Seat& seat = *seats_[slot];
  if (core_.state(slot) == PoolCore::State::leased && !seat.reset_script().empty())
    (void)seat.submit_reset(false, never);  // if it is closed, release() will see
}

void PoolState::release(Slot slot) noexcept {
  Seat& seat = *seats_[slot];
  seat.lent = false;
  if (core_.state(slot) != PoolCore::State::leased) return seat.drop();  // the pool was closed under it
  const TimePoint now = loop_.now();
  if (!seat.connection.is_open()) {
    if (!seat.is_lost()) return discard(slot, "discarded");
    core_.suspect();  // its user may have listened in our place
    retire(seat, "lost");
    return pump();
  }
  if (seat.is_demoted()) {
    core_.suspect();
    return discard(slot, "demoted");
  }
  if (!core_.release(slot, now)) {
    retire(seat, core_.end_reason(slot, now));
    return pump();
  }
  seat.rest();
  seat.connection.channel().give_back();
  const TimePoint deadline = deadline_after(now, options_.reset_timeout);
  if (seat.reset && seat.reset->pending()) return seat.reset->set_deadline(deadline);
  if (seat.is_untouched() || (seat.reset_script().empty() && seat.is_fit())) {
    core_.ready(slot, now);
    return pump();
  }
  Channel& channel = seat.connection.channel();
  const bool in_transaction = channel.session().transaction() != TransactionStatus::idle;
  if (seat.submit_reset(in_transaction, deadline)) channel.flush();
}

void PoolState::discard(Slot slot, std::string_view why) noexcept {
  Seat& seat = *seats_[slot];
  seat.lent = false;
  if (core_.state(slot) != PoolCore::State::leased) return seat.drop();
  core_.retire(slot);
  retire(seat, why);
  pump();
}

void PoolState::refuse(const Acquire& request) const {
  const Failure failure = refusal(request);
  if (failure.server && failure.code == Errc::server_error) throw ServerException(failure, failure.detail);
  throw Error(failure, failure.detail);
}

Failure PoolState::refusal(const Acquire& request) const {
  if (request.outcome_ == Acquire::Outcome::stopped)
    return {Errc::cancelled, "waiting for a connection was stopped"};
  if (request.outcome_ == Acquire::Outcome::refused) {
    if (core_.is_closing()) return {Errc::connection_closed, "the pool is closed"};
    Failure failure = last_failure_;
    failure.detail.insert(0, "cannot connect: ");
    return failure;
  }
  const PoolCounts& counts = core_.counts();
  if (request.outcome_ == Acquire::Outcome::excess) {
    Failure failure;
    failure.code = std::make_error_code(std::errc::resource_unavailable_try_again);
    failure.detail = "the pool is full: " + std::to_string(counts.leased) + " connections are lent, and " +
                     std::to_string(counts.waiting) + " wait for one already";
    return failure;
  }
  std::string what = "no connection became free in " + seconds_text(loop_.now() - request.began_) + ": " +
                     std::to_string(counts.leased) + " of " + std::to_string(core_.max_size()) +
                     " are lent, " + std::to_string(counts.waiting) + " more wait";
  const std::vector<Loan> lent = loans();
  const auto longest = std::min_element(lent.begin(), lent.end(),
                                        [](const Loan& a, const Loan& b) { return a.since < b.since; });
  if (longest != lent.end())
    what.append("; one has been for ")
        .append(seconds_text(loop_.now() - longest->since))
        .append(", acquired at ")
        .append(longest->where.file_name())
        .append(":")
        .append(std::to_string(longest->where.line()));
  if (!last_failure_.detail.empty()) what += "; connecting failed: " + last_failure_.detail;
  return {Errc::pool_timed_out, what};
}

PoolStats PoolState::stats() const {
  PoolStats result;
  result.counts = core_.counts();
  result.waited = waited_;
  result.longest_wait = longest_wait_;
  return result;
}

std::vector<Loan> PoolState::loans() const {
  std::vector<Loan> result;
  for (const auto& seat : seats_)
    if (core_.state(seat->slot) == PoolCore::State::leased) result.push_back(seat->loan);
  return result;
}

// --- what has happened --------------------------------------------------------------------------

// One that is lent stays where it is: its user will notice.
void PoolState::has_closed(Seat& seat) noexcept {
  if (seat.lent) return;
  const auto keep = weak_from_this().lock();
  retire(seat, "lost");
  pump(Caller::loop);
}

void PoolState::has_failed(Seat& seat, Failure failure) noexcept {
  observe_connect(observer(), failure, loop_.now() - seat.connecting_since);
  seat.connector.reset();
  last_failure_ = std::move(failure);
  core_.failed(seat.slot, loop_.now());
  if (is_permanent(last_failure_)) core_.refuse_waiting();
}

void PoolState::was_reset(Seat& seat, bool clean) noexcept {
  const PoolCore::State state = core_.state(seat.slot);
  if (state != PoolCore::State::resetting && state != PoolCore::State::checking) return;
  const auto keep = weak_from_this().lock();
  const bool demoted = seat.is_demoted();
  if (clean && !demoted) {
    core_.ready(seat.slot, loop_.now());
  } else {
    core_.suspect();
    core_.retire(seat.slot);
    retire(seat, demoted ? "demoted" : state == PoolCore::State::checking ? "check failed" : "not reset");
  }
  pump(Caller::loop);
}

// --- carrying out -------------------------------------------------------------------------------

void PoolState::pump(Caller caller) noexcept {
  const auto keep = weak_from_this().lock();
  while (const auto action = core_.next_action(loop_.now())) {
    auto* request = static_cast<Acquire*>(action->waiter);
    switch (action->kind) {
      case PoolCore::Action::Kind::connect: connect(*seats_[action->slot]); break;
      case PoolCore::Action::Kind::check: check(*seats_[action->slot]); break;
      case PoolCore::Action::Kind::retire:
        retire(*seats_[action->slot], core_.end_reason(action->slot, loop_.now()));
        break;
      case PoolCore::Action::Kind::hand:
        hand(*request, action->slot);
        answer(*request, caller);
        break;
      case PoolCore::Action::Kind::refuse:
        request->outcome_ = Acquire::Outcome::refused;
        answer(*request, caller);
        break;
      case PoolCore::Action::Kind::refuse_late:
        request->outcome_ = Acquire::Outcome::late;
        answer(*request, caller);
        break;
      case PoolCore::Action::Kind::refuse_full:
        request->outcome_ = Acquire::Outcome::excess;
        answer(*request, caller);
        break;
    }
  }
  arm();
  if (!core_.is_drained() || drain_waiters_.empty()) return;
  if (caller != Caller::loop) return timer_->arm(armed_ = loop_.now());  // on_timer() comes back here
  while (!drain_waiters_.empty()) {
    const std::coroutine_handle<> waiting = drain_waiters_.back();
    drain_waiters_.pop_back();
    waiting.resume();
  }
}

void PoolState::answer(Acquire& request, Caller caller) noexcept {
  if (observer() && request.outcome_ != Acquire::Outcome::handed) {
    Failure failure = no_memory();
    try {
      failure = refusal(request);
    } catch (...) {
      // That is told instead.
    }
    observe_acquire(request, &failure);
  }
  if (caller == Caller::loop) return request.awaited_.resume();
  resume_later(request);
}

/// Coroutines are resumed by the loop only: what makes a connection free mostly happens inside another.
class PoolState::Resumption final : public Job {
 public:
  explicit Resumption(std::shared_ptr<PoolState> pool) noexcept : pool_(std::move(pool)) {}
  void done() noexcept override { pool_->resume_ready(); }

 private:
  std::shared_ptr<PoolState> pool_;
};

void PoolState::resume_later(Acquire& request) noexcept {
  ready_.push_back(&request);
  resume_soon();
}

void PoolState::resume_soon() noexcept {
  if (std::exchange(resuming_, true)) return;
  try {
    loop_.post(std::make_unique<Resumption>(weak_from_this().lock()));
  } catch (...) {  // no memory: on_timer() will do it
    timer_->arm(armed_ = loop_.now());
  }
}

void PoolState::resume_ready() noexcept {
  resuming_ = false;
  for (std::size_t left = ready_.size(); left > 0 && !ready_.empty(); --left) {
    Acquire* request = ready_.front();
    ready_.erase(ready_.begin());
    request->awaited_.resume();
  }
  if (!ready_.empty()) resume_soon();
}

void PoolState::connect(Seat& seat) noexcept {
  seat.connecting_since = loop_.now();
  try {
    seat.connector = std::make_unique<Connector>(loop_, options_.connect, seat);
    seat.connector->start();
  } catch (...) {
    has_failed(seat, no_memory());
  }
}

void PoolState::check(Seat& seat) noexcept {
  seat.reset.emplace(seat.connection.channel(), seat);
  const TimePoint deadline = deadline_after(loop_.now(), options_.check_timeout);
  if (seat.reset->submit({}, false, deadline)) seat.connection.channel().flush();
}

void PoolState::retire(Seat& seat, std::string_view why) noexcept {
  if (observer()) observer()->on_evict({seat.loan.backend_pid, why});
  seat.drop();
  core_.gone(seat.slot);
}

void PoolState::expire() noexcept {
  core_.expire();
  pump();
}

void PoolState::close() noexcept {
  core_.close();
  pump();
}

// What is lent is ended, but stays with its user.
void PoolState::abort() noexcept {
  for (const auto& seat : seats_) {
    switch (core_.state(seat->slot)) {
      case PoolCore::State::empty: break;
      case PoolCore::State::leased:
        if (observer()) observer()->on_evict({seat->loan.backend_pid, pool_closed});
        if (seat->connection.is_open())
          seat->connection.channel().abort(worded(Errc::connection_closed, pool_closed));
        core_.gone(seat->slot);
        break;
      case PoolCore::State::connecting:
        seat->connector.reset();
        core_.called_off(seat->slot);
        break;
      default: retire(*seat, pool_closed);
    }
  }
  pump();
  if (!resuming_ && drain_waiters_.empty()) timer_->cancel();
}

// The timer is never disarmed: what was due is mostly put off.
void PoolState::arm() {
  if (core_.due() >= armed_) return;
  armed_ = core_.due();
  timer_->arm(armed_);
}

void PoolState::on_timer() noexcept {
  const auto keep = weak_from_this().lock();
  armed_ = never;
  core_.tick(loop_.now());
  if (resuming_) resume_ready();
  pump(Caller::loop);
}

}  // namespace pgstride::inline v0
