// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A coroutine and what it waits for, when that belongs to somebody else: either may be destroyed first.
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/connection.hpp"
#include "pgstride/driver/coro/generator.hpp"
#include "pgstride/driver/coro/run.hpp"
#include "pgstride/protocol/codec/text.hpp"

#include "tests/support/open_channel.hpp"
#include "tests/support/pooling.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

namespace {

template <class Awaitable>
Task<> awaits(Awaitable& awaitable) {
  if constexpr (std::is_void_v<decltype(awaitable.operator co_await().await_resume())>) {
    co_await awaitable;
  } else {
    const auto result = co_await awaitable;
    (void)result;
  }
}

template <class Source>
Task<> awaits_next(Source& source) {
  auto* next = co_await source.next();
  BOOST_TEST(next != nullptr);
}

Task<int> slowly(Loop& loop, int value) {
  co_await sleep(loop, 1s);
  co_return value;
}

AsyncGenerator<int> count(Loop& loop, int last) {
  for (int i = 1; i <= last; ++i) {
    co_await sleep(loop, 1s);
    co_yield i;
  }
}

Task<int> first_of(AsyncGenerator<int>& numbers) {
  const int* number = co_await numbers.next();
  co_return number == nullptr ? 0 : *number;
}

const std::string one_row = parse_complete() + parameter_description({}) + row_description({"x"}) +
                            bind_complete() + data_row({"1"}) + command_complete("SELECT 1");

struct Apart : OpenChannel {
  Apart() : connection(std::move(channel)) {}

  /// `make` gives a task that waits for what `thing` is; `answer` is what the server says then.
  template <class Thing, class Make>
  void waiter_goes_first(Thing&& thing, const Make& make, const std::string& answer) {
    {
      Task<> waiting = make(thing);
      waiting.start();
      server.hears();
    }
    server.says(answer);
    loop.run_until_idle();
    Task<> again = make(thing);
    again.start();
    loop.run_until_idle();
    BOOST_REQUIRE(again.done());
    again.take();
  }

  /// What is waited for ends without a word to the waiter.
  template <class Factory, class Make>
  void waiter_goes_last(const Factory& factory, const Make& make) {
    Task<> waiting;
    auto thing = factory();
    waiting = make(*thing);
    waiting.start();
    thing.reset();
    BOOST_TEST(!waiting.done());
  }

  Connection connection;
};

#define CALL(function) [](auto& thing) { return function(thing); }
#define MADE(...) [&] { return std::unique_ptr<decltype(__VA_ARGS__)>(new auto(__VA_ARGS__)); }

}  // namespace

BOOST_AUTO_TEST_SUITE(awaiting)

BOOST_FIXTURE_TEST_CASE(a_request_whose_waiter_goes, Apart) {
  waiter_goes_first(connection.query("select x"), CALL(awaits), one_row + ready_for_query());
}
BOOST_FIXTURE_TEST_CASE(a_stream_whose_waiter_goes, Apart) {
  waiter_goes_first(connection.stream("select x"), CALL(awaits_next), one_row + ready_for_query());
}
BOOST_FIXTURE_TEST_CASE(a_cursor_whose_waiter_goes, Apart) {
  waiter_goes_first(connection.cursor("select x"), CALL(awaits_next),
                    parse_complete() + parameter_description({}) + row_description({"x"}) + bind_complete() +
                        ready_for_query('T') + data_row({"1"}) + command_complete("SELECT 1") +
                        ready_for_query('T'));
}
BOOST_FIXTURE_TEST_CASE(a_copy_whose_waiter_goes, Apart) {
  waiter_goes_first(connection.copy_out("copy t to stdout"), CALL(awaits),
                    copy_response('H') + copy_done() + command_complete("COPY 0") + ready_for_query());
}

BOOST_FIXTURE_TEST_CASE(a_request_that_goes_before_its_waiter, Apart) {
  waiter_goes_last(MADE(connection.query("select x")), CALL(awaits));
}
BOOST_FIXTURE_TEST_CASE(a_stream_that_goes_before_its_waiter, Apart) {
  waiter_goes_last(MADE(connection.stream("select x")), CALL(awaits_next));
}
BOOST_FIXTURE_TEST_CASE(a_cursor_that_goes_before_its_waiter, Apart) {
  waiter_goes_last(MADE(connection.cursor("select x")), CALL(awaits_next));
}
BOOST_FIXTURE_TEST_CASE(copies_that_go_before_their_waiters, Apart) {
  const auto begun = [&](auto start, char response) {
    auto opening = [](decltype(start)& starting) -> Task<decltype(start.operator co_await().await_resume())> {
      co_return co_await starting;
    }(start);
    opening.start();
    server.hears();
    server.says(copy_response(response));
    loop.run_until_idle();
    BOOST_REQUIRE(opening.done());
    return opening.take();
  };
  waiter_goes_last(MADE(connection.copy_out("copy t to stdout")), CALL(awaits));
  server.hears();
  server.says(error_response("57014"), ready_for_query());
  loop.run_until_idle();
  cancels.accepts();
  loop.run_until_idle();

  waiter_goes_last(MADE(begun(connection.copy_out("copy t to stdout"), 'H')), CALL(awaits_next));
}

BOOST_AUTO_TEST_CASE(a_task_goes_on_without_its_waiter) {
  FakeLoop loop;
  Task<int> task = slowly(loop, 7);
  {
    Task<> waiting = awaits(task);
    waiting.start();
  }
  Task<> again = awaits(task);
  again.start();
  BOOST_TEST(!again.done());
  loop.advance(1s);
  BOOST_TEST(task.done());
  BOOST_TEST(again.done());
}

