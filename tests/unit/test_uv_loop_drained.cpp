// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What the libuv loop leaves out for a watch that is drained, and what it still reports.
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <memory>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/loop/uv.hpp"
#include "pgstride/driver/net/socket.hpp"

#include "tests/support/call.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

namespace {

/// Two ends of a stream. One is watched by a handler that has read all there was once already.
struct Drained {
  explicit Drained(UvLoop* shared = nullptr) : loop(shared != nullptr ? *shared : own) {
    int fds[2];
    BOOST_TEST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    near = Socket(fds[0]);
    far = Socket(fds[1]);
    watch = loop.watch(near.fd(), handler);
    watch->want(Ready::read);
    hear_it_once();
    handler.calls = 0;
  }
  void say() { BOOST_TEST(far.write_some(std::span(scratch).first(1)).bytes == 1U); }
  IoResult hear() { return near.read_some(scratch); }
  void hear_it_once() {
    say();
    loop.run_once();
  }
  /// Turns of the loop in which nothing need be ready.
  void turn(int times) {
    int turns = 0;
    Call tick([&] { ++turns; });
    const auto timer = loop.timer(tick);
    while (turns < times) {
      timer->arm(loop.now() + 1ms);  // one that is due would be called before the loop looks at descriptors
      loop.run_once();
    }
  }

  UvLoop own;
  UvLoop& loop;
  std::array<std::byte, 64> scratch{};
  Socket near;
  Socket far;
  bool reads = true;
  Call handler{[this] {
    if (reads && hear().bytes < scratch.size()) watch->drained();
  }};
  std::unique_ptr<Watch> watch;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(uv_loop_drained, Drained)

BOOST_AUTO_TEST_CASE(a_drained_descriptor_is_reported_when_more_comes) {
  for (int i = 1; i <= 3; ++i) {
    hear_it_once();
    BOOST_TEST(handler.calls == i);
  }
  watch->want(Ready::both);
  loop.run_once();
  BOOST_TEST((handler.ready == Ready::write));
  watch->want(Ready::read);
  handler.calls = 0;
  hear_it_once();
  hear_it_once();
  BOOST_TEST(handler.calls == 2);
}

#ifdef __linux__
// This is what the fewer looks at the socket are had for; Watch says so.
BOOST_AUTO_TEST_CASE(once_drained_a_descriptor_that_is_not_read_is_reported_once) {
  reads = false;
  hear_it_once();
  turn(3);
  BOOST_TEST(handler.calls == 1);
  watch->want(Ready::none);
  watch->want(Ready::read);
  turn(3);
  BOOST_TEST(handler.calls >= 2);
}
#endif

BOOST_AUTO_TEST_CASE(an_end_that_came_with_the_last_bytes_is_reported) {
  say();
  far.close();
  loop.run_once();
  BOOST_TEST(handler.calls == 1);
  reads = false;
  loop.run_once();
  loop.run_once();
  BOOST_TEST(handler.calls == 3);
  BOOST_TEST(has(handler.ready, Ready::read));
  BOOST_TEST(hear().eof);
}

// One that handles the first may wait for the other, and let the loop go on.
BOOST_AUTO_TEST_CASE(what_came_in_the_same_turn_is_reported_to_a_turn_within_it) {
  Drained other(&loop);
  int told = 0, told_within = 0;
  for (Drained* one : {static_cast<Drained*>(this), &other})
    one->handler.act = [&, one] {
      if (one->hear().bytes > 0) one->watch->drained();
      if (++told > 1) return;
      turn(3);
      told_within = told;
    };
  say();
  other.say();
  turn(3);
  BOOST_TEST(told_within == 2);
  hear_it_once();
  BOOST_TEST(told == 3);
}

BOOST_AUTO_TEST_SUITE_END()
