// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/fake_loop.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <utility>

namespace pgstride::test {
namespace {

Ready masked(Ready ready, Ready wanted) noexcept {
  return static_cast<Ready>(static_cast<unsigned>(ready) & static_cast<unsigned>(wanted));
}

template <class T>
bool contains(const std::vector<T*>& all, const T* one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

class FakeLoop::FakeWatch final : public Watch {
 public:
  FakeWatch(FakeLoop& loop, int fd, FdHandler& handler)
      : loop_(loop), serial_(++loop.last_serial_), fd_(fd), handler_(handler) {
    loop_.watches_.push_back(this);
  }
  FakeWatch(const FakeWatch&) = delete;
  FakeWatch& operator=(const FakeWatch&) = delete;
  ~FakeWatch() override { std::erase(loop_.watches_, this); }

  void want(Ready ready) override {
    wanted_ = ready;
    if (ready == Ready::none) stopped_ = false;
  }
  // Whoever speaks to those on this loop does so on its thread, and so has said nothing since.
  bool drained() noexcept override {
    std::byte next{};
    if (::recv(fd_, &next, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) return !loop_.tells_of_errors_once_;
    std::fprintf(stderr, "FakeLoop: a descriptor is said to be drained, and is not\n");
    std::abort();
  }

  std::uint64_t serial() const noexcept { return serial_; }
  int fd() const noexcept { return fd_; }
  Ready wanted() const noexcept { return wanted_; }
  void inject(Ready ready) noexcept { injected_ = injected_ | ready; }

  pollfd question() const noexcept {
    const int events = (has(wanted_, Ready::read) ? POLLIN : 0) | (has(wanted_, Ready::write) ? POLLOUT : 0);
    return {wanted_ == Ready::none || stopped_ ? -1 : fd_, static_cast<short>(events), 0};
  }

  /// True when the handler was called; it may have destroyed *this.
  bool report(short events) noexcept {
    Ready ready = masked(std::exchange(injected_, Ready::none), wanted_);
    if ((events & POLLIN) != 0) ready = ready | Ready::read;
    if ((events & POLLOUT) != 0) ready = ready | Ready::write;
    if ((events & (POLLERR | POLLHUP)) != 0) {
      ready = Ready::both;
      stopped_ = loop_.tells_of_errors_once_;
    }
    if (wanted_ == Ready::none || ready == Ready::none) return false;
    handler_.on_fd(ready);
    return true;
  }

 private:
  FakeLoop& loop_;
  std::uint64_t serial_;  // an address may be that of a later watch
  int fd_;
  FdHandler& handler_;
  Ready wanted_ = Ready::none;
  Ready injected_ = Ready::none;
  bool stopped_ = false;
};

class FakeLoop::FakeTimer final : public Timer {
 public:
  FakeTimer(FakeLoop& loop, TimerHandler& handler) : loop_(loop), handler_(handler) {
    loop_.timers_.push_back(this);
  }
  FakeTimer(const FakeTimer&) = delete;
  FakeTimer& operator=(const FakeTimer&) = delete;
  ~FakeTimer() override { std::erase(loop_.timers_, this); }

  void arm(TimePoint at) override { at_ = at; }
  void cancel() noexcept override { at_ = never; }

  TimePoint at() const noexcept { return at_; }
  void fire() noexcept {
    at_ = never;
    handler_.on_timer();  // may have destroyed *this
  }

 private:
  FakeLoop& loop_;
  TimerHandler& handler_;
  TimePoint at_ = never;
};

FakeLoop::FakeLoop() = default;

FakeLoop::~FakeLoop() {
  // Dropping a job may drop a watch or a timer, or post another job.
  while (!posted_.empty() || !offloaded_.empty()) {
    std::exchange(posted_, {}).clear();
    std::exchange(offloaded_, {}).clear();
  }
  if (watches_.empty() && timers_.empty()) return;
  std::fprintf(stderr, "FakeLoop: %zu watches and %zu timers outlive the loop\n", watches_.size(),
               timers_.size());
  std::abort();
}

std::unique_ptr<Watch> FakeLoop::watch(int fd, FdHandler& handler) {
  return std::make_unique<FakeWatch>(*this, fd, handler);
}

std::unique_ptr<Timer> FakeLoop::timer(TimerHandler& handler) {
  return std::make_unique<FakeTimer>(*this, handler);
}

void FakeLoop::post(std::unique_ptr<Job> job) { posted_.push_back(std::move(job)); }
void FakeLoop::offload(std::unique_ptr<Job> job) { offloaded_.push_back(std::move(job)); }

bool FakeLoop::turn() {
  const bool ran = run_jobs();
  const bool fired = fire_timers();
  const bool reported = report_ready();
  return ran || fired || reported;
}

void FakeLoop::run_until_idle() {
  for (int i = 0; i < turn_limit; ++i) {
    if (!turn()) return;
  }
  throw std::logic_error("FakeLoop: turns without end");
}

void FakeLoop::advance(Duration duration) {
  const auto end = now_ + duration;
  run_until_idle();
  while (next_timer() <= end) {
    now_ = std::max(now_, next_timer());
    run_until_idle();
  }
  now_ = end;
  run_until_idle();
}

void FakeLoop::make_ready(int fd, Ready ready) {
  for (auto* watch : watches_) {
    if (watch->fd() == fd) watch->inject(ready);
  }
}

std::size_t FakeLoop::armed_timers() const noexcept {
  const auto armed =
      std::count_if(timers_.begin(), timers_.end(), [](const auto* t) { return t->at() != never; });
  return static_cast<std::size_t>(armed);
}

TimePoint FakeLoop::next_timer() const noexcept {
  auto next = never;
  for (const auto* timer : timers_) next = std::min(next, timer->at());
  return next;
}

Ready FakeLoop::wanted(int fd) const noexcept {
  for (const auto* watch : watches_) {
    if (watch->fd() == fd) return watch->wanted();
  }
  return Ready::none;
}

bool FakeLoop::run_jobs() {
  auto posted = std::exchange(posted_, {});
  std::vector<std::unique_ptr<Job>> offloaded;
  if (!holding_) offloaded.swap(offloaded_);
  for (auto& job : posted) {
    job->done();
    job.reset();
  }
  for (auto& job : offloaded) {
    job->work();
    job->done();
    job.reset();
  }
  return !posted.empty() || !offloaded.empty();
}

bool FakeLoop::fire_timers() {
  std::multimap<TimePoint, FakeTimer*> due;
  for (auto* timer : timers_)
    if (timer->at() <= now_) due.emplace(timer->at(), timer);
  for (const auto& [at, timer] : due) {
    // An earlier one may have destroyed it or put it off.
    if (contains(timers_, timer) && timer->at() <= now_) timer->fire();
  }
  return !due.empty();
}

bool FakeLoop::report_ready() {
  std::vector<std::uint64_t> serials;
  std::vector<pollfd> questions;
  for (const auto* watch : watches_) {
    serials.push_back(watch->serial());
    questions.push_back(watch->question());
  }
  if (!questions.empty()) ::poll(questions.data(), static_cast<nfds_t>(questions.size()), 0);

  bool reported = false;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    if ((questions[i].revents & POLLNVAL) != 0)
      throw std::logic_error("FakeLoop: a closed descriptor is watched");
    // An earlier handler may have destroyed it.
    const auto watch = std::find_if(watches_.begin(), watches_.end(),
                                    [&](const auto* each) { return each->serial() == serials[i]; });
    if (watch != watches_.end() && (*watch)->report(questions[i].revents)) reported = true;
  }
  return reported;
}

bool FakeLoop::skip_to_next_timer() {
  const auto next = next_timer();
  if (next == never) return false;
  now_ = std::max(now_, next);
  return true;
}

}  // namespace pgstride::test
