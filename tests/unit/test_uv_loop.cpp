// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include <boost/test/unit_test.hpp>
#include <uv.h>

#include "pgstride/driver/loop/uv.hpp"
#include "pgstride/driver/net/socket.hpp"

#include "tests/support/call.hpp"

namespace {

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

struct Pair {
  Pair() {
    int fds[2];
    BOOST_TEST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    near = Socket(fds[0]);
    far = Socket(fds[1]);
  }
  Socket near;
  Socket far;
};

std::array<std::byte, 4096> scratch;

IoResult say(Socket& socket) { return socket.write_some(std::span(scratch).first(1)); }
IoResult hear(Socket& socket) { return socket.read_some(scratch); }

/// Notes what became of it.
struct Witness final : Job {
  explicit Witness(std::string& log_) : log(log_) {}
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() override { log += "~"; }
  void done() noexcept override { log += "done"; }
  std::string& log;
};

struct Work final : Job {
  Work(std::function<void()> w, std::function<void()> d) : in_work(std::move(w)), in_done(std::move(d)) {}
  void work() noexcept override { in_work(); }
  void done() noexcept override { in_done(); }
  std::function<void()> in_work;
  std::function<void()> in_done;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(uv_loop)

BOOST_AUTO_TEST_CASE(readiness_is_level_triggered) {
  UvLoop loop;
  Pair pair;
  Call handler;
  const auto watch = loop.watch(pair.near.fd(), handler);
  watch->want(Ready::read);
  BOOST_TEST(say(pair.far).bytes == 1U);
  loop.run_once();
  loop.run_once();
  BOOST_TEST(handler.calls == 2);
  BOOST_TEST((handler.ready == Ready::read));

  watch->want(Ready::both);
  loop.run_once();
  BOOST_TEST((handler.ready == Ready::both));
  BOOST_TEST(hear(pair.near).bytes == 1U);
  loop.run_once();
  BOOST_TEST((handler.ready == Ready::write));

  watch->want(Ready::none);
  BOOST_TEST(!loop.run_once());
  BOOST_TEST(handler.calls == 4);
}

BOOST_AUTO_TEST_CASE(a_hang_up_is_readiness) {
  UvLoop loop;
  Pair pair;
  Call handler;
  const auto watch = loop.watch(pair.near.fd(), handler);
  watch->want(Ready::read);
  pair.far.close();
  loop.run_once();
  BOOST_TEST(has(handler.ready, Ready::read));
  BOOST_TEST(hear(pair.near).eof);
}

// libuv ends a poll that meets an error.
BOOST_AUTO_TEST_CASE(an_error_is_readiness_until_it_is_taken) {
  UvLoop loop;
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  const Socket owner(listener);
  auto at = *Address::from_literal("127.0.0.1", 0);
  BOOST_TEST_REQUIRE(::bind(listener, at.data(), at.size()) == 0);
  BOOST_TEST_REQUIRE(::listen(listener, 1) == 0);
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  BOOST_TEST_REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&bound), &size) == 0);
  at = {reinterpret_cast<const sockaddr*>(&bound), size};

  Socket near;
  Call handler;
  const auto begun = near.connect_start(at);
  const auto watch = loop.watch(near.fd(), handler);
  if (begun) {
    BOOST_TEST((begun == std::errc::operation_in_progress));
    watch->want(Ready::write);
    loop.run_once();
    BOOST_TEST(!near.connect_finish());
  }
  watch->want(Ready::read);
  Socket far(::accept(listener, nullptr, nullptr));
  const linger at_once{1, 0};
  ::setsockopt(far.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  far.close();  // resets the connection
  handler.calls = 0;
  loop.run_once();
  loop.run_once();
  BOOST_TEST(handler.calls == 2);
  BOOST_TEST((handler.ready == Ready::both));
  BOOST_TEST((near.connect_finish() == std::errc::connection_reset));
}

