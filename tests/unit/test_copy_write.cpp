// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Writes of a COPY that are awaited late, or not at all. What becomes of the COPY on a server is in
// integration/test_copy_unfinished.cpp.
#include <optional>
#include <string>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/connection.hpp"

#include "tests/support/open_channel.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

const std::string& much() {
  static const std::string lines(8 << 20, '\n');
  return lines;
}

struct Copying : OpenChannel {
  Copying() : connection(std::move(channel)) {
    Task<> starting = begins();
    starting.start();
    server.hears();
    server.says(copy_response('G'));
    loop.run_until_idle();
    BOOST_REQUIRE(stream);
  }
  Task<> begins() {
    auto start = connection.copy_in("copy t from stdin");
    CopyInStream begun = co_await start;
    stream.emplace(std::move(begun));
  }
  Task<> awaits(CopyInStream::Write& write) { co_await write; }
  Task<std::string> finishes() {
    auto finish = stream->finish();
    Completion completion = co_await finish;
    co_return completion.tag();
  }
  /// The server takes all that is sent.
  void takes_all() {
    for (int turns = 0; turns < 200; ++turns) {
      server.hears();
      loop.run_until_idle();
    }
  }

  Connection connection;
  std::optional<CopyInStream> stream;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(copy_write, Copying)

BOOST_AUTO_TEST_CASE(may_outlive_its_stream) {
  auto write = stream->write(much());
  stream.reset();
}

BOOST_AUTO_TEST_CASE(may_be_awaited_when_there_is_room_again) {
  auto write = stream->write(much());
  takes_all();
  Task<> awaiting = awaits(write);
  awaiting.start();
  BOOST_REQUIRE(awaiting.done());
  awaiting.take();
}

BOOST_AUTO_TEST_CASE(may_be_awaited_when_the_copy_has_failed) {
  auto write = stream->write(much());
  server.says(error_response("22P02"));
  loop.run_until_idle();
  takes_all();
  server.says(ready_for_query());
  loop.run_until_idle();
  Task<> awaiting = awaits(write);
  awaiting.start();
  BOOST_REQUIRE(awaiting.done());
  BOOST_CHECK_THROW(awaiting.take(), ServerException);
}

BOOST_AUTO_TEST_CASE(the_end_is_not_told_before_it) {
  auto write = stream->write(much());
  Task<std::string> finishing = finishes();
  finishing.start();
  takes_all();
  BOOST_REQUIRE(!finishing.done());
  server.says(command_complete("COPY 8388608"), ready_for_query());
  loop.run_until_idle();
  BOOST_REQUIRE(finishing.done());
  BOOST_TEST(finishing.take() == "COPY 8388608");
}

BOOST_AUTO_TEST_SUITE_END()
