// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/pool_state.hpp"

#include <algorithm>
#include <random>

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

bool says_on(const Connection& connection, std::string_view parameter) noexcept {
  return connection.parameter(parameter) == "on";
}

std::string seconds_text(Duration duration) {
  const auto tenths = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count() / 100;
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " s";
}

}  // namespace

PoolState::PoolState(Loop& loop, PoolOptions options)
    : loop_(loop), options_(std::move(options)), core_(seeded(options_.limits)) {
  if (!options_.connect.scram_cache) options_.connect.scram_cache = std::make_shared<ScramCache>();
  for (Slot slot = 0; slot < core_.max_size(); ++slot) seats_.push_back(std::make_unique<Seat>(*this, slot));
  TimerHandler& handler = *this;
  timer_ = loop_.timer(handler);
}

// --- seats --------------------------------------------------------------------------------------

void PoolState::Seat::on_connected(std::unique_ptr<Channel> channel) noexcept {
  connector.reset();
  connection = Connection(std::move(channel));
  was_standby = says_on(connection, "in_hot_standby");
  was_read_only = says_on(connection, "default_transaction_read_only");
  rest();
  pool.core_.connected(slot, pool.loop_.now());
  pool.pump(true);
}

bool PoolState::Seat::is_untouched() const noexcept {
  const Channel& channel = connection.channel();
  return channel.session().completed() == answers && channel.session().quiescent() && !channel.cancelling() &&
         !channel.tainted() && connection.transaction_status() == TransactionStatus::idle;
}

bool PoolState::Seat::is_demoted() const noexcept {
  return (!was_standby && says_on(connection, "in_hot_standby")) ||
         (!was_read_only && says_on(connection, "default_transaction_read_only"));
}

// Says good-bye when nothing is under way; may be called by the channel's own handlers.
void PoolState::Seat::drop() noexcept {
  reset.reset();
  connector.reset();
  if (Channel* channel = connection.channel_if_any()) channel->listen(nullptr);
  connection = Connection();
}

// --- lending ------------------------------------------------------------------------------------

