// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// COPY out of the server over a socket: a full sink stops the server, and neither deadlines nor cancelling
// suffer.
#include <sys/socket.h>

#include "tests/support/copy_channel.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_SUITE(copy_channel, CopyChannel)

BOOST_AUTO_TEST_CASE(a_sink_that_is_full_stops_the_socket) {  // R-M5
  Taker reader(*channel, 100'000);
  start(reader);
  std::string reply = copy_response('H') + rows(8 * MiB) + end_of_copy;
  const std::size_t size = reply.size();
  for (int i = 0; i < 100; ++i) {
    pour(reply);
    loop.run_until_idle();
  }
  BOOST_TEST(reader.taken < 110'000U);
  BOOST_TEST(size - reply.size() < 2 * MiB);  // the rest waits where it comes from
  BOOST_TEST(!loop.turn());                   // and nobody asks for it in vain
  while (reader.ended == 0) {
    reader.make_room(100'000);
    pour(reply);
    loop.run_until_idle();
  }
  BOOST_TEST(reader.outcome() == "COPY 1");
  BOOST_TEST(reader.taken / 1000 == (8 * MiB + 1004) / 1005);
  check_usable();
}

BOOST_AUTO_TEST_CASE(room_is_made_when_everything_has_been_received) {
  Taker reader(*channel, 1);
  start(reader);
  server.says(copy_response('H') + rows(5000) + end_of_copy);
  loop.run_until_idle();
  BOOST_TEST(reader.taken == 1000U);
  for (std::size_t row = 2; row < 5; ++row) {
    reader.make_room(1);
    BOOST_TEST(reader.taken == row * 1000);
    loop.run_until_idle();
    BOOST_TEST(reader.ended == 0);
  }
  reader.make_room(1'000'000);
  BOOST_TEST(reader.ended == 0);  // it is told from the loop
  loop.run_until_idle();
  BOOST_TEST(reader.ended == 1);
  check_usable();
}

BOOST_AUTO_TEST_CASE(a_full_sink_does_not_hold_off_its_deadline) {
  Taker reader(*channel, 1);
  start(reader, 5s);
  server.says(copy_response('H') + rows(5000));
  loop.advance(5s);
  BOOST_TEST(reader.ended == 1);
  BOOST_TEST(reader.outcome() == "deadline passed");
  Peer cancel = cancels.accepts();
  BOOST_TEST(cancel.hears() == "Cancel(7, abcd)");
  cancel.hangs_up();
  server.says(error_response("57014"), ready_for_query());  // behind the rows that were not read
  loop.run_until_idle();
  BOOST_TEST(!channel->cancelling());
  check_usable();
}

BOOST_AUTO_TEST_CASE(a_sink_that_goes_while_it_is_full_is_cancelled_and_drained) {  // R-Y3
  auto reader = std::make_unique<Taker>(*channel, 1);
  start(*reader);
  std::string reply = copy_response('H') + rows(4 * MiB) + error_response("57014") + ready_for_query();
  pour(reply);
  loop.run_until_idle();
  reader.reset();
  Request late("select 'late'");
  ask(late);
  Peer cancel = cancels.accepts();
  cancel.hangs_up();
  while (!reply.empty()) {
    pour(reply);
    BOOST_TEST(server.hears() == "");  // the fence
    loop.run_until_idle();
  }
  BOOST_TEST(server.hears() == "Query(select 'late')");
  server.says(answer("late"));
  loop.run_until_idle();
  BOOST_TEST(late.outcome() == "[late] SELECT 1");
}

BOOST_AUTO_TEST_CASE(a_sink_that_goes_when_the_server_has_finished) {
  auto reader = std::make_unique<Taker>(*channel, 1);
  start(*reader);
  server.says(copy_response('H') + rows(2000) + end_of_copy);  // all of it lies in the buffer
  loop.run_until_idle();
  reader.reset();
  cancels.accepts().hangs_up();  // it could not be known
  loop.run_until_idle();
  BOOST_TEST(!channel->cancelling());
  check_usable();
}

BOOST_AUTO_TEST_CASE(a_server_that_dies_while_the_sink_is_full) {
  Taker reader(*channel, 1);
  start(reader);
  server.says(copy_response('H') + rows(3000));
  loop.run_until_idle();
  server.hangs_up();
  loop.run_until_idle();
  BOOST_TEST(reader.ended == 0);  // there is data to be read first
  reader.make_room(1'000'000);
  loop.run_until_idle();
  BOOST_TEST(reader.taken == 3000U);
  BOOST_TEST(reader.outcome().starts_with("connection to the server was lost"));
  BOOST_TEST(closed == 1);
}

BOOST_AUTO_TEST_CASE(a_full_sink_is_interrupted) {
  Taker reader(*channel, 1);
  start(reader);
  server.says(copy_response('H') + rows(3000));
  loop.run_until_idle();
  channel->interrupt();
  cancels.accepts().hangs_up();
  server.says(error_response("57014"), ready_for_query());
  loop.run_until_idle();
  BOOST_TEST(reader.ended == 1);
  BOOST_TEST(reader.failure()->code == make_error_code(Errc::cancelled));
  check_usable();
}

BOOST_AUTO_TEST_CASE(many_small_messages_leave_others_their_turn) {  // HS-124, R-M6
  const int size = 4 << 20;
  ::setsockopt(server.socket().fd(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  Taker reader(*channel, SIZE_MAX);
  start(reader);
  std::string reply = copy_response('H');
  for (int i = 0; i < 200'000; ++i) reply += copy_data("x");
  reply += end_of_copy;
  std::size_t most = 0;
  while (reader.ended == 0) {
    pour(reply);
    const std::size_t before = reader.taken;
    loop.turn();
    most = std::max(most, reader.taken - before);
  }
  BOOST_TEST(reader.taken == 200'000U);
  BOOST_TEST(most * 6 <= 512U << 10);
}

BOOST_AUTO_TEST_SUITE_END()
