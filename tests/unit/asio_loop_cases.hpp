// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// An Asio adapter against what Loop promises. Included by a test of each Asio, which names it `Asios`; the two
// cannot be in one translation unit.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <tuple>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/coro/run.hpp"

#include "tests/support/failing_allocations.hpp"

namespace pgstride::test {

using namespace std::chrono_literals;

struct OnFd final : FdHandler {
  explicit OnFd(std::function<void(Ready)> what_) : what(std::move(what_)) {}
  void on_fd(Ready ready) noexcept override { what(ready); }
  std::function<void(Ready)> what;
};

struct OnTimer final : TimerHandler {
  explicit OnTimer(std::function<void()> what_) : what(std::move(what_)) {}
  void on_timer() noexcept override { what(); }
  std::function<void()> what;
};

struct Work final : Job {
  Work(std::function<void()> work_, std::function<void()> done_)
      : at_work(std::move(work_)), at_end(std::move(done_)) {}
  void work() noexcept override { at_work(); }
  void done() noexcept override { at_end(); }
  std::function<void()> at_work;
  std::function<void()> at_end;
};

struct Ends {
  Ends() { BOOST_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()) == 0); }
  ~Ends() {
    close(fds[0]);
    close(fds[1]);
  }
  void send_byte() const { BOOST_REQUIRE(write(fds[1], "x", 1) == 1); }
  void take_byte() const {
    char byte = 0;
    BOOST_REQUIRE(read(fds[0], &byte, 1) == 1);
  }
  std::array<int, 2> fds{};
};

BOOST_AUTO_TEST_SUITE(asio_loop)

BOOST_AUTO_TEST_CASE_TEMPLATE(watches_are_level_triggered, Asio, Asios) {
  typename Asio::Context context;
  BasicAsioLoop<Asio> loop(context);
  const Ends ends;
  int told = 0;
  OnFd handler([&](Ready ready) {
    BOOST_TEST(has(ready, Ready::read));
    if (++told == 3) ends.take_byte();  // until then it is told again and again
  });
  auto watch = loop.watch(ends.fds[0], handler);
  watch->want(Ready::read);
  ends.send_byte();
  loop.run_until([&] { return told == 3; });
  context.poll();
  BOOST_TEST(told == 3);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_not_wanted_is_not_told, Asio, Asios) {
  typename Asio::Context context;
  BasicAsioLoop<Asio> loop(context);
  const Ends ends;
  std::vector<Ready> told;
  std::unique_ptr<Watch> watch;
  OnFd handler([&](Ready ready) {
    told.push_back(ready);
    watch->want(Ready::none);
  });
  watch = loop.watch(ends.fds[0], handler);
  watch->want(Ready::both);
  loop.run_until([&] { return !told.empty(); });
  ends.send_byte();
  context.poll();
  BOOST_REQUIRE(told.size() == 1U);
  BOOST_TEST((told[0] == Ready::write));
  watch->want(Ready::read);
  loop.run_until([&] { return told.size() == 2; });
  BOOST_TEST((told[1] == Ready::read));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_handler_may_end_its_watch, Asio, Asios) {
  typename Asio::Context context;
  BasicAsioLoop<Asio> loop(context);
  const Ends ends;
  int told = 0;
  std::unique_ptr<Watch> watch;
  OnFd handler([&](Ready) {
    ++told;
    watch.reset();
  });
  watch = loop.watch(ends.fds[0], handler);
  watch->want(Ready::both);
  ends.send_byte();
  context.run();  // ends, as nothing is watched any more
  BOOST_TEST(told == 1);
  ends.take_byte();  // the descriptor is still open
}

