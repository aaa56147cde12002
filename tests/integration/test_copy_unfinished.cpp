// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// COPYs that do not come to their end: stopped, late, or fed by somebody who does not wait.
#include <stop_token>
#include <string>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

namespace {

struct Table : Database {
  Table() {
    go([](Connection& conn) -> Task<> { co_await conn.execute("create temp table t (line text)"); });
  }
  ~Table() {
    go([](Connection& conn) -> Task<> {
      const auto lines = co_await conn.query_one<std::int64_t>("select count(*) from t");
      BOOST_TEST(lines == 0);
    });
  }
};

/// What the task throws.
template <class T>
Task<std::optional<Error>> error_in(Task<T> task) {
  std::optional<Error> error;
  try {
    co_await task;
  } catch (const Error& e) {
    error.emplace(e);
  }
  co_return error;
}

Task<> finish(CopyInStream& stream) { co_await stream.finish(); }

// More than the sockets and the stream take in.
const std::string& many_lines() {
  static const std::string lines(8 << 20, '\n');
  return lines;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(copy_unfinished, Table)

BOOST_AUTO_TEST_CASE(data_that_nobody_waits_for_are_not_read_later) {
  go([](Connection& conn) -> Task<> {
    CopyInStream in = co_await conn.copy_in("copy t from stdin");
    static_cast<void>(in.write(many_lines()));
    const auto error = co_await error_in(finish(in));
    BOOST_REQUIRE(error);
    BOOST_TEST(contains(error->what(), "not awaited to its end"));
  });
}

BOOST_AUTO_TEST_CASE(a_write_does_not_take_the_place_of_the_one_before) {
  go([](Connection& conn) -> Task<> {
    CopyInStream in = co_await conn.copy_in("copy t from stdin");
    auto first = in.write(many_lines());
    const auto write = [](CopyInStream& stream) -> Task<> { co_await stream.write("more\n"); };
    const auto error = co_await error_in(write(in));
    BOOST_REQUIRE(error);
    BOOST_TEST(contains(error->what(), "the write before has to be awaited"));
  });
}

BOOST_AUTO_TEST_CASE(stopped_by_a_token) {
  std::stop_source source;
  go([&](Connection& conn) -> Task<> {
    CopyInStream in = co_await conn.copy_in("copy t from stdin").stop(source.get_token());
    co_await in.write("one\n");
    source.request_stop();
    const auto error = co_await error_in(finish(in));
    BOOST_REQUIRE(error);
    BOOST_TEST(error->code() == Errc::cancelled);
  });
}

BOOST_AUTO_TEST_CASE(stopped_before_it_starts) {
  std::stop_source source;
  source.request_stop();
  go([&](Connection& conn) -> Task<> {
    const auto read = [&](Connection& c) -> Task<> {
      co_await c.copy_out("copy (select pg_sleep(60)) to stdout").stop(source.get_token());
    };
    const auto error = co_await error_in(read(conn));
    BOOST_REQUIRE(error);
    BOOST_TEST(error->code() == Errc::cancelled);
  });
}

BOOST_AUTO_TEST_CASE(late) {
  go([](Connection& conn) -> Task<> {
    const auto read = [](Connection& c) -> Task<> {
      const TimePoint soon = c.channel().loop().now() + 50ms;
      CopyOutStream out = co_await c.copy_out("copy (select pg_sleep(60)) to stdout").deadline(soon);
      co_await out.next();
    };
    const auto error = co_await error_in(read(conn));
    BOOST_REQUIRE(error);
    BOOST_TEST(error->code() == Errc::timed_out);
  });
}

BOOST_AUTO_TEST_SUITE_END()
