// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A stream of rows over a socket: whoever is slow makes the server wait (R-M5), and may leave at any time.
#include <cstddef>
#include <optional>
#include <string>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/connection.hpp"
#include "pgstride/driver/coro/within.hpp"
#include "pgstride/driver/stream.hpp"
#include "pgstride/protocol/codec/scalar.hpp"
#include "pgstride/protocol/codec/text.hpp"

#include "tests/support/open_channel.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t MiB = 1 << 20;

std::string rows(std::size_t bytes) {
  const std::string one = data_row({std::string(1000, 'x')});
  std::string all;
  while (all.size() < bytes) all += one;
  return all;
}

const std::string beginning =
    parse_complete() + parameter_description({}) + row_description({"x"}) + bind_complete();
const std::string ending = command_complete("SELECT 1") + ready_for_query();

Task<std::size_t> count(Stream& stream, std::size_t most = SIZE_MAX) {
  std::size_t seen = 0;
  while (seen < most) {
    const RowView* row = co_await stream.next();
    if (row == nullptr) break;
    BOOST_TEST(row->get<std::string_view>(0).size() == 1000u);
    ++seen;
  }
  co_return seen;
}

struct Streaming : OpenChannel {
  Streaming() : connection(std::move(channel)) {}

  Channel& wire() { return connection.channel(); }
  /// As much as the socket takes at a time; the rest is kept.
  void pour(std::string& bytes) {
    const auto result = server.socket().write_some(as_bytes(bytes));
    bytes.erase(0, result.bytes);
  }
  void check_connection() {
    auto asking = [](Connection& conn) -> Task<std::size_t> {
      const auto results = co_await conn.query_script("select 'probe'");
      co_return results.size();
    }(connection);
    asking.start();
    BOOST_TEST(server.hears() == "Query(select 'probe')");
    server.says(answer("probe"));
    loop.run_until_idle();
    BOOST_TEST(asking.take() == 1u);
  }