BOOST_AUTO_TEST_CASE(a_watch_may_be_destroyed_by_its_handler) {
  UvLoop loop;
  Pair pair;
  std::unique_ptr<Watch> watch;
  Call handler([&] {
    watch.reset();
    pair.near.close();
  });
  watch = loop.watch(pair.near.fd(), handler);
  watch->want(Ready::write);
  loop.run();
  BOOST_TEST(handler.calls == 1);
}

BOOST_AUTO_TEST_CASE(a_destroyed_watch_is_not_called_though_it_was_ready) {
  UvLoop loop;
  Pair first;
  Pair second;
  std::unique_ptr<Watch> first_watch;
  std::unique_ptr<Watch> second_watch;
  int calls = 0;
  const auto drop_both = [&] {
    ++calls;
    first_watch.reset();
    second_watch.reset();
  };
  Call first_handler(drop_both);
  Call second_handler(drop_both);
  first_watch = loop.watch(first.near.fd(), first_handler);
  second_watch = loop.watch(second.near.fd(), second_handler);
  first_watch->want(Ready::write);
  second_watch->want(Ready::write);
  loop.run();
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(a_descriptor_can_be_watched_again) {
  UvLoop loop;
  Pair pair;
  for (int i = 0; i < 3; ++i) {
    Call handler;
    const auto watch = loop.watch(pair.near.fd(), handler);
    watch->want(Ready::write);
    loop.run_once();
    BOOST_TEST(handler.calls == 1);
  }
}

BOOST_AUTO_TEST_CASE(what_can_not_be_polled_is_said_to_be_ready) {
  UvLoop loop;
  const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);  // epoll refuses it
  BOOST_TEST_REQUIRE(file >= 0);
  const Socket owner(file);
  std::unique_ptr<Watch> watch;
  Call handler([&] {
    if (handler.calls == 2) watch.reset();
  });
  watch = loop.watch(file, handler);
  watch->want(Ready::read);
  loop.run();
  BOOST_TEST(handler.calls == 2);
  BOOST_TEST((handler.ready == Ready::read));
}

BOOST_AUTO_TEST_CASE(timers_are_never_early) {
  UvLoop loop;
  for (const auto wait : {0us, 300us, 1000us, 2700us, 5100us}) {
    const auto at = loop.now() + wait;
    TimePoint fired{};
    Call handler([&] { fired = loop.now(); });
    const auto timer = loop.timer(handler);
    timer->arm(at);
    loop.run();
    BOOST_TEST((fired >= at));
  }
}

BOOST_AUTO_TEST_CASE(timers_fire_once_and_in_order) {
  UvLoop loop;
  std::string log;
  Call on_a([&] { log += "a"; });
  Call on_b([&] { log += "b"; });
  Call on_c([&] { log += "c"; });
  const auto a = loop.timer(on_a);
  const auto b = loop.timer(on_b);
  const auto c = loop.timer(on_c);
  const auto now = loop.now();
  a->arm(now + 1h);
  a->arm(now + 20ms);
  b->arm(now + 5ms);
  c->arm(now + 1ms);
  c->cancel();
  loop.run();
  BOOST_TEST(log == "ba");
  c->arm(never);
  BOOST_TEST(!loop.run_once());
  c->arm(TimePoint::min());
  loop.run();
  BOOST_TEST(log == "bac");
}

BOOST_AUTO_TEST_CASE(a_timer_may_rearm_and_destroy_itself) {
  UvLoop loop;
  int fired = 0;
  std::unique_ptr<Timer> timer;
  Call handler([&] {
    if (++fired < 5) return timer->arm(loop.now() - 1s);
    timer.reset();
  });
  timer = loop.timer(handler);
  timer->arm(loop.now());
  loop.run();
  BOOST_TEST(fired == 5);
}

BOOST_AUTO_TEST_CASE(a_timer_that_is_always_due_leaves_room_for_others) {
  UvLoop loop;
  bool posted = false;
  std::unique_ptr<Timer> timer;
  Call handler([&] { timer->arm(TimePoint::min()); });
  timer = loop.timer(handler);
  timer->arm(TimePoint::min());
  loop.post(call([&] { posted = true; }));
  loop.run_until([&] { return posted; });
  BOOST_TEST(posted);
}

