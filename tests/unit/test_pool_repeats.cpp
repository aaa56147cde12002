// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A request of a pool whose statement the server no longer has, and which is made again (R-Q1).
#include <stop_token>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/pool.hpp"
#include "pgstride/protocol/codec/text.hpp"

#include "tests/support/pooling.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

Task<std::string> ask(Pool& pool, std::string sql, std::stop_token token = {}) {
  try {
    const Result result = co_await pool.query(sql, "answer").timeout(5s).stop(token);
    co_return result.value<std::string>();
  } catch (const Error& e) {
    co_return e.what();
  }
}

struct Repeating : Pooling {
  Repeating() {
    open(options());
    BOOST_TEST(asks("select $1") == "answer");
    auto forgetting = [](Pool& in) -> Task<> { co_await in.execute("forget"); }(*pool);
    forgetting.start();
    settle();
  }
  std::string asks(const char* sql) {
    auto asking = ask(*pool, sql);
    asking.start();
    settle();
    BOOST_REQUIRE(asking.done());
    return asking.take();
  }
  /// The server has refused the first attempt, and hears no more.
  Task<std::string> asks_and_hears_nothing_more(std::stop_token token = {}) {
    auto asking = ask(*pool, "select $1", std::move(token));
    asking.start();
    loop.run_until_idle();
    Backend& backend = backends[0];
    backend.mind.hear(as_bytes(backend.peer.takes()));
    backend.mute = true;
    backend.peer.says(std::exchange(backend.mind.said, {}));
    settle();
    BOOST_TEST(!asking.done());
    return asking;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pool_repeats, Repeating)

// The reset of the first attempt is on its way, or over, when the second leaves with its own.
BOOST_AUTO_TEST_CASE(what_is_made_again_is_reset_once_more) {
  BOOST_TEST(asks("select $1") == "answer");
  BOOST_TEST(backends[0].heard.find("RESET ALL") != std::string::npos);
  BOOST_TEST(pool->stats().counts.idle == 1U);
  BOOST_TEST(pool->stats().counts.opened == 1U);
  BOOST_TEST(pool->stats().counts.handed_out == 3U);
  BOOST_TEST(asks("select $1") == "answer");
}

// The server answers the request before its reset.
BOOST_AUTO_TEST_CASE(what_is_made_again_may_meet_the_reset_before) {
  auto asking = ask(*pool, "select $1");
  asking.start();
  loop.run_until_idle();
  Backend& backend = backends[0];
  backend.mind.hear(as_bytes(backend.peer.takes()));
  const std::string said = std::exchange(backend.mind.said, {});
  const std::size_t end = said.find(ready_for_query()) + ready_for_query().size();
  backend.peer.says(said.substr(0, end));
  loop.run_until_idle();
  BOOST_TEST(!asking.done());
  backend.peer.says(said.substr(end));
  settle();
  BOOST_TEST(asking.take() == "answer");
  BOOST_TEST(pool->stats().counts.idle == 1U);
  BOOST_TEST(asks("select $1") == "answer");
  BOOST_TEST(pool->stats().counts.opened == 1U);
}

BOOST_AUTO_TEST_CASE(once_only) {
  BOOST_TEST(asks("lost $1").find("does not exist") != std::string::npos);
  BOOST_TEST(pool->stats().counts.idle == 1U);
}

BOOST_AUTO_TEST_CASE(both_attempts_have_one_deadline) {
  auto asking = asks_and_hears_nothing_more();
  pass(4s);
  BOOST_TEST(!asking.done());
  pass(2s);
  BOOST_REQUIRE(asking.done());
  BOOST_TEST(asking.take().starts_with("deadline passed"));
}

BOOST_AUTO_TEST_CASE(the_second_attempt_can_be_stopped) {
  std::stop_source source;
  auto asking = asks_and_hears_nothing_more(source.get_token());
  source.request_stop();
  settle();
  BOOST_REQUIRE(asking.done());
  BOOST_TEST(asking.take().starts_with("operation was cancelled"));
}

BOOST_AUTO_TEST_SUITE_END()