  Connection connection;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(stream, Streaming)

BOOST_AUTO_TEST_CASE(who_does_not_ask_stops_the_server) {
  Stream stream = connection.stream("select x");
  auto one = count(stream, 1);
  one.start();
  BOOST_TEST(server.hears().ends_with("Sync"));
  std::string reply = beginning + rows(8 * MiB) + ending;
  const std::size_t size = reply.size();
  for (int i = 0; i < 100; ++i) {
    pour(reply);
    loop.run_until_idle();
  }
  BOOST_TEST(one.take() == 1u);
  BOOST_TEST(size - reply.size() < 2 * MiB);  // the rest waits where it comes from
  BOOST_TEST(!loop.turn());                   // and nobody asks for it in vain
  auto all = count(stream);
  all.start();
  while (!all.done()) {
    pour(reply);
    loop.run_until_idle();
  }
  BOOST_TEST(all.take() == rows(8 * MiB).size() / data_row({std::string(1000, 'x')}).size() - 1);
  check_connection();
}

BOOST_AUTO_TEST_CASE(rows_without_columns_stop_the_server_too) {
  Stream stream = connection.stream("select from x");
  Task<bool> one = [](Stream& from) -> Task<bool> { co_return co_await from.next() != nullptr; }(stream);
  one.start();
  BOOST_TEST(server.hears().ends_with("Sync"));
  std::string reply = parse_complete() + parameter_description({}) + row_description({}) + bind_complete();
  while (reply.size() < 4 * MiB) reply += data_row({});
  const std::size_t size = reply.size();
  for (int i = 0; i < 100; ++i) {
    pour(reply);
    loop.run_until_idle();
  }
  BOOST_TEST(one.take());
  BOOST_TEST(size - reply.size() < 2 * MiB);
}

BOOST_AUTO_TEST_CASE(who_leaves_early_cancels) {
  {
    Stream stream = connection.stream("select x");
    auto two = count(stream, 2);
    two.start();
    server.hears();
    std::string reply = beginning + rows(MiB / 2);
    while (!reply.empty()) {
      pour(reply);
      loop.run_until_idle();
    }
    BOOST_TEST(two.take() == 2u);
  }
  loop.run_until_idle();
  Peer canceller = cancels.accepts();
  BOOST_TEST(canceller.hears() == "Cancel(7, abcd)");
  canceller.hangs_up();
  server.says(rows(MiB / 8) + error_response("57014") + ready_for_query());
  loop.run_until_idle();
  check_connection();
}

// The server has to send the rest before it hears of the cancel.
BOOST_AUTO_TEST_CASE(who_does_not_ask_is_interrupted) {
  Stream stream = connection.stream("select x");
  auto one = count(stream, 1);
  one.start();
  server.hears();
  std::string reply = beginning + rows(8 * MiB);
  for (int i = 0; i < 100; ++i) {
    pour(reply);
    loop.run_until_idle();
  }
  BOOST_TEST(one.take() == 1u);
  BOOST_TEST(!reply.empty());
  wire().interrupt();
  cancels.accepts().hangs_up();
  for (int i = 0; i < 1000 && !reply.empty(); ++i) {
    pour(reply);
    loop.turn();
  }
  BOOST_REQUIRE(reply.empty());
  server.says(error_response("57014") + ready_for_query());
  loop.run_until_idle();
  BOOST_TEST(!stream.pending());
  check_connection();
  auto rest = count(stream);  // what had been received, and then why there is no more
  rest.start();
  BOOST_CHECK_EXCEPTION(rest.take(), Error, [](const Error& e) { return e.code() == Errc::cancelled; });
}

BOOST_AUTO_TEST_CASE(rows_come_before_the_error_behind_them) {
  Stream stream = connection.stream("select x");
  const auto read = [](Stream& from) -> Task<std::string> {
    std::size_t seen = 0;
    try {
      while (co_await from.next() != nullptr) ++seen;
    } catch (const ServerException& e) {
      co_return std::to_string(seen) + " " + std::string(e.sqlstate());
    }
    co_return "no error";
  };
  auto reading = read(stream);
  reading.start();
  server.hears();
  server.says(beginning + rows(3000) + error_response("22012") + ready_for_query());
  loop.run_until_idle();
  BOOST_TEST(reading.take() == "3 22012");
  check_connection();
}

BOOST_AUTO_TEST_CASE(a_deadline_is_over_all_of_it) {
  Stream stream = connection.stream("select x");
  stream.timeout(5s);
  auto one = count(stream, 1);
  one.start();
  server.hears();
  server.says(beginning + rows(1000));
  loop.run_until_idle();
  BOOST_TEST(one.take() == 1u);
  const auto wait = [](Stream& from) -> Task<std::error_code> {
    try {
      co_await from.next();
    } catch (const Error& e) {
      co_return e.code();
    }
    co_return std::error_code();
  };
  auto waiting = wait(stream);
  waiting.start();
  loop.advance(4s);
  BOOST_TEST(!waiting.done());
  loop.advance(1s);
  BOOST_REQUIRE(waiting.done());
  BOOST_TEST((waiting.take() == Errc::timed_out));
}

BOOST_AUTO_TEST_CASE(whoever_waits_may_go_and_another_one_come) {
  Stream stream = connection.stream("select x");
  const auto within = [](Loop& in, Stream& from) -> Task<bool> {
    Within<std::size_t> waiting(in, in.now() + 1s, count(from, 1));
    const std::optional<std::size_t> seen = co_await waiting;
    co_return seen.has_value();
  };
  auto first = within(loop, stream);
  first.start();
  server.hears();
  loop.advance(2s);
  BOOST_TEST(!first.take());
  server.says(beginning + rows(1000));
  loop.run_until_idle();
  server.says(ending);
  auto second = count(stream);
  second.start();
  loop.run_until_idle();
  BOOST_TEST(second.take() == 1u);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_told_without_any_row) {
  auto stream = connection.stream_as<int>("select x");
  const auto read = [](StreamAs<int>& from) -> Task<std::string> {
    try {
      co_await from.next();
    } catch (const Error& e) {
      co_return e.what();
    }
    co_return "";
  };
  auto reading = read(stream);
  reading.start();
  server.hears();
  server.says(beginning + ending);
  loop.run_until_idle();
  const std::string what = reading.take();
  BOOST_TEST(what.find("text") != std::string::npos, what);
}

// What it has in hand is gone, and the line is free.
BOOST_AUTO_TEST_CASE(closing_cancels) {
  Stream stream = connection.stream("select x");
  auto one = count(stream, 1);
  one.start();
  server.hears();
  std::string reply = beginning + rows(MiB);
  while (!one.done()) {
    pour(reply);
    loop.run_until_idle();
  }
  stream.close();
  BOOST_TEST(!stream.pending());
  auto rest = count(stream);
  rest.start();
  BOOST_REQUIRE(rest.done());
  BOOST_TEST(rest.take() == 0u);
  while (!reply.empty()) {
    pour(reply);
    loop.run_until_idle();
  }
  Peer canceller = cancels.accepts();
  BOOST_TEST(canceller.hears() == "Cancel(7, abcd)");
  canceller.hangs_up();
  server.says(error_response("57014") + ready_for_query());
  loop.run_until_idle();
  check_connection();
  stream.close();  // which it is
}

BOOST_AUTO_TEST_CASE(closing_before_anything_was_sent) {
  Stream stream = connection.stream("select x");
  stream.close();
  check_connection();
}

BOOST_AUTO_TEST_CASE(closing_tells_whoever_waits) {
  auto stream = connection.stream_as<std::string>("select x");
  const auto wait = [](StreamAs<std::string>& from) -> Task<std::error_code> {
    try {
      co_await from.next();
    } catch (const Error& e) {
      co_return e.code();
    }
    co_return std::error_code();
  };
  auto waiting = wait(stream);
  waiting.start();
  server.hears();
  stream.close();
  BOOST_TEST(!waiting.done());  // resumed by the loop only
  loop.run_until_idle();
  BOOST_REQUIRE(waiting.done());
  BOOST_TEST((waiting.take() == Errc::cancelled));
}

BOOST_AUTO_TEST_SUITE_END()