BOOST_AUTO_TEST_CASE(a_task_that_was_started_can_be_awaited) {
  FakeLoop loop;
  for (const Duration head_start : {0s, 2s}) {
    Task<int> task = slowly(loop, 7);
    task.start();
    BOOST_CHECK_THROW(task.start(), Error);
    loop.advance(head_start);
    const auto wait_for = [](const Task<int>& started) -> Task<int> { co_return co_await started; };
    BOOST_TEST(run(loop, wait_for(task)) == 7);
    BOOST_CHECK_THROW(run(loop, wait_for(task)), Error);
  }
}

BOOST_AUTO_TEST_CASE(a_task_that_goes_before_its_waiter) {
  FakeLoop loop;
  Task<> waiting;
  Task<int> task = slowly(loop, 7);
  waiting = awaits(task);
  waiting.start();
  task = Task<int>();
  loop.advance(1s);
  BOOST_TEST(!waiting.done());
}

BOOST_FIXTURE_TEST_CASE(two_waiters, Apart) {
  const auto second_is_refused = [](Task<> first, Task<> second) {
    first.start();
    second.start();
    BOOST_REQUIRE(second.done());
    BOOST_CHECK_THROW(second.take(), Error);
    BOOST_TEST(!first.done());
  };
  Task<int> task = slowly(loop, 7);
  second_is_refused(awaits(task), awaits(task));
  AsyncGenerator<int> numbers = count(loop, 2);
  second_is_refused(awaits_next(numbers), awaits_next(numbers));
  Query query = connection.query("select x");
  second_is_refused(awaits(query), awaits(query));
  Stream rows = connection.stream("select x");
  second_is_refused(awaits_next(rows), awaits_next(rows));
}

BOOST_AUTO_TEST_CASE(a_pause_without_its_waiter) {
  FakeLoop loop;
  Sleep pause = sleep(loop, 1s);
  {
    Task<> waiting = awaits(pause);
    waiting.start();
  }
  loop.advance(1s);
  Task<> again = awaits(pause);
  again.start();
  loop.advance(0s);
  BOOST_TEST(again.done());
}

// The value that nobody waited for any more is for the next one who asks.
BOOST_AUTO_TEST_CASE(a_generator_loses_no_value) {
  FakeLoop loop;
  for (const Duration gone_for : {500ms, 5000ms}) {
    AsyncGenerator<int> numbers = count(loop, 2);
    {
      Task<int> waiting = first_of(numbers);
      waiting.start();
    }
    loop.advance(gone_for);
    BOOST_TEST(run(loop, first_of(numbers)) == 1);
    BOOST_TEST(run(loop, first_of(numbers)) == 2);
    BOOST_TEST(run(loop, first_of(numbers)) == 0);
    BOOST_TEST(run(loop, first_of(numbers)) == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_generator_that_goes_before_its_waiter) {
  FakeLoop loop;
  Task<int> waiting;
  AsyncGenerator<int> numbers = count(loop, 2);
  waiting = first_of(numbers);
  waiting.start();
  numbers = AsyncGenerator<int>();
  loop.advance(5s);
  BOOST_TEST(!waiting.done());
}

BOOST_FIXTURE_TEST_CASE(a_place_in_the_pools_queue_whose_waiter_goes, Pooling) {
  open(options(1));
  const auto take = [](Acquire& acquire) -> Task<Lease> { co_return co_await acquire; };
  Acquire first = pool->acquire();
  {
    Task<Lease> waiting = take(first);
    waiting.start();
  }
  settle();
  BOOST_TEST(pool->stats().counts.leased == 1u);
  {
    Task<Lease> again = take(first);
    again.start();
    BOOST_REQUIRE(again.done());
    Lease lease = again.take();
    BOOST_TEST(lease->is_open());

    Acquire second = pool->acquire();
    {
      Task<Lease> waiting = take(second);
      waiting.start();
    }
    Task<Lease> waiting = take(second);  // joins the queue once
    waiting.start();
    BOOST_TEST(pool->stats().counts.waiting == 1u);
    lease = Lease();
    settle();
    BOOST_REQUIRE(waiting.done());
    BOOST_TEST(waiting.take()->is_open());
  }
  settle();
  BOOST_TEST(pool->stats().counts.idle == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_pools_request_whose_waiter_goes, Pooling) {
  open(options(1));
  auto request = pool->query("select $1", "answer 1");
  {
    Task<> waiting = awaits(request);
    waiting.start();
  }
  settle();
  Task<> again = awaits(request);
  again.start();
  settle();
  BOOST_REQUIRE(again.done());
  again.take();
  Task<> once_more = awaits(request);
  once_more.start();
  BOOST_CHECK_THROW(once_more.take(), Error);
}

// What is assigned to gives up what it had, at once.
BOOST_FIXTURE_TEST_CASE(a_lease_that_is_assigned_to, Pooling) {
  open(options(2));
  const auto take = [](Pool& from) -> Task<Lease> { co_return co_await from.acquire(); };
  std::vector<Lease> leases;
  for (int i = 0; i < 2; ++i) {
    Task<Lease> taking = take(*pool);
    taking.start();
    settle();
    leases.push_back(taking.take());
  }
  leases[0] = std::move(leases[1]);
  BOOST_TEST(leases[0]->is_open());
  BOOST_TEST(!leases[1]);
  settle();
  BOOST_TEST(pool->stats().counts.leased == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_connection_that_is_assigned_to, Apart) {
  Connection none;
  connection = std::move(none);
  BOOST_TEST(!connection.is_open());
  BOOST_TEST(!none.is_open());
}

BOOST_AUTO_TEST_SUITE_END()
