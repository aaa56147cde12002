// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// COPY into the server over a socket: a slow server makes the source wait, and neither deadlines nor
// cancelling suffer.

#include "tests/support/copy_channel.hpp"
#include "tests/support/frontend_words.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_SUITE(copy_writer, CopyChannel)

BOOST_AUTO_TEST_CASE(small_pieces_travel_together) {
  Writer writer(*channel);
  start_writing(writer);
  for (const std::string_view piece : {"one\n", "two\n", "", "three\n"})
    BOOST_TEST(writer.write(as_bytes(piece)));
  BOOST_TEST(server.hears() == "");
  loop.run_until_idle();
  BOOST_TEST(server.hears() == "CopyData(one\ntwo\nthree\n)");  // though nobody asked for a flush
  BOOST_TEST(writer.write(as_bytes(std::string_view("four\n"))));
  writer.end();
  BOOST_TEST(server.hears() == "CopyData(four\n) CopyDone");
  server.says(command_complete("COPY 4"), ready_for_query());
  loop.run_until_idle();
  BOOST_TEST(writer.outcome() == "COPY 4");
  BOOST_TEST(writer.stirred == 1);
}

// A server that waits for data takes Terminate for a mistake.
BOOST_AUTO_TEST_CASE(closing_the_connection_breaks_it_off) {
  Writer writer(*channel);
  start_writing(writer);
  BOOST_TEST(writer.write(as_bytes(std::string_view("one\n"))));
  channel->terminate();
  BOOST_TEST(server.hears() == "CopyFail(the client has closed the connection) Terminate");
  server.says(error_response("57014"), ready_for_query());
  server.hangs_up();
  loop.run_until_idle();
  BOOST_TEST(writer.failure()->code == make_error_code(Errc::connection_closed));
  BOOST_TEST(writer.ended == 1);
  BOOST_TEST(closed == 1);
}

BOOST_AUTO_TEST_CASE(nor_does_the_server_wait_that_is_about_to_ask_for_data) {
  Writer first(*channel), second(*channel);
  start(first);
  BOOST_REQUIRE(channel->submit(second));
  channel->terminate();
  const std::string fail = "CopyFail(the client has closed the connection) ";
  BOOST_TEST(server.hears() == fail + "Query(copy t from stdin) " + fail + "Terminate");
  server.hangs_up();
  loop.run_until_idle();
  for (const Writer* writer : {&first, &second})
    BOOST_TEST(writer->failure()->code == make_error_code(Errc::connection_closed));
}

