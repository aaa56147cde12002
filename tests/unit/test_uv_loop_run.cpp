// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// When the libuv loop goes on, and when it ends.
#include <chrono>
#include <memory>
#include <string>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/coro/run.hpp"
#include "pgstride/driver/loop/uv.hpp"

#include "tests/support/call.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(uv_loop_run)

BOOST_AUTO_TEST_CASE(run_until_ends_with_the_turn_in_which_it_is_done) {
  UvLoop loop;
  std::string log;
  bool done = false;
  std::unique_ptr<Timer> timer, much_later;
  Call on_timer([&] {
    log += "t";
    done = true;
    loop.post(call([&] { log += "p"; }));
  });
  Call never_called([&] { log += "!"; });
  much_later = loop.timer(never_called);
  much_later->arm(loop.now() + 1h);  // would be waited for
  timer = loop.timer(on_timer);
  timer->arm(loop.now());
  loop.run_until([&] { return done; });
  BOOST_TEST(log.starts_with("t"));
  loop.run_until([&] { return true; });
  BOOST_TEST(!log.ends_with("!"));
}

BOOST_AUTO_TEST_CASE(stop_does_not_end_run_until) {
  UvLoop loop;
  int posted = 0;
  loop.post(call([&] {
    ++posted;
    loop.stop();
    loop.post(call([&] { ++posted; }));
  }));
  loop.run_until([&] { return posted == 2; });
  BOOST_TEST(posted == 2);
}

BOOST_AUTO_TEST_CASE(run_until_ends_when_there_is_nothing_left_to_wait_for) {
  UvLoop loop;
  loop.run_until([] { return false; });
}

BOOST_AUTO_TEST_CASE(a_task_is_run_to_its_end_and_no_further) {
  UvLoop loop;
  Call never_called([] { BOOST_ERROR("the loop went on"); });
  const auto much_later = loop.timer(never_called);
  much_later->arm(loop.now() + 1h);  // would be waited for
  loop.post(call([&] { loop.stop(); }));
  const auto work = [](Loop& on) -> Task<int> {
    co_await sleep(on, 20ms);  // the stop() comes meanwhile
    co_return 7;
  };
  BOOST_TEST(run(loop, work(loop)) == 7);
  BOOST_TEST(run(loop, work(loop)) == 7);
}

BOOST_AUTO_TEST_CASE(a_task_that_does_not_wait_leaves_the_loop_as_it_was) {
  UvLoop loop;
  const auto work = []() -> Task<int> { co_return 7; };
  BOOST_TEST(run(loop, work()) == 7);
  int posted = 0;
  loop.post(call([&] {
    ++posted;
    loop.post(call([&] { ++posted; }));
  }));
  loop.run();  // nobody has told it to stop
  BOOST_TEST(posted == 2);
}

BOOST_AUTO_TEST_CASE(a_task_that_waits_for_nothing_is_told_of) {
  UvLoop loop;
  const auto work = []() -> Task<> { co_await std::suspend_always(); };
  BOOST_CHECK_THROW(run(loop, work()), std::logic_error);
}

BOOST_AUTO_TEST_CASE(stop_ends_run) {
  UvLoop loop;
  loop.run();  // nothing to wait for
  bool fired = false;
  Call handler([&] { fired = true; });
  const auto timer = loop.timer(handler);
  timer->arm(loop.now() + 1h);
  loop.post(call([&] { loop.stop(); }));
  loop.run();  // would wait for ever
  BOOST_TEST(!fired);
}

// The guard keeps the loop waiting, as an open connection does.
BOOST_AUTO_TEST_CASE(a_task_that_ends_while_another_is_run_within_its_loop) {
  UvLoop loop;
  const auto nap = [](Loop& in, Duration length) -> Task<> {
    Sleep sleeping = sleep(in, length);
    co_await sleeping;
  };
  const auto nest = [&](UvLoop& in) -> Task<> {
    Sleep sleeping = sleep(in, 1ms);
    co_await sleeping;
    run(in, nap(in, 30ms));
  };
  bool is_over = false;
  const auto guard = [&](UvLoop& in) -> Task<> {  // instead of waiting for ever
    Sleep sleeping = sleep(in, 10s);
    co_await sleeping;
    is_over = true;
  };
  Task<> guarding = guard(loop);
  guarding.start();
  Task<> nesting = nest(loop);
  nesting.start();
  run(loop, nap(loop, 10ms));
  BOOST_TEST(nesting.done());
  BOOST_TEST(!is_over);
}

BOOST_AUTO_TEST_CASE(a_task_that_ends_while_its_loop_is_run_within_another_within_it) {
  UvLoop one, other;
  const auto nap = [](Loop& in, Duration length) -> Task<> {
    Sleep sleeping = sleep(in, length);
    co_await sleeping;
  };
  const auto nest = [&](UvLoop& in, auto within) -> Task<> {
    Sleep sleeping = sleep(in, 1ms);
    co_await sleeping;
    within();
  };
  bool is_over = false;
  const auto guard = [&](UvLoop& in) -> Task<> {  // instead of waiting for ever
    Sleep sleeping = sleep(in, 10s);
    co_await sleeping;
    is_over = true;
  };
  Task<> guarding = guard(one);
  guarding.start();
  const auto innermost = [&] { run(one, nap(one, 30ms)); };
  Task<> nesting = nest(one, [&] { run(other, nest(other, innermost)); });
  nesting.start();
  run(one, nap(one, 10ms));
  BOOST_TEST(nesting.done());
  BOOST_TEST(!is_over);
}

BOOST_AUTO_TEST_SUITE_END()