BOOST_AUTO_TEST_CASE_TEMPLATE(timers, Asio, Asios) {
  typename Asio::Context context;
  BasicAsioLoop<Asio> loop(context);
  std::vector<int> fired;
  OnTimer first([&] { fired.push_back(1); }), second([&] { fired.push_back(2); }),
      never_([&] { fired.push_back(3); });
  auto a = loop.timer(first);
  auto b = loop.timer(second);
  auto c = loop.timer(never_);
  b->arm(loop.now() + 20ms);
  a->arm(loop.now() + 1h);
  a->arm(loop.now() - 1s);
  c->arm(loop.now());
  c->cancel();
  context.run();
  BOOST_TEST((fired == std::vector{1, 2}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_timer_handler_may_destroy_or_rearm_its_timer, Asio, Asios) {
  typename Asio::Context context;
  BasicAsioLoop<Asio> loop(context);
  int fired = 0;
  std::unique_ptr<Timer> timer;
  OnTimer handler([&] {
    if (++fired == 3) return timer.reset();
    timer->arm(loop.now());
  });
  timer = loop.timer(handler);
  timer->arm(loop.now());
  context.run();
  BOOST_TEST(fired == 3);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(jobs, Asio, Asios) {
  typename Asio::Context context;
  BasicAsioLoop<Asio> loop(context);
  const auto here = std::this_thread::get_id();
  std::thread::id worked, ended;
  bool posted = false;
  loop.post(std::make_unique<Work>([] {}, [&] { posted = true; }));
  BOOST_TEST(!posted);
  loop.offload(std::make_unique<Work>([&] { worked = std::this_thread::get_id(); },
                                      [&] { ended = std::this_thread::get_id(); }));
  context.run();
  BOOST_TEST(posted);
  BOOST_TEST((worked != here && worked != std::thread::id()));
  BOOST_TEST((ended == here));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_loop_s_thread_destroys_what_another_has_done, Asio, Asios) {
  typename Asio::Context context;
  BasicAsioLoop<Asio> loop(context);
  const auto here = std::this_thread::get_id();
  for (int i = 0; i < 300; ++i) {
    context.restart();
    std::atomic<bool> gone = false, gone_elsewhere = false;
    std::shared_ptr<void> part(nullptr, [&](void*) {
      gone_elsewhere = std::this_thread::get_id() != here;
      gone = true;
    });
    loop.offload(std::make_unique<Work>([] {}, [part = std::move(part)] {}));
    while (!gone) {
      context.poll();  // at once, when the other thread may not be through with it
      std::this_thread::yield();
    }
    BOOST_TEST_REQUIRE(!gone_elsewhere);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(knows_its_thread, Asio, Asios) {
  typename Asio::Context context;
  BasicAsioLoop<Asio> loop(context);
  const auto is_there = [&] {
    bool there = false;
    std::thread([&] { there = loop.is_here(); }).join();
    return there;
  };
  BOOST_TEST(loop.is_here());
  BOOST_TEST(is_there());  // as long as nobody has run it
  bool was_here = false;
  loop.post(std::make_unique<Work>([] {}, [&] { was_here = loop.is_here(); }));
  context.run();
  BOOST_TEST(was_here);
  BOOST_TEST(loop.is_here());
  BOOST_TEST(!is_there());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(jobs_are_dropped_with_the_loop, Asio, Asios) {
  typename Asio::Context context;
  const auto watched = std::make_shared<int>(0);
  {
    BasicAsioLoop<Asio> loop(context);
    loop.post(std::make_unique<Work>([] {}, [watched] { ++*watched; }));
    loop.offload(std::make_unique<Work>([] {}, [watched] { ++*watched; }));
  }
  context.run();
  BOOST_TEST(*watched == 0);
  BOOST_TEST(watched.use_count() == 1);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(runs_coroutines, Asio, Asios) {
  typename Asio::Context context;
  BasicAsioLoop<Asio> loop(context);
  const auto nap = [](Loop& on) -> Task<int> {
    Sleep pause = sleep(on, 1ms);
    co_await pause;
    co_return 5;
  };
  BOOST_TEST(run(loop, nap(loop)) == 5);
  BOOST_TEST(run(loop, nap(loop)) == 5);  // the context has run out of work in between
}

// Nobody could be told of it (R-M8, LK-7).
BOOST_AUTO_TEST_CASE_TEMPLATE(waiting_takes_no_memory, Asio, Asios) {
  typename Asio::Context context;
  BasicAsioLoop<Asio> loop(context);
  const Ends ends;
  int told = 0, fired = 0;
  OnFd handler([&](Ready) { ++told; });
  OnTimer timer_handler([&] { ++fired; });
  auto watch = loop.watch(ends.fds[0], handler);
  auto timer = loop.timer(timer_handler);
  timer->arm(loop.now());  // now the context has room for one more timer
  context.run();
  ends.send_byte();
  OneFails first(1);
  first.counting([&] {
    watch->want(Ready::both);
    timer->arm(loop.now() + 1h);
    timer->arm(loop.now());
    loop.run_until([&] { return told > 3 && fired == 2; });
  });
  BOOST_TEST(!first.happened());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(out_of_memory, Asio, Asios) {
  bool is_over = false;
  for (long nth = 1; !is_over; ++nth) {
    OneFails one(nth);
    typename Asio::Context context;
    const Ends ends;
    std::optional<BasicAsioLoop<Asio>> loop;
    OnFd handler([](Ready) {});
    OnTimer timer_handler([] {});
    std::unique_ptr<Watch> watch;
    std::unique_ptr<Timer> timer;
    int ended = 0;
    std::unique_ptr<Job> posted = std::make_unique<Work>([] {}, [&] { ++ended; });
    std::unique_ptr<Job> offloaded = std::make_unique<Work>([] {}, [&] { ++ended; });
    one.attempt([&] { loop.emplace(context); });
    if (!loop) continue;
    one.attempt([&] { watch = loop->watch(ends.fds[0], handler); });
    one.attempt([&] { timer = loop->timer(timer_handler); });
    one.attempt([&] { loop->post(std::move(posted)); });
    one.attempt([&] { loop->offload(std::move(offloaded)); });
    context.run();  // has an end
    is_over = !one.happened();
    if (is_over) BOOST_TEST((watch && timer && ended == 2));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
