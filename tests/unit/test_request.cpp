// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What is refused before a byte is sent, and what is told of a request that was awaited already.
#include <stdexcept>
#include <string>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/connection.hpp"
#include "pgstride/protocol/codec/scalar.hpp"

#include "tests/support/open_channel.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

struct Requesting : OpenChannel {
  Requesting() : connection(std::move(channel)) {}

  template <class Awaitable>
  Task<> awaits(Awaitable& awaitable) {
    const auto result = co_await awaitable;
    (void)result;
  }
  template <class Awaitable>
  void check_refused(Awaitable& awaitable, const std::string& what) {
    Task<> task = awaits(awaitable);
    task.start();
    BOOST_REQUIRE(task.done());
    BOOST_CHECK_EXCEPTION(task.take(), Error, [&](const Error& e) {
      BOOST_TEST(std::string(e.what()).find(what) != std::string::npos);
      return e.code() == Errc::invalid_argument;
    });
  }
  /// The server answers, and the result is taken.
  template <class Awaitable>
  void check_succeeds(Awaitable& awaitable, const std::string& answer) {
    Task<> task = awaits(awaitable);
    task.start();
    server.hears();
    server.says(answer);
    loop.run_until_idle();
    BOOST_REQUIRE(task.done());
    task.take();
  }

  Connection connection;
};

const std::string awaited = "the request has been awaited before";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(request, Requesting)

BOOST_AUTO_TEST_CASE(gives_its_result_once) {
  auto script = connection.query_script("select 1");
  check_succeeds(script, answer("1"));
  check_refused(script, awaited);
}

BOOST_AUTO_TEST_CASE(so_does_the_start_of_a_copy) {
  auto start = connection.copy_in("copy t from stdin");
  check_succeeds(start, copy_response('G'));
  check_refused(start.timeout(std::chrono::seconds(1)), awaited);
}

// Whoever waits has not thrown it, and may have to know that the outcome is unknown.
BOOST_AUTO_TEST_CASE(is_told_by_an_error_of_an_exception_that_ended_the_connection) {
  auto script = connection.query_script("insert into t values (1)");
  Task<> task = awaits(script);
  task.start();
  try {
    throw std::runtime_error("no such file");
  } catch (...) {
    connection.channel().abort(caught());
  }
  loop.run_until_idle();
  BOOST_REQUIRE(task.done());
  BOOST_CHECK_EXCEPTION(task.take(), Error, [](const Error& e) {
    BOOST_TEST(std::string(e.what()).find("no such file") != std::string::npos);
    return e.code() == Errc::connection_closed && e.outcome_unknown();
  });
}

BOOST_AUTO_TEST_CASE(takes_no_more_arguments_than_its_text_can_name) {
  auto two = connection.query("select $1::int", 1, 2);
  check_refused(two, "the query has 1 parameters, and 2 arguments were given");
  auto one = connection.query("select 'in $', $-1 $$", 1);
  check_refused(one, "the query has 0 parameters, and 1 arguments were given");
  BOOST_TEST(server.hears() == "");
  auto unused = connection.query("select $10::int", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);  // the server decides
  Task<> task = awaits(unused);
  task.start();
  BOOST_TEST(server.hears() != "");
}

BOOST_AUTO_TEST_SUITE_END()
