// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/pool.hpp"

#include "pgstride/driver/pool_state.hpp"

namespace pgstride::inline v0 {
namespace {

/// co_await draining: until the pool is empty, or `limit` has passed
class Draining final : TimerHandler {
 public:
  Draining(PoolState& pool, Duration limit) : pool_(pool), timer_(pool.loop().timer(*this)) {
    timer_->arm(deadline_after(pool.loop().now(), limit));
  }
  ~Draining() { pool_.stop_waiting_for_drain(waiting_); }

  auto operator co_await() noexcept {
    struct Awaiter {
      Draining* self;
      bool await_ready() const noexcept { return self->pool_.core().is_drained(); }
      void await_suspend(std::coroutine_handle<> waiting) const {
        self->waiting_ = waiting;
        self->pool_.wait_for_drain(waiting);
      }
      void await_resume() const noexcept {}
    };
    return Awaiter{this};
  }

 private:
  void on_timer() noexcept override {
    pool_.stop_waiting_for_drain(waiting_);
    waiting_.resume();
  }

  PoolState& pool_;
  std::unique_ptr<Timer> timer_;
  std::coroutine_handle<> waiting_;
};

Task<std::vector<Loan>> close_slowly(std::shared_ptr<PoolState> pool, Duration limit) {
  Draining draining(*pool, limit);
  co_await draining;
  std::vector<Loan> left = pool->loans();
  pool->abort();
  co_return left;
}

ConnectOptions options_of(std::string_view dsn) {
  ConnectOptions options(dsn);
  OptionError error;
  if (!options.apply_environment(error)) throw ConfigurationError(error);
  return options;
}

}  // namespace

PoolOptions::PoolOptions(std::string_view dsn) : connect(options_of(dsn)) {}

// --- leases -------------------------------------------------------------------------------------

Lease::Lease(std::shared_ptr<PoolState> pool, PoolCore::Slot slot) noexcept
    : pool_(std::move(pool)), connection_(&pool_->connection(slot)), slot_(slot) {}

void Lease::release() noexcept {
  connection_ = nullptr;
  if (const auto pool = std::exchange(pool_, nullptr)) pool->release(slot_);
}

void Lease::reset_behind() { pool_->reset_behind(slot_); }

void Lease::discard() noexcept {
  connection_ = nullptr;
  if (const auto pool = std::exchange(pool_, nullptr)) pool->discard(slot_);
}

Acquire::Acquire(std::shared_ptr<PoolState> pool, std::source_location where) noexcept
    : pool_(std::move(pool)),
      where_(where),
      deadline_(deadline_after(now(), pool_->options().acquire_timeout)) {}

Acquire::~Acquire() { pool_->forget(*this); }

TimePoint Acquire::now() const noexcept { return pool_->loop().now(); }

Acquire& Acquire::timeout(Duration limit) & { return deadline(deadline_after(now(), limit)); }

Acquire& Acquire::stop(std::stop_token token) & {
  stop_ = std::make_unique<std::stop_callback<Dismissal>>(std::move(token), Dismissal{this});
  return *this;
}

void Acquire::dismiss() noexcept {
  if (outcome_ != Outcome::none) return;
  outcome_ = Outcome::stopped;
  if (is_waiting()) pool_->dismiss(*this);
}

bool Acquire::take_idle() {
  if (outcome_ != Outcome::none) return pool_->has_answered(*this), true;
  return !is_waiting() && pool_->lend(*this);
}

void Acquire::wait(Awaiting& awaiting, std::coroutine_handle<> waiting) {
  awaiting.wait(awaited_, waiting);
  if (!is_waiting()) pool_->enqueue(*this);
}

Lease Acquire::take() {
  if (outcome_ != Outcome::handed) pool_->refuse(*this);
  outcome_ = Outcome::none;
  return Lease(pool_, slot_);
}

void observe_repeat(const Channel& channel, const ServerError& error) noexcept {
  if (Observer* observer = channel.observer()) observer->on_retry({1, error.sqlstate(), Duration{}});
}

// --- the pool -----------------------------------------------------------------------------------

Pool::Pool(Loop& loop, PoolOptions options) {
  OptionError error;
  if (!options.connect.complete(error)) throw ConfigurationError(error);
  state_ = std::make_shared<PoolState>(loop, std::move(options));
  state_->pump();
}

Pool::~Pool() {
  state_->close();
  state_->abort();
}

Task<std::vector<Loan>> Pool::close(Duration limit) {
  state_->close();
  return close_slowly(state_, limit);
}
void Pool::expire() { state_->expire(); }
PoolRequest<OfScript<Script>> Pool::execute(PoolSql script) {
  return {state_, script.where(), script.text()};
}

PoolRequest<OfScript<ScriptResults>> Pool::query_script(PoolSql script) {
  return {state_, script.where(), script.text()};
}

const TypeNames* Pool::types() const noexcept { return state_->options().connect.types.get(); }
PoolStats Pool::stats() const { return state_->stats(); }
std::vector<Loan> Pool::loans() const { return state_->loans(); }

}  // namespace pgstride::inline v0
