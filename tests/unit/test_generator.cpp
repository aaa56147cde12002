// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/coro/generator.hpp"
#include "pgstride/driver/coro/run.hpp"

#include "tests/support/fake_loop.hpp"

using namespace pgstride;
using namespace std::chrono_literals;
using test::FakeLoop;

namespace {

AsyncGenerator<int> count_to(int last) {
  for (int i = 1; i <= last; ++i) co_yield i;
}

AsyncGenerator<std::string> slowly(Loop& loop, int& alive) {
  const std::unique_ptr<int, void (*)(int*)> here(&++alive, [](int* count) { --*count; });
  for (const char* word : {"one", "two", "three"}) {
    co_await sleep(loop, 1s);
    co_yield std::string(word);
  }
}

AsyncGenerator<int> fails_after_one() {
  co_yield 1;
  throw std::runtime_error("no second");
}

Task<int> first_of(AsyncGenerator<int>& numbers) {
  const int* value = co_await numbers.next();
  co_return value == nullptr ? 0 : *value;
}

template <class T>
Task<std::vector<T>> all_of(AsyncGenerator<T> generator) {
  std::vector<T> values;
  while (T* value = co_await generator.next()) values.push_back(std::move(*value));
  co_return values;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(generator)

BOOST_AUTO_TEST_CASE(yields_one_by_one) {
  FakeLoop loop;
  BOOST_TEST((run(loop, all_of(count_to(3))) == std::vector{1, 2, 3}));
  BOOST_TEST(run(loop, all_of(count_to(0))).empty());
  BOOST_TEST(run(loop, all_of(AsyncGenerator<int>())).empty());
}

BOOST_AUTO_TEST_CASE(values_that_are_there_at_once_do_not_nest) {
  FakeLoop loop;
  BOOST_TEST(run(loop, all_of(count_to(200'000))).size() == 200'000u);
}

BOOST_AUTO_TEST_CASE(a_consumer_may_go_while_it_runs) {
  FakeLoop loop;
  Task<int> consumer;
  const auto gone = [](Task<int>& waiting) -> AsyncGenerator<int> {
    waiting = Task<int>();
    co_yield 1;
  };
  AsyncGenerator<int> numbers = gone(consumer);
  consumer = first_of(numbers);
  consumer.start();
  BOOST_TEST(run(loop, first_of(numbers)) == 1);
}

BOOST_AUTO_TEST_CASE(another_consumer_may_come_while_it_runs) {
  FakeLoop loop;
  Task<int> first;
  Task<int> second;
  const auto exchanging = [](Task<int>& goes, Task<int>& comes) -> AsyncGenerator<int> {
    goes = Task<int>();
    comes.start();
    co_yield 1;
  };
  AsyncGenerator<int> numbers = exchanging(first, second);
  first = first_of(numbers);
  second = first_of(numbers);
  first.start();
  BOOST_REQUIRE(second.done());
  BOOST_TEST(second.take() == 1);
}

BOOST_AUTO_TEST_CASE(another_consumer_may_end_it) {
  FakeLoop loop;
  Task<int> first;
  Task<int> second;
  const auto exchanging = [](Task<int>& goes, Task<int>& comes) -> AsyncGenerator<int> {
    goes = Task<int>();
    comes.start();
    co_yield 1;
    co_yield 2;
  };
  AsyncGenerator<int> numbers = exchanging(first, second);
  const auto sum_and_end = [](AsyncGenerator<int>& all) -> Task<int> {
    int sum = 0;
    while (const int* value = co_await all.next()) sum += *value;
    all = AsyncGenerator<int>();
    co_return sum;
  };
  first = first_of(numbers);
  second = sum_and_end(numbers);
  first.start();
  BOOST_REQUIRE(second.done());
  BOOST_TEST(second.take() == 3);
}

BOOST_AUTO_TEST_CASE(is_lazy_and_stays_ended) {
  FakeLoop loop;
  const auto twice_past_the_end = []() -> Task<int> {
    auto numbers = count_to(1);
    int ends = 0;
    while (co_await numbers.next()) continue;
    for (int i = 0; i < 2; ++i) {
      const int* value = co_await numbers.next();
      ends += value == nullptr ? 1 : 0;
    }
    co_return ends;
  };
  BOOST_TEST(run(loop, twice_past_the_end()) == 2);
}

BOOST_AUTO_TEST_CASE(may_wait_between_values) {
  FakeLoop loop;
  int alive = 0;
  const TimePoint begin = loop.now();
  BOOST_TEST((run(loop, all_of(slowly(loop, alive))) == std::vector<std::string>{"one", "two", "three"}));
  BOOST_TEST((loop.now() - begin == 3s));
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(can_be_destroyed_while_it_waits) {
  FakeLoop loop;
  int alive = 0;
  {
    auto task = all_of(slowly(loop, alive));
    task.start();
    loop.advance(1500ms);
    BOOST_TEST(alive == 1);
  }
  BOOST_TEST(alive == 0);
  BOOST_TEST(loop.armed_timers() == 0U);
}

BOOST_AUTO_TEST_CASE(throws_where_it_is_awaited_and_then_has_ended) {
  FakeLoop loop;
  const auto consume = []() -> Task<std::string> {
    auto numbers = fails_after_one();
    std::string seen;
    try {
      while (const int* value = co_await numbers.next()) seen += std::to_string(*value) + ";";
    } catch (const std::runtime_error& e) {
      seen += e.what();
    }
    const int* after = co_await numbers.next();
    co_return after ? "not ended" : seen;
  };
  BOOST_TEST(run(loop, consume()) == "1;no second");
}

BOOST_AUTO_TEST_SUITE_END()
