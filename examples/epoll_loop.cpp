// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// pgstride on an event loop of one's own, from epoll_wait() up. Run it with a connection string.
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <future>
#include <map>

#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

class EpollLoop final : public Loop {
 public:
  ~EpollLoop() { close(epoll_); }
  std::unique_ptr<Watch> watch(int fd, FdHandler& handler) override {
    return std::make_unique<Descriptor>(epoll_, fd, handler);
  }
  std::unique_ptr<Timer> timer(TimerHandler& handler) override {
    return std::make_unique<Alarm>(alarms_, handler);
  }
  void post(std::unique_ptr<Job> job) override { posted_.push_back(std::move(job)); }
  void offload(std::unique_ptr<Job> job) override {
    auto work = std::async(std::launch::async, &Job::work, job.get());
    helpers_.emplace_back(std::move(job), std::move(work));
  }
  TimePoint now() const noexcept override { return Clock::now(); }

  template <class Predicate>
  void run_until(Predicate done) {
    while (!done()) turn();
  }

 private:
  struct Descriptor final : Watch {
    Descriptor(int epoll_, int fd_, FdHandler& h) : epoll(epoll_), fd(fd_), handler(h) {
      control(EPOLL_CTL_ADD, Ready::none);
    }
    ~Descriptor() override { control(EPOLL_CTL_DEL, Ready::none); }
    void want(Ready ready) override { control(EPOLL_CTL_MOD, ready); }
    void control(int what, Ready ready) {
      epoll_event event{};
      event.events = (has(ready, Ready::read) ? EPOLLIN : 0U) | (has(ready, Ready::write) ? EPOLLOUT : 0U);
      event.data.ptr = this;
      epoll_ctl(epoll, what, fd, &event);
    }
    int epoll, fd;
    FdHandler& handler;
  };

  struct Alarm final : Timer {
    using Queue = std::multimap<TimePoint, Alarm*>;
    Alarm(Queue& q, TimerHandler& h) : queue(q), place(q.end()), handler(h) {}
    ~Alarm() override { cancel(); }
    void arm(TimePoint at) override {
      cancel();
      place = queue.emplace(at, this);
    }
    void cancel() noexcept override {
      if (place != queue.end()) queue.erase(std::exchange(place, queue.end()));
    }
    Queue& queue;
    Queue::iterator place;
    TimerHandler& handler;
  };

  void turn() {
    for (auto& job : std::exchange(posted_, {})) job->done();  // what these post waits for the next turn
    for (const TimePoint start = now(); !alarms_.empty() && alarms_.begin()->first <= start;) {
      Alarm& due = *alarms_.begin()->second;
      due.cancel();
      due.handler.on_timer();  // may have destroyed it
    }
    for (auto& [job, work] : std::exchange(helpers_, {})) {
      const bool over = work.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
      over ? job->done() : void(helpers_.emplace_back(std::move(job), std::move(work)));
    }
    // One event at a time: its handler may end any other watch.
    epoll_event event{};
    if (epoll_wait(epoll_, &event, 1, patience()) != 1) return;
    const bool broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
    const Ready read = broken || (event.events & EPOLLIN) != 0 ? Ready::read : Ready::none;
    const Ready write = broken || (event.events & EPOLLOUT) != 0 ? Ready::write : Ready::none;
    static_cast<Descriptor*>(event.data.ptr)->handler.on_fd(read | write);
  }
  int patience() const {  // in milliseconds; helpers are looked after every ten
    if (!posted_.empty()) return 0;
    const long most = helpers_.empty() ? 1000 : 10;
    if (alarms_.empty()) return static_cast<int>(most);
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(alarms_.begin()->first - now());
    return static_cast<int>(std::clamp<long>(wait.count(), 0, most));
  }

  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  Alarm::Queue alarms_;
  std::vector<std::unique_ptr<Job>> posted_;
  std::vector<std::pair<std::unique_ptr<Job>, std::future<void>>> helpers_;
};

static Task<> ask(Loop& loop, std::string dsn) {
  Connection connection = co_await connect(loop, dsn);
  const auto version = co_await connection.query_one<std::string>("select version()");
  std::puts(version.c_str());
}

int main(int argc, char** argv) {
  EpollLoop loop;
  run(loop, ask(loop, argc > 1 ? argv[1] : ""));
}
