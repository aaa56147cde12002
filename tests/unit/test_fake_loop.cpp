// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/net/socket.hpp"

#include "tests/support/fake_loop.hpp"

namespace {

using namespace pgstride;
using namespace std::chrono_literals;
using test::FakeLoop;

struct Call final : Job, FdHandler, TimerHandler {
  Call() = default;
  explicit Call(std::function<void()> f) : act(std::move(f)) {}
  void done() noexcept override { act(); }
  void on_timer() noexcept override { act(); }
  void on_fd(Ready r) noexcept override {
    ready = r;
    act();
  }

  std::function<void()> act;
  Ready ready = Ready::none;
};

struct Work final : Job {
  explicit Work(std::string& log) : log_(log) {}
  void work() noexcept override { log_ += "w"; }
  void done() noexcept override { log_ += "d"; }
  std::string& log_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(fake_loop)

BOOST_AUTO_TEST_CASE(posts_run_in_order_and_in_the_next_turn) {
  FakeLoop loop;
  std::string log;
  loop.post(std::make_unique<Call>([&] {
    log += "a";
    loop.post(std::make_unique<Call>([&] { log += "c"; }));
  }));
  loop.post(std::make_unique<Call>([&] { log += "b"; }));
  BOOST_TEST(log.empty());
  BOOST_TEST(loop.turn());
  BOOST_TEST(log == "ab");
  BOOST_TEST(loop.turn());
  BOOST_TEST(log == "abc");
  BOOST_TEST(!loop.turn());
}

BOOST_AUTO_TEST_CASE(time_moves_only_when_told_and_stops_at_every_timer) {
  FakeLoop loop;
  const auto start = loop.now();
  std::string log;
  Call first([&] { log += "1@" + std::to_string((loop.now() - start) / 1s) + " "; });
  Call second([&] { log += "2@" + std::to_string((loop.now() - start) / 1s) + " "; });
  const auto a = loop.timer(first);
  const auto b = loop.timer(second);
  a->arm(start + 5s);
  b->arm(start + 3s);
  loop.run_until_idle();
  BOOST_TEST(log.empty());
  BOOST_TEST((loop.next_timer() == start + 3s));
  loop.advance(4s);
  BOOST_TEST(log == "2@3 ");
  BOOST_TEST((loop.now() == start + 4s));
  loop.advance(1h);
  BOOST_TEST(log == "2@3 1@5 ");
  BOOST_TEST(loop.armed_timers() == 0U);
}

BOOST_AUTO_TEST_CASE(a_timer_may_rearm_cancel_and_destroy) {
  FakeLoop loop;
  int fired = 0;
  std::unique_ptr<Timer> self;
  std::unique_ptr<Timer> other;
  Call on_other([&] { fired += 100; });
  Call on_self([&] {
    ++fired;
    if (fired < 3) return self->arm(loop.now() + 1s);
    other.reset();
    self.reset();
  });
  self = loop.timer(on_self);
  other = loop.timer(on_other);
  self->arm(loop.now() - 1s);
  other->arm(loop.now() + 2s);
  loop.advance(10s);
  BOOST_TEST(fired == 3);
}

BOOST_AUTO_TEST_CASE(readiness_comes_from_the_test_and_from_the_kernel) {
  FakeLoop loop;
  Call imagined([] {});
  const auto watch = loop.watch(-7, imagined);
  loop.make_ready(-7, Ready::both);
  BOOST_TEST(!loop.turn());  // not wanted
  watch->want(Ready::write);
  loop.make_ready(-7, Ready::both);
  BOOST_TEST(loop.turn());
  BOOST_TEST((imagined.ready == Ready::write));
  BOOST_TEST(!loop.turn());

  int fds[2];
  BOOST_TEST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  Socket ours(fds[0]);
  Socket theirs(fds[1]);
  std::array<std::byte, 16> buffer{};
  std::size_t received = 0;
  Call real([&] { received += ours.read_some(buffer).bytes; });
  const auto real_watch = loop.watch(ours.fd(), real);
  real_watch->want(Ready::read);
  BOOST_TEST((loop.wanted(ours.fd()) == Ready::read));
  BOOST_TEST(!loop.turn());
  BOOST_TEST(theirs.write_some(buffer).bytes == 16U);
  loop.run_until_idle();
  BOOST_TEST(received == 16U);
  BOOST_TEST((real.ready == Ready::read));
}

BOOST_AUTO_TEST_CASE(who_leaves_a_descriptor_unread_is_found_out) {
  FakeLoop loop;
  int fds[2];
  BOOST_TEST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  Socket ours(fds[0]);
  { const Socket theirs(fds[1]); }
  Call lazy([] {});
  const auto watch = loop.watch(ours.fd(), lazy);
  watch->want(Ready::read);
  BOOST_CHECK_THROW(loop.run_until_idle(), std::logic_error);
  ours.close();
  BOOST_CHECK_THROW(loop.turn(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(offloaded_work_can_be_held) {
  FakeLoop loop;
  std::string log;
  loop.offload(std::make_unique<Work>(log));
  BOOST_TEST(log.empty());
  loop.run_until_idle();
  BOOST_TEST(log == "wd");
  loop.hold_offloaded();
  loop.offload(std::make_unique<Work>(log));
  loop.advance(1h);
  BOOST_TEST(log == "wd");
  BOOST_TEST(loop.offloaded() == 1U);
  loop.release_offloaded();
  loop.run_until_idle();
  BOOST_TEST(log == "wdwd");
}

BOOST_AUTO_TEST_CASE(run_until_skips_the_waiting) {
  FakeLoop loop;
  bool fired = false;
  Call call([&] { fired = true; });
  const auto timer = loop.timer(call);
  timer->arm(loop.now() + 24h);
  BOOST_TEST(loop.run_until([&] { return fired; }));
  BOOST_TEST(!loop.run_until([] { return false; }));
}

BOOST_AUTO_TEST_SUITE_END()