BOOST_AUTO_TEST_CASE(posts_keep_the_loop_alive_and_run_in_later_turns) {
  UvLoop loop;
  std::string log;
  loop.post(call([&] {
    log += "a";
    loop.post(call([&] { log += "c"; }));
    log += "(";
  }));
  loop.post(call([&] { log += "b"; }));
  BOOST_TEST(log.empty());
  loop.run();
  BOOST_TEST(log == "a(bc");
}

BOOST_AUTO_TEST_CASE(work_runs_elsewhere_and_ends_here) {
  UvLoop loop;
  const auto here = std::this_thread::get_id();
  std::thread::id worked;
  std::thread::id ended;
  loop.offload(std::make_unique<Work>([&] { worked = std::this_thread::get_id(); },
                                      [&] { ended = std::this_thread::get_id(); }));
  loop.run();
  BOOST_TEST((worked != std::thread::id()));
  BOOST_TEST((worked != here));
  BOOST_TEST((ended == here));
}

BOOST_AUTO_TEST_CASE(teardown_with_everything_alive) {
  std::string posted;
  std::string queued;
  Pair pair;
  Call handler;
  std::unique_ptr<Watch> watch;
  std::unique_ptr<Timer> timer;
  bool finished = false;
  {
    UvLoop loop;
    watch = loop.watch(pair.near.fd(), handler);
    watch->want(Ready::both);
    timer = loop.timer(handler);
    timer->arm(loop.now() + 1h);
    loop.post(std::make_unique<Witness>(posted));

    // One job in work, which is waited for, and more than there are threads behind it.
    std::promise<void> begun;
    loop.offload(std::make_unique<Work>(
        [&] {
          begun.set_value();
          finished = true;
        },
        [] { BOOST_ERROR("done() after the loop"); }));
    begun.get_future().wait();
    for (int i = 0; i < 20; ++i) loop.offload(std::make_unique<Witness>(queued));
    loop.stop();  // not to be taken for the end of the closing
  }
  BOOST_TEST(finished);
  BOOST_TEST(posted == "~");
  BOOST_TEST(queued == std::string(20, '~'));
  BOOST_TEST(handler.calls == 0);
  watch->want(Ready::read);
  timer->arm(Clock::now());
  timer->cancel();
  watch.reset();
  timer.reset();
}

BOOST_AUTO_TEST_CASE(a_dropped_job_may_hold_handles_and_post) {
  Pair pair;
  Call handler;
  struct Holder final : Job {
    Holder(UvLoop& l, int fd, Call& h) : loop(l), watch(l.watch(fd, h)), timer(l.timer(h)) {}
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;
    ~Holder() override {
      loop.post(call([] { BOOST_ERROR("ran"); }));
    }
    void done() noexcept override { BOOST_ERROR("ran"); }
    UvLoop& loop;
    std::unique_ptr<Watch> watch;
    std::unique_ptr<Timer> timer;
  };
  UvLoop loop;
  loop.post(std::make_unique<Holder>(loop, pair.near.fd(), handler));
}

BOOST_AUTO_TEST_CASE(a_guest_leaves_its_host_usable) {
  uv_loop_t host;
  BOOST_TEST_REQUIRE(uv_loop_init(&host) == 0);
  Pair pair;
  Call handler;
  std::string log;
  bool ran = false;
  {
    UvLoop loop(&host);
    loop.post(call([&] { ran = true; }));
    uv_run(&host, UV_RUN_DEFAULT);
    const auto watch = loop.watch(pair.near.fd(), handler);
    watch->want(Ready::read);
    loop.offload(std::make_unique<Witness>(log));
  }
  BOOST_TEST(ran);
  BOOST_TEST(uv_run(&host, UV_RUN_DEFAULT) == 0);
  BOOST_TEST(log == "~");
  BOOST_TEST(uv_loop_close(&host) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