bool PoolState::lend(Acquire& request) {
  request.began_ = loop_.now();
  while (const auto slot = core_.take(loop_.now())) {
    if (seats_[*slot]->connection.is_open()) return hand(request, *slot), true;
    seats_[*slot]->drop();
    core_.gone(*slot);
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
  seat.loan = Loan(seat.connection.backend_pid(), loop_.now(), request.where_);
}

void PoolState::enqueue(Acquire& request) {
  core_.acquire(request, request.deadline_);
  pump();
}

void PoolState::forget(Acquire& request) noexcept {
  core_.abandon(request);
  std::erase(ready_, &request);
  if (request.outcome_ == Acquire::Outcome::handed) release(request.slot_);
}

void PoolState::release(Slot slot) noexcept {
  Seat& seat = *seats_[slot];
  seat.lent = false;
  if (core_.state(slot) != PoolCore::State::leased) return seat.drop();  // the pool was closed under it
  const TimePoint now = loop_.now();
  if (!seat.connection.is_open()) {
    seat.drop();
    core_.gone(slot);
    return pump();
  }
  if (seat.is_demoted()) {
    core_.suspect();
    return discard(slot);
  }
  if (!core_.release(slot, now)) {
    retire(seat);
    return pump();
  }
  seat.rest();
  if (seat.is_untouched()) {
    core_.ready(slot, now);
    return pump();
  }
  Channel& channel = seat.connection.channel();
  const bool in_transaction = channel.session().transaction() != TransactionStatus::idle;
  const TimePoint deadline = deadline_after(now, options_.reset_timeout);
  seat.reset.emplace(channel, seat);
  if (seat.reset->submit(default_reset_script(channel.session().parameters()), in_transaction, deadline))
    channel.flush();
}

void PoolState::discard(Slot slot) noexcept {
  Seat& seat = *seats_[slot];
  seat.lent = false;
  if (core_.state(slot) != PoolCore::State::leased) return seat.drop();
  core_.retire(slot);
  retire(seat);
  pump();
}

void PoolState::refuse(const Acquire& request) const {
  const PoolCounts& counts = core_.counts();
  if (request.outcome_ == Acquire::Outcome::refused) {
    if (core_.is_closing()) throw Error(Errc::connection_closed, "the pool is closed");
    const std::string what = "can not connect: " + last_failure_.detail;
    if (last_failure_.server && last_failure_.code == Errc::server_error)
      throw ServerException(last_failure_, what);
    throw Error(last_failure_, what);
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
  throw Error(Errc::timed_out, what);
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

// The others may have died with it. One that is lent stays where it is: its user will notice.
void PoolState::has_closed(Seat& seat) noexcept {
  core_.suspect();
  if (seat.lent) return;
  const auto keep = shared_from_this();
  core_.gone(seat.slot);
  seat.drop();
  pump(true);
}

void PoolState::has_failed(Seat& seat, Failure failure) noexcept {
  seat.connector.reset();
  last_failure_ = std::move(failure);
  core_.failed(seat.slot, loop_.now());
  if (is_permanent(last_failure_)) core_.refuse_waiting();
  pump(true);
}

void PoolState::was_reset(Seat& seat, bool clean) noexcept {
  const PoolCore::State state = core_.state(seat.slot);
  if (state != PoolCore::State::resetting && state != PoolCore::State::checking) return;
  const auto keep = shared_from_this();
  if (clean && !seat.is_demoted()) {
    core_.ready(seat.slot, loop_.now());
  } else {
    core_.suspect();
    core_.retire(seat.slot);
    retire(seat);
  }
  pump(true);
}

// --- carrying out -------------------------------------------------------------------------------

void PoolState::pump(bool in_loop) noexcept {
  const auto keep = weak_from_this().lock();
  while (const auto action = core_.next_action(loop_.now())) {
    auto* request = static_cast<Acquire*>(action->waiter);
    switch (action->kind) {
      case PoolCore::Action::Kind::connect: connect(*seats_[action->slot]); break;
      case PoolCore::Action::Kind::check: check(*seats_[action->slot]); break;
      case PoolCore::Action::Kind::retire: retire(*seats_[action->slot]); break;
      case PoolCore::Action::Kind::hand:
        hand(*request, action->slot);
        answer(*request, in_loop);
        break;
      case PoolCore::Action::Kind::refuse:
        request->outcome_ = Acquire::Outcome::refused;
        answer(*request, in_loop);
        break;
      case PoolCore::Action::Kind::refuse_late:
        request->outcome_ = Acquire::Outcome::late;
        answer(*request, in_loop);
        break;
    }
  }
  arm();
  if (core_.is_drained() && drain_waiter_) {
    if (in_loop) return std::exchange(drain_waiter_, nullptr).resume();
    timer_->arm(armed_ = loop_.now());  // on_timer() comes back here
  }
}

void PoolState::answer(Acquire& request, bool in_loop) noexcept {
  if (in_loop) return request.waiting_.resume();
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

void PoolState::resume_later(Acquire& request) {
  ready_.push_back(&request);
  if (std::exchange(resuming_, true)) return;
  loop_.post(std::make_unique<Resumption>(shared_from_this()));
}

void PoolState::resume_ready() noexcept {
  resuming_ = false;
  for (std::size_t left = ready_.size(); left > 0 && !ready_.empty(); --left) {
    Acquire* request = ready_.front();
    ready_.erase(ready_.begin());
    request->waiting_.resume();
  }
  if (ready_.empty() || std::exchange(resuming_, true)) return;
  loop_.post(std::make_unique<Resumption>(shared_from_this()));
}

void PoolState::connect(Seat& seat) {
  seat.connector = std::make_unique<Connector>(loop_, options_.connect, seat);
  seat.connector->start();
}

void PoolState::check(Seat& seat) {
  seat.reset.emplace(seat.connection.channel(), seat);
  const TimePoint deadline = deadline_after(loop_.now(), options_.check_timeout);
  if (seat.reset->submit({}, false, deadline)) seat.connection.channel().flush();
}

void PoolState::retire(Seat& seat) noexcept {
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
        if (seat->connection.is_open())
          seat->connection.channel().abort({Errc::connection_closed, "the pool was closed"});
        core_.gone(seat->slot);
        break;
      case PoolCore::State::connecting:
        seat->connector.reset();
        core_.failed(seat->slot, loop_.now(), false);
        break;
      default: retire(*seat);
    }
  }
  pump();
  timer_->cancel();
}

// The timer is never disarmed: what was due is mostly put off.
void PoolState::arm() {
  if (core_.due() >= armed_) return;
  armed_ = core_.due();
  timer_->arm(armed_);
}

void PoolState::on_timer() noexcept {
  armed_ = never;
  core_.tick(loop_.now());
  pump(true);
}

}  // namespace pgstride::inline v0
