// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <coroutine>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/coro/run.hpp"
#include "pgstride/driver/coro/task.hpp"
#include "pgstride/driver/exception.hpp"

#include "tests/support/fake_loop.hpp"

using namespace pgstride;
using namespace std::chrono_literals;
using test::FakeLoop;

namespace {

/// Something to wait for that the test opens by hand.
class Gate {
 public:
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) noexcept { waiting_ = waiting; }
  void await_resume() const noexcept {}
  void open() { std::exchange(waiting_, nullptr).resume(); }

 private:
  std::coroutine_handle<> waiting_;
};

struct Alive {
  explicit Alive(int& count_) : count(&count_) { ++*count; }
  Alive(Alive&& other) noexcept : count(std::exchange(other.count, nullptr)) {}
  Alive& operator=(Alive&&) = delete;
  ~Alive() {
    if (count) --*count;
  }
  int* count;
};

Task<int> number(int value) { co_return value; }
Task<int> add(Task<int> a, Task<int> b) { co_return co_await a + co_await b; }
Task<int> throws(const char* what) {
  throw std::runtime_error(what);
  co_return 0;
}
Task<std::unique_ptr<int>> boxed(int value) { co_return std::make_unique<int>(value); }
Task<> pass(Gate& gate, int& alive) {
  const Alive here(alive);
  co_await gate;
}
Task<> pass_within(Gate& gate, int& alive) {
  const Alive here(alive);
  co_await pass(gate, alive);
}
Task<int> number_after(Gate& gate, int value) {
  co_await gate;
  co_return value;
}
Task<int> sum_of_many(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await number(1);
  co_return sum;
}
Task<> nap(Loop& loop, Duration duration, int& done) {
  co_await sleep(loop, duration);
  ++done;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(task)

BOOST_AUTO_TEST_CASE(runs_when_awaited) {
  FakeLoop loop;
  BOOST_TEST(run(loop, add(number(2), number(3))) == 5);
  BOOST_TEST(*run(loop, boxed(7)) == 7);
}

BOOST_AUTO_TEST_CASE(is_lazy) {
  bool ran = false;
  const auto note = [](bool& flag) -> Task<> {
    flag = true;
    co_return;
  };
  { auto task = note(ran); }
  BOOST_TEST(!ran);
  auto task = note(ran);
  task.start();
  BOOST_TEST(ran);
  BOOST_TEST(task.done());
}

BOOST_AUTO_TEST_CASE(exceptions_arrive_where_it_is_awaited) {
  FakeLoop loop;
  const auto catches = []() -> Task<std::string> {
    try {
      co_await throws("inner");
    } catch (const std::runtime_error& e) {
      co_return std::string("caught ") + e.what();
    }
    co_return "nothing";
  };
  BOOST_TEST(run(loop, catches()) == "caught inner");
  BOOST_CHECK_THROW(run(loop, throws("outer")), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(destroying_it_destroys_all_that_it_waits_for) {
  Gate gate;
  int alive = 0;
  {
    auto task = pass_within(gate, alive);
    task.start();
    BOOST_TEST(alive == 2);
    BOOST_TEST(!task.done());
  }
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(move_and_assign) {
  Gate gate;
  int alive = 0;
  auto first = pass(gate, alive);
  first.start();
  auto second = std::move(first);
  gate.open();
  BOOST_TEST(second.done());
  second = Task<>();
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(a_task_in_a_loop) {
  FakeLoop loop;
  BOOST_TEST(run(loop, sum_of_many(1000)) == 1000);
}

BOOST_AUTO_TEST_CASE(run_says_when_nothing_can_happen_any_more) {
  FakeLoop loop;
  Gate gate;
  int alive = 0;
  BOOST_CHECK_THROW(run(loop, pass(gate, alive)), std::logic_error);
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(sleep_takes_its_time) {
  FakeLoop loop;
  int done = 0;
  auto task = nap(loop, 10ms, done);
  task.start();
  loop.advance(9ms);
  BOOST_TEST(done == 0);
  loop.advance(1ms);
  BOOST_TEST(done == 1);
}

BOOST_AUTO_TEST_CASE(sleep_can_be_destroyed) {
  FakeLoop loop;
  int done = 0;
  {
    auto task = nap(loop, 10ms, done);
    task.start();
    BOOST_TEST(loop.armed_timers() == 1U);
  }
  BOOST_TEST(loop.armed_timers() == 0U);
  loop.advance(1s);
  BOOST_TEST(done == 0);
}

BOOST_AUTO_TEST_CASE(when_all_waits_for_the_last) {
  Gate first;
  Gate second;
  auto all = when_all(number_after(first, 1), number(2), number_after(second, 3));
  all.start();
  second.open();
  BOOST_TEST(!all.done());
  first.open();
  BOOST_REQUIRE(all.done());
  BOOST_TEST((all.take() == std::tuple(1, 2, 3)));
}

BOOST_AUTO_TEST_CASE(when_all_of_what_is_done_at_once) {
  FakeLoop loop;
  BOOST_TEST((run(loop, when_all(number(1), number(2))) == std::tuple(1, 2)));
  BOOST_TEST((run(loop, when_all()) == std::tuple()));
  const auto boxes = run(loop, when_all(boxed(4), boxed(5)));
  BOOST_TEST(*std::get<1>(boxes) == 5);
}

BOOST_AUTO_TEST_CASE(when_all_of_a_vector) {
  FakeLoop loop;
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 5; ++i) tasks.push_back(number(i));
  const auto numbers = run(loop, when_all(std::move(tasks)));
  BOOST_TEST((numbers == std::vector{0, 1, 2, 3, 4}));

  int done = 0;
  std::vector<Task<>> naps;
  for (int i = 0; i < 3; ++i) naps.push_back(nap(loop, 1s, done));
  const TimePoint begin = loop.now();
  run(loop, when_all(std::move(naps)));
  BOOST_TEST(done == 3);
  BOOST_TEST((loop.now() - begin == 1s));
}

BOOST_AUTO_TEST_CASE(when_all_fails_after_the_last_has_ended) {
  Gate gate;
  auto all = when_all(throws("first"), number_after(gate, 1), throws("second"));
  all.start();
  BOOST_TEST(!all.done());
  gate.open();
  BOOST_REQUIRE(all.done());
  BOOST_CHECK_EXCEPTION(all.take(), std::runtime_error,
                        [](const auto& e) { return std::string(e.what()) == "first"; });
}

BOOST_AUTO_TEST_CASE(when_all_can_be_destroyed) {
  Gate first;
  Gate second;
  int alive = 0;
  {
    auto all = when_all(pass(first, alive), pass_within(second, alive));
    all.start();
    first.open();
    BOOST_TEST(alive == 2);
  }
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(there_must_be_something_to_wait_for) {
  FakeLoop loop;
  const auto wait_for = [](const Task<int>& task) -> Task<int> { co_return co_await task; };
  const auto is_refusal = [](const Error& e) { return e.code() == Errc::invalid_argument; };
  Task<int> task = number(1);
  BOOST_TEST(run(loop, wait_for(task)) == 1);
  BOOST_CHECK_EXCEPTION(run(loop, wait_for(task)), Error, is_refusal);
  BOOST_CHECK_EXCEPTION(run(loop, wait_for(Task<int>())), Error, is_refusal);
  BOOST_CHECK_EXCEPTION(run(loop, Task<int>()), Error, is_refusal);
  BOOST_CHECK_EXCEPTION(run(loop, when_all(number(2), Task<int>())), Error, is_refusal);
  std::exception_ptr thrown;
  spawn(Task<>(), [&](std::exception_ptr what) { thrown = std::move(what); });
  BOOST_CHECK_EXCEPTION(std::rethrow_exception(thrown), Error, is_refusal);
}

BOOST_AUTO_TEST_CASE(there_must_be_something_to_take) {
  const auto is_refusal = [](const Error& e) { return e.code() == Errc::invalid_argument; };
  Task<int> empty;
  BOOST_TEST(empty.done());
  BOOST_CHECK_EXCEPTION(empty.take(), Error, is_refusal);
  Task<int> task = number(1);
  BOOST_TEST(!task.done());
  BOOST_CHECK_EXCEPTION(task.take(), Error, is_refusal);
  task.start();
  BOOST_TEST(task.take() == 1);
  BOOST_CHECK_EXCEPTION(task.take(), Error, is_refusal);
}

BOOST_AUTO_TEST_CASE(spawn_runs_by_itself) {
  Gate gate;
  int alive = 0;
  bool failed = false;
  spawn(pass(gate, alive), [&](std::exception_ptr) { failed = true; });
  BOOST_TEST(alive == 1);
  gate.open();
  BOOST_TEST(alive == 0);
  BOOST_TEST(!failed);
}

BOOST_AUTO_TEST_CASE(spawn_hands_over_what_was_thrown) {
  const auto fails_after = [](Gate& gate) -> Task<> {
    co_await gate;
    throw std::runtime_error("too late");
  };
  Gate gate;
  std::string what;
  spawn(fails_after(gate), [&](const std::exception_ptr& thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::runtime_error& e) {
      what = e.what();
    }
  });
  gate.open();
  BOOST_TEST(what == "too late");
}

BOOST_AUTO_TEST_CASE(what_somebody_waits_for_is_not_gathered) {
  FakeLoop loop;
  const auto nap = [](Loop& in) -> Task<> {
    Sleep sleeping = sleep(in, 1ms);
    co_await sleeping;
  };
  Task<> shared = nap(loop);
  const auto wait = [](Task<>& task) -> Task<> { co_await task; };
  Task<> waiting = wait(shared);
  waiting.start();
  const auto gather = [](Task<> task) -> Task<> {
    auto all = when_all(std::move(task));
    co_await all;
  };
  BOOST_CHECK_THROW(run(loop, gather(std::move(shared))), Error);
}

BOOST_AUTO_TEST_SUITE_END()
