// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Clients for whom one allocation fails, each in turn, in what lies between the coroutine and the socket, and the
// servers that they talk to.
#pragma once

#include <algorithm>
#include <deque>
#include <exception>
#include <functional>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/pgstride.hpp"

#include "tests/support/pooling.hpp"
#include "tests/support/scarce_loop.hpp"

namespace pgstride::test {

using namespace std::string_literals;

/// Looks away: it is the telling that may need memory.
struct Bystander final : Observer {};

inline void demand(bool holds) {
  if (!holds) throw std::logic_error("somebody was told something wrong");
}

inline Task<> asks(Connection& connection, std::string what) {
  const Result result = co_await connection.query("select $1", what);
  demand(result.value<std::string>() == what);
}

/// A connection on which something has failed is over, or as good as new.
inline Task<> goes_on(Connection& connection) {
  if (!connection.is_open()) co_return;
  co_await asks(connection, "the next question");
}

/// Servers that greet everybody.
struct Open : Pooling {
  ConnectOptions connect_options() { return pool_options(1).connect; }
  PoolOptions pool_options(std::size_t max_size) {
    PoolOptions with = options(max_size);
    with.connect.observer = &bystander;
    return with;
  }

  Bystander bystander;
};

/// Clients for whom one allocation fails.
template <class Servers>
struct Shortage : Servers {
  explicit Shortage(long nth) : one(nth) {}

  /// Begins what make() makes: a Task<>.
  template <class Make>
  void begin(Make make) {
    one.attempt([&] {
      Task<>& life = lives.emplace_back(make());
      life.start();
    });
  }
  /// Until all that has begun is over. `bound_to_succeed`: memory has run out before, and does so only once.
  void live(bool bound_to_succeed = false) {
    for (int seconds = 0; seconds < 200 && !is_all_over(); ++seconds) {
      try {
        this->pass(1s);
      } catch (const std::runtime_error&) {
        // A server was speaking to somebody who had just gone.
      }
    }
    for (Task<>& life : lives) {
      BOOST_TEST_REQUIRE(life.done(), "somebody waits for ever");
      const std::string trouble = end_of(life);
      BOOST_TEST((trouble.empty() || (one.happened() && !bound_to_succeed)), trouble);
    }
    lives.clear();
  }

  OneFails one;
  ScarceLoop scarce{this->loop, one};
  std::deque<Task<>> lives;

 private:
  bool is_all_over() const {
    return std::all_of(lives.begin(), lives.end(), [](const Task<>& life) { return life.done(); });
  }
  static std::string end_of(Task<>& life) {
    try {
      life.take();
    } catch (const Error& e) {
      return e.what();
    } catch (const std::bad_alloc& e) {
      return e.what();
    }
    return "";
  }
};

/// Lives with every allocation failing, one by one.
template <class Servers>
void run_out(const std::function<void(Shortage<Servers>&)>& life) {
  for (long nth = 1;; ++nth) {
    BOOST_TEST_CONTEXT("allocation " << nth) {
      BOOST_REQUIRE(nth < 5000);
      Shortage<Servers> world(nth);
      life(world);
      if (!world.one.happened()) return;
    }
  }
}

/// One connection, used by `use`, whatever became of which it goes on.
using Use = Task<> (*)(Connection&);
inline Task<> connects(Loop& loop, ConnectOptions options, Use use) {
  Connection connection = co_await connect(loop, std::move(options));
  std::exception_ptr thrown;
  try {
    Task<> using_it = use(connection);
    co_await using_it;
  } catch (...) {
    thrown = std::current_exception();
  }
  co_await goes_on(connection);
  co_await connection.close();
  if (thrown) std::rethrow_exception(thrown);
}

inline void run_out_while(Use use) {
  run_out<Open>([use](Shortage<Open>& world) {
    world.begin([&] { return connects(world.scarce, world.connect_options(), use); });
    world.live();
  });
}

}  // namespace pgstride::test