BOOST_AUTO_TEST_CASE(closing_the_connection_does_not_spoil_what_has_ended) {
  Writer writer(*channel);
  start_writing(writer);
  writer.end();
  channel->terminate();
  BOOST_TEST(server.hears() == "CopyDone Terminate");
  server.says(command_complete("COPY 0"), ready_for_query());
  loop.run_until_idle();
  BOOST_TEST(writer.outcome() == "COPY 0");
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_read_makes_the_owner_wait) {  // HS-120
  Writer writer(*channel);
  start_writing(writer);
  const std::string piece(300'000, 'x');
  const std::size_t written = fill(writer, piece);
  const int stirred = writer.stirred;
  BOOST_TEST(channel->session().pending_write().size() < 256U << 10);
  BOOST_TEST(!loop.turn());

  std::string heard;
  while (writer.stirred == stirred) {
    heard += server.takes();
    loop.turn();
  }
  BOOST_TEST(writer.has_room());
  writer.end();
  while (!heard.ends_with(std::string("c\0\0\0\4", 5))) {
    heard += server.takes();
    loop.turn();
  }
  const std::string words = in_words(as_bytes(heard));
  BOOST_TEST(static_cast<std::size_t>(std::count(words.begin(), words.end(), 'x')) == written);
  server.says(command_complete("COPY 1"), ready_for_query());
  loop.run_until_idle();
  BOOST_TEST(writer.outcome() == "COPY 1");
}

BOOST_AUTO_TEST_CASE(somebody_elses_flush_makes_room_too) {
  Writer writer(*channel);
  start_writing(writer);
  const std::string piece(300'000, 'x');
  fill(writer, piece);
  const int stirred = writer.stirred;
  Request other("select 1");
  BOOST_REQUIRE(channel->submit(other));
  while (!writer.has_room()) {
    server.takes();
    channel->flush();
  }
  BOOST_TEST(writer.stirred == stirred);
  loop.run_until_idle();
  BOOST_TEST(writer.stirred == stirred + 1);
}

BOOST_AUTO_TEST_CASE(an_owner_who_has_always_more_leaves_others_their_turn) {  // R-M6
  Writer writer(*channel);
  start_writing(writer);
  const std::string piece(50'000, 'x');
  for (int turn = 0; turn < 10; ++turn) {
    std::size_t written = 0;
    for (bool has_room = true; has_room && written < 8 * MiB; written += piece.size()) {
      has_room = writer.write(as_bytes(piece));
      server.takes();  // it takes everything
    }
    BOOST_TEST(written < MiB);
    const int stirred = writer.stirred;
    loop.turn();
    BOOST_TEST(writer.stirred == stirred + 1);
  }
}

BOOST_AUTO_TEST_CASE(an_owner_may_write_on_when_it_is_stirred) {
  Writer writer(*channel);
  const std::string piece(100'000, 'x');
  int written = 0;
  writer.on_stir = [&] {
    while (written < 50) {
      ++written;
      if (!writer.write(as_bytes(piece))) return;
    }
    writer.end();
  };
  start_writing(writer);
  std::string heard;
  for (int i = 0; i < 100'000 && !heard.ends_with(std::string("c\0\0\0\4", 5)); ++i) {
    heard += server.takes();
    loop.turn();
  }
  const std::string words = in_words(as_bytes(heard));
  BOOST_TEST(std::count(words.begin(), words.end(), 'x') == 5'000'000);
}

BOOST_AUTO_TEST_CASE(a_writer_that_goes_is_told_to_the_server_twice) {  // R-C11
  auto writer = std::make_unique<Writer>(*channel);
  start_writing(*writer);
  writer->write(as_bytes(std::string_view("some\n")));
  loop.run_until_idle();
  writer.reset();
  BOOST_TEST(server.hears() == "CopyData(some\n) CopyFail(the client has given up)");
  loop.run_until_idle();
  Peer cancel = cancels.accepts();
  BOOST_TEST(cancel.hears() == "Cancel(7, abcd)");
  cancel.hangs_up();
  server.says(error_response("57014"), ready_for_query());
  loop.run_until_idle();
  check_usable();
}

BOOST_AUTO_TEST_CASE(a_deadline_passes_while_the_source_has_nothing) {
  Writer writer(*channel);
  start_writing(writer, 5s);
  loop.advance(5s);
  BOOST_TEST(writer.outcome() == "deadline passed");
  BOOST_TEST(server.hears() == "CopyFail(the client has given up)");
  cancels.accepts().hangs_up();
  server.says(error_response("57014"), ready_for_query());
  loop.run_until_idle();
  BOOST_TEST(writer.write(as_bytes(std::string_view("too late"))));  // nobody waits for room any more
  check_usable();
}

BOOST_AUTO_TEST_CASE(a_deadline_passes_while_the_server_does_not_read) {  // HS-120
  Writer writer(*channel);
  start_writing(writer, 5s);
  const std::string piece(300'000, 'x');
  fill(writer, piece);
  loop.advance(5s);
  BOOST_TEST(writer.outcome() == "deadline passed");
  cancels.accepts().hangs_up();
  loop.advance(5s);  // the grace period: half a message cannot be taken back
  BOOST_TEST(closed == 1);
}

BOOST_AUTO_TEST_CASE(a_source_that_fails) {
  Writer writer(*channel);
  start_writing(writer);
  writer.write(as_bytes(std::string_view("some\n")));
  writer.break_off("no more to be had");
  BOOST_TEST(server.hears() == "CopyFail(no more to be had)");
  server.says(error_response("57014"), ready_for_query());
  loop.run_until_idle();
  BOOST_TEST(writer.ended == 1);
  BOOST_TEST(writer.outcome() == "");
  BOOST_TEST(!cancels.is_called());  // the server knows
  check_usable();
}

BOOST_AUTO_TEST_CASE(an_error_reaches_an_owner_who_waits_for_room) {
  Writer writer(*channel);
  start_writing(writer);
  const std::string piece(300'000, 'x');
  fill(writer, piece);
  server.says(error_response("22P02"), ready_for_query());
  loop.run_until_idle();
  BOOST_TEST(writer.ended == 1);
  BOOST_TEST(writer.outcome().find("it failed") != std::string::npos);
  while (!server.takes().empty()) loop.turn();  // what was on its way is ignored by the server
  check_usable();
}

BOOST_AUTO_TEST_CASE(a_writer_is_interrupted) {
  Writer writer(*channel);
  start_writing(writer);
  channel->interrupt();
  BOOST_TEST(server.hears() == "CopyFail(the client has given up)");
  cancels.accepts().hangs_up();
  server.says(error_response("57014"), ready_for_query());
  loop.run_until_idle();
  BOOST_TEST(writer.failure()->code == make_error_code(Errc::cancelled));
  check_usable();
}

BOOST_AUTO_TEST_SUITE_END()
