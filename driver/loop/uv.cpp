// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/loop/uv.hpp"

#include <atomic>
#include <cassert>
#include <cstdint>
#include <memory>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <uv.h>

#ifdef __linux__
#include <sys/epoll.h>
#endif

#include "pgstride/driver/net/fork.hpp"

namespace pgstride::inline v0 {
namespace {

/// A member of a circular list; alone, its own neighbour. Leaves the list when destroyed.
class Link {
 public:
  Link() noexcept = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void join(Link& list) noexcept {
    next_ = &list;
    previous_ = list.previous_;
    previous_->next_ = this;
    list.previous_ = this;
  }
  void leave() noexcept {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = this;
  }
  Link* next() const noexcept { return next_; }

 protected:
  ~Link() { leave(); }

 private:
  Link* next_ = this;
  Link* previous_ = this;
};

struct List final : Link {};

/// Something of ours that libuv holds a pointer to, and that must let go of it before the loop.
class Guest : public Link {
 public:
  virtual void detach() noexcept = 0;
  /// What was reported and not looked at yet shall be reported once more.
  virtual void report_again() noexcept {}

 protected:
  ~Guest() = default;
};

/// uv_close() is asynchronous: libuv looks at a handle until its close callback. So the handle
/// lives on its own, and is freed there.
template <class Handle>
void close_and_free(Handle* handle) noexcept {
  uv_close(reinterpret_cast<uv_handle_t*>(handle),
           [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
}

template <class Handle>
struct Close {
  void operator()(Handle* handle) const noexcept { close_and_free(handle); }
};
/// A handle that is initialised.
template <class Handle>
using Owned = std::unique_ptr<Handle, Close<Handle>>;

void must(int status) {
  if (status == UV_ENOMEM) throw std::bad_alloc();
  if (status < 0) throw std::system_error(-status, std::system_category(), "libuv loop");
}

class UvWatch final : public Watch, Guest {
 public:
  UvWatch(Owned<uv_poll_t>&& poll, FdHandler& handler, Link& guests)
      : poll_(std::move(poll)), handler_(handler) {
    poll_->data = this;
    join(guests);
  }
  ~UvWatch() override { detach(); }

  void want(Ready ready) override {
    // libuv takes the descriptor out of epoll and in again even when nothing changes.
    if (poll_ == nullptr || ready == wanted_ || !birth_.is_here()) return;
    wanted_ = ready;
    start();
  }

  bool drained() noexcept override {
    if (!edge_triggered_ && wanted_ == Ready::read && poll_ != nullptr) edge_triggered_ = trigger_by_edge();
    return true;
  }

  void detach() noexcept override {
    if (poll_ == nullptr) return;
    poll_->data = nullptr;
    // A child shares the epoll with its parent, who would not hear of the descriptor any more.
    if (!birth_.is_here()) static_cast<void>(poll_.release());
    poll_.reset();
    leave();
  }
  void report_again() noexcept override {
    if (edge_triggered_) start();
  }

 private:
  /// Level-triggered.
  void start() noexcept {
    edge_triggered_ = false;
    if (wanted_ == Ready::none) {
      uv_poll_stop(poll_.get());
      return;
    }
    const int events = (has(wanted_, Ready::read) ? UV_READABLE | UV_DISCONNECT : 0) |
                       (has(wanted_, Ready::write) ? UV_WRITABLE : 0);
    [[maybe_unused]] const int status = uv_poll_start(poll_.get(), events, on_poll);
    assert(status == 0);  // fails for a closing handle only
  }

  /// Behind libuv's back, which has no word for it. Level-triggered, epoll asks the socket once more before it
  /// sleeps, which is a twentieth of what a short query costs. False where there is no epoll, or nothing in it yet.
  bool trigger_by_edge() noexcept {
#ifdef __linux__
    uv_os_fd_t fd = -1;
    if (uv_fileno(reinterpret_cast<uv_handle_t*>(poll_.get()), &fd) != 0) return false;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    event.data.fd = fd;  // as libuv has it
    return epoll_ctl(uv_backend_fd(poll_->loop), EPOLL_CTL_MOD, fd, &event) == 0;
#else
    return false;
#endif
  }

  static void on_poll(uv_poll_t* poll, int status, int events) noexcept {
    auto* self = static_cast<UvWatch*>(poll->data);
    if (self == nullptr) return;
    auto ready = Ready::both;
    if (status >= 0) {
      ready = ((events & (UV_READABLE | UV_DISCONNECT)) != 0 ? Ready::read : Ready::none) |
              ((events & UV_WRITABLE) != 0 ? Ready::write : Ready::none);
    }
    // An error stops the poll, and an end may not have been seen by who has read all before it.
    if (status < 0 || (self->edge_triggered_ && (events & UV_DISCONNECT) != 0)) self->start();
    self->handler_.on_fd(ready);  // may have destroyed *self
  }

  Owned<uv_poll_t> poll_;  // null when the loop has gone
  FdHandler& handler_;
  Ready wanted_ = Ready::none;
  bool edge_triggered_ = false;
  BirthProcess birth_;
};

class UvTimer final : public Timer, Guest {
 public:
  /// `firing` is the loop's own note that one of its timers is being called.
  UvTimer(Owned<uv_timer_t>&& timer, TimerHandler& handler, Link& guests, bool& firing)
      : timer_(std::move(timer)), handler_(handler), firing_(firing) {
    timer_->data = this;
    join(guests);
  }
  ~UvTimer() override { detach(); }

  void arm(TimePoint at) override {
    if (timer_ == nullptr) return;
    at_ = at;
    if (at == never) return cancel();
    start();
  }

  void cancel() noexcept override {
    if (timer_ != nullptr) uv_timer_stop(timer_.get());
  }

  void detach() noexcept override {
    if (timer_ == nullptr) return;
    timer_->data = nullptr;
    timer_.reset();
    leave();
  }

 private:
  void start() noexcept {
    const auto now = Clock::now();
    std::uint64_t wait = 0;
    if (at_ > now)
      wait = static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(at_ - now).count());
    // libuv calls due timers until none is left: one that re-arms itself for "now" would never end the turn.
    if (wait == 0 && firing_) wait = 1;
    uv_update_time(timer_->loop);  // the wait counts from here, not from the start of the turn
    uv_timer_start(timer_.get(), on_timer, wait, 0);
  }

  static void on_timer(uv_timer_t* timer) noexcept {
    auto* self = static_cast<UvTimer*>(timer->data);
    if (self == nullptr) return;
    auto& firing = self->firing_;
    firing = true;
    if (Clock::now() < self->at_) {
      self->start();  // libuv counts whole milliseconds and may be early by a part of one
    } else {
      self->handler_.on_timer();  // may have destroyed *self
    }
    firing = false;
  }

  Owned<uv_timer_t> timer_;  // null when the loop has gone
  TimerHandler& handler_;
  bool& firing_;
  TimePoint at_ = never;
};

/// For a descriptor that libuv refuses to poll: said to be ready every now and then, so that its
/// owner meets the reason in the descriptor itself.
class BlindWatch final : public Watch, TimerHandler {
 public:
  BlindWatch(Loop& loop, FdHandler& handler) : loop_(loop), handler_(handler), timer_(loop.timer(*this)) {}

  void want(Ready ready) override {
    wanted_ = ready;
    arm();
  }

 private:
  void arm() { timer_->arm(wanted_ == Ready::none ? never : loop_.now() + std::chrono::milliseconds(10)); }

  void on_timer() noexcept override {
    arm();
    handler_.on_fd(wanted_);  // may have destroyed *this
  }

  Loop& loop_;
  FdHandler& handler_;
  Ready wanted_ = Ready::none;
  std::unique_ptr<Timer> timer_;
};

/// A job in libuv's thread pool. Owns itself, because libuv gives it back even after the loop's
/// owner is gone.
class Offloaded final : public Guest {
 public:
  static void start(uv_loop_t* loop, std::unique_ptr<Job> job, Link& guests) {
    auto self = std::make_unique<Offloaded>();
    self->job_ = std::move(job);
    self->request_.data = self.get();
    [[maybe_unused]] const int status = uv_queue_work(loop, &self->request_, work, after);
    assert(status == 0);  // fails for a missing callback only
    self.release()->join(guests);
  }

  void detach() noexcept override {
    dropped_ = true;
    leave();
    uv_cancel(reinterpret_cast<uv_req_t*>(&request_));  // fails when it has begun; then we wait
  }

 private:
  static void work(uv_work_t* request) noexcept { static_cast<Offloaded*>(request->data)->job_->work(); }

  static void after(uv_work_t* request, int) noexcept {
    const std::unique_ptr<Offloaded> self(static_cast<Offloaded*>(request->data));
    if (!self->dropped_) self->job_->done();
  }

  uv_work_t request_{};
  std::unique_ptr<Job> job_;
  bool dropped_ = false;
};

}  // namespace

struct UvLoop::State {
  explicit State(uv_loop_t* host) : loop(host) {
    auto handle = std::make_unique<uv_idle_t>();  // before the loop, which nobody would close
    if (loop == nullptr) {
      must(uv_loop_init(&own));
      loop = &own;
    }
    idle = handle.release();
    uv_idle_init(loop, idle);
    idle->data = this;
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  ~State() {
    closing = true;
    posted.clear();
    while (guests.next() != &guests) static_cast<Guest*>(guests.next())->detach();
    close_and_free(idle);
    if (loop != &own || !birth.is_here()) return;
    while (uv_run(loop, UV_RUN_DEFAULT) != 0) {  // the close callbacks, and work that has begun
    }
    [[maybe_unused]] const int status = uv_loop_close(loop);
    assert(status == 0);
  }

  bool is_here() const noexcept {
    const std::thread::id its = thread.load(std::memory_order_relaxed);
    return its == std::thread::id() || its == std::this_thread::get_id();
  }

  int run(uv_run_mode mode) noexcept {
    std::thread::id nobody;
    thread.compare_exchange_strong(nobody, std::this_thread::get_id(), std::memory_order_relaxed);
    assert(is_here() && "a loop is run on another thread than before");
    // In a handler, the turn around this one may have been told of what this one is run to wait for. Whether a host
    // runs its loop is not known.
    if (turns > 0 || loop != &own)
      for (Link* guest = guests.next(); guest != &guests; guest = guest->next())
        static_cast<Guest*>(guest)->report_again();
    ++turns;
    const int left = uv_run(loop, mode);
    --turns;
    return left;
  }

  static void run_posted(uv_idle_t* idle) noexcept {
    auto* self = static_cast<State*>(idle->data);
    auto batch = std::exchange(self->posted, {});  // what these post runs in the next turn
    for (auto& job : batch) {
      job->done();
      job.reset();
    }
    if (self->posted.empty()) uv_idle_stop(idle);
  }

  BirthProcess birth;
  uv_loop_t own{};
  uv_loop_t* loop;
  uv_idle_t* idle;  // active while jobs are posted: keeps the loop from sleeping, and alive
  std::vector<std::unique_ptr<Job>> posted;
  List guests;
  std::atomic<std::thread::id> thread;  // has run it first
  int turns = 0;                        // within each other, that handlers run
  const bool* awaited = nullptr;        // by the innermost run(over)
  bool firing = false;
  bool closing = false;  // jobs that a dropped job hands over are dropped, too
};

UvLoop::UvLoop() : UvLoop(nullptr) {}
UvLoop::UvLoop(uv_loop_s* host) : state_(std::make_unique<State>(host)) {}
UvLoop::~UvLoop() = default;
bool UvLoop::is_here() const noexcept { return state_->is_here(); }

std::unique_ptr<Watch> UvLoop::watch(int fd, FdHandler& handler) {
  assert(is_here() && "a loop is used on a thread that is not its own");
  auto poll = std::make_unique<uv_poll_t>();
  if (uv_poll_init(state_->loop, poll.get(), fd) != 0) return std::make_unique<BlindWatch>(*this, handler);
  return std::make_unique<UvWatch>(Owned<uv_poll_t>(poll.release()), handler, state_->guests);
}

std::unique_ptr<Timer> UvLoop::timer(TimerHandler& handler) {
  assert(is_here() && "a loop is used on a thread that is not its own");
  auto timer = std::make_unique<uv_timer_t>();
  uv_timer_init(state_->loop, timer.get());
  return std::make_unique<UvTimer>(Owned<uv_timer_t>(timer.release()), handler, state_->guests,
                                   state_->firing);
}

void UvLoop::post(std::unique_ptr<Job> job) {
  assert(is_here() && "a job is posted from a thread that is not the loop's");
  if (state_->closing) return;
  state_->posted.push_back(std::move(job));
  uv_idle_start(state_->idle, State::run_posted);
}

void UvLoop::offload(std::unique_ptr<Job> job) {
  assert(is_here() && "a job is offloaded from a thread that is not the loop's");
  if (!state_->closing) Offloaded::start(state_->loop, std::move(job), state_->guests);
}

bool UvLoop::run() { return state_->run(UV_RUN_DEFAULT) != 0; }
bool UvLoop::run(const bool& over) {
  const bool* const around = std::exchange(state_->awaited, &over);
  while (!over && run()) {  // somebody else has called stop()
  }
  state_->awaited = around;
  if (around && *around) stop();  // libuv has spent it on this one
  return over;
}
bool UvLoop::run_once() { return state_->run(UV_RUN_ONCE) != 0; }
void UvLoop::stop() noexcept { uv_stop(state_->loop); }

}  // namespace pgstride::inline v0
