// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A connection under TLS, once it is open: records and messages, endings, cancel requests (R-T7, R-C9,
// HS-012, HS-014, HS-017).
#include <optional>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/open_channel.hpp"
#include "tests/support/tls_connecting.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

namespace {

/// A client that has logged in.
struct LoggedIn : TlsConnecting {
  explicit LoggedIn(SslMode mode = SslMode::require, SslNegotiation negotiation = SslNegotiation::postgres) {
    start(mode, negotiation);
    reach(peer, negotiation);
    log_in(peer, server);
  }

  /// From the client's call to the handshake.
  void reach(Peer& called, SslNegotiation negotiation) {
    if (negotiation == SslNegotiation::direct) {
      called = listener.accepts();
    } else {
      called = accept_request();
      called.says("S"s);
    }
    loop.run_until_idle();
  }
  /// Submits, and the server hears it.
  void ask(Request& request) {
    BOOST_REQUIRE(channel->submit(request));
    channel->flush();
    pump(peer, server);
  }

  Peer peer;
  TlsServer server{identity};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(tls_channel)

BOOST_FIXTURE_TEST_CASE(records_end_anywhere_and_nothing_waits_for_a_further_event, LoggedIn) {  // HS-017
  const std::string whole =
      answer("one") + notification(7, "c", std::string(40'000, 'p')) + notice_response("n");
  for (std::size_t cut = 0; cut < whole.size(); cut += cut < 200 ? 1 : 4999) {
    Request request("select 1");
    ask(request);
    BOOST_TEST(server.takes() != "");
    std::string records = cut == 0 ? "" : server.says(whole.substr(0, cut));
    records += server.says(whole.substr(cut));
    peer.says(records);
    loop.run_until_idle();
    BOOST_TEST(request.outcome() == "[one] SELECT 1");
    BOOST_TEST_REQUIRE(channel->is_open());
  }
}

// More than is taken from the socket at a time.
BOOST_FIXTURE_TEST_CASE(much_that_comes_unasked_is_read_to_its_end, LoggedIn) {
  for (int i = 0; i < 5; ++i) {
    std::string records;
    for (int j = 0; j < 12; ++j) records += server.says(notice_response(std::string(10'000, 'n')));
    records += server.says(parameter_status("application_name", std::to_string(i)));
    peer.says(records);
    loop.run_until_idle();
    BOOST_TEST(channel->session().parameters().get("application_name") == std::to_string(i));
  }
}

BOOST_FIXTURE_TEST_CASE(large_results_and_large_requests, LoggedIn) {
  const std::string value(3'000'000, 'v');
  Request request(value);
  ask(request);
  BOOST_TEST(server.takes().size() == value.size() + 6);
  std::string said = server.says(answer(value));
  while (!said.empty()) {
    const std::string piece = said.substr(0, 50'000);
    peer.says(piece);
    said.erase(0, piece.size());
    loop.run_until_idle();
  }
  BOOST_TEST(request.rows == 1U);
  BOOST_TEST(request.ended == 1);
}

BOOST_FIXTURE_TEST_CASE(given_up_while_the_socket_is_full, LoggedIn) {  // R-C10, DT-19
  const std::string value(3'000'000, 'v');
  Request request(value), next("select 'next'");
  BOOST_REQUIRE(channel->submit(request));
  channel->flush();
  BOOST_TEST(channel->session().pending_write().size() > 1'000'000U);
  channel->cancel(request);
  BOOST_REQUIRE(channel->submit(next));
  channel->flush();
  pump(peer, server);
  BOOST_TEST((server.takes() == message('Q', cstring(value))));
  listener.accepts().hangs_up();  // who would have asked for TLS, and then to cancel
  loop.run_until_idle();
  peer.says(server.says(error_response("57014") + ready_for_query()));
  loop.run_until_idle();
  pump(peer, server);
  BOOST_TEST((server.takes() == message('Q', cstring("select 'next'"))));
}

BOOST_AUTO_TEST_CASE(an_end_in_whatever_manner_is_a_loss) {  // HS-012, HS-014
  enum class End { goodbye_in_message, cut_in_message, cut_while_idle, clear_bytes };
  for (const End end :
       {End::goodbye_in_message, End::cut_in_message, End::cut_while_idle, End::clear_bytes}) {
    LoggedIn client;
    Request request("select 1");
    if (end != End::cut_while_idle) {
      client.ask(request);
      client.peer.says(client.server.says(answer("one").substr(0, 30)));
    }
    if (end == End::goodbye_in_message) client.peer.says(client.server.says_goodbye());
    if (end == End::clear_bytes) {
      client.peer.says(answer("two"));
    } else if (end != End::goodbye_in_message) {
      client.peer.hangs_up();
    }
    client.loop.run_until_idle();
    BOOST_TEST(!client.channel->is_open());
    BOOST_TEST((client.channel->session().failure()->code == make_error_code(Errc::connection_lost)));
    if (end != End::cut_while_idle) BOOST_TEST(request.ended == 1);
    BOOST_TEST(request.outcome() != "[one] SELECT 1");
  }
}

BOOST_FIXTURE_TEST_CASE(parting_is_said_under_tls, LoggedIn) {
  channel->terminate();
  channel.reset();
  pump(peer, server);
  BOOST_TEST(server.takes() == "X\0\0\0\4"s);
  BOOST_TEST(server.said_goodbye());
  BOOST_TEST(peer.left());
}

BOOST_AUTO_TEST_CASE(a_cancel_request_takes_the_same_way) {  // R-C9
  for (const auto negotiation : {SslNegotiation::postgres, SslNegotiation::direct}) {
    LoggedIn client(SslMode::verify_full, negotiation);
    Request request("select pg_sleep(60)");
    client.ask(request);
    client.channel->cancel(request);
    client.loop.run_until_idle();

    Peer messenger;
    TlsServer there(client.identity);
    client.reach(messenger, negotiation);
    client.pump(messenger, there);
    BOOST_TEST(LoggedIn::first_packet(there.takes()) == "Cancel(7, abcd)");
    messenger.hangs_up();
    client.peer.says(client.server.says(error_response("57014") + ready_for_query()));
    client.loop.run_until_idle();
    BOOST_TEST(!client.channel->cancelling());
    BOOST_TEST(!client.channel->tainted());
  }
}

BOOST_AUTO_TEST_CASE(no_cancel_request_goes_out_in_clear_for_a_connection_under_tls) {  // HS-145
  LoggedIn client(SslMode::prefer);
  Request request("select pg_sleep(60)");
  client.ask(request);
  client.channel->cancel(request);
  client.loop.run_until_idle();
  Peer messenger = client.accept_request();
  messenger.says("N"s);
  client.loop.run_until_idle();
  BOOST_TEST(messenger.left());  // without a word, which could still arrive
  BOOST_TEST(!client.channel->tainted());
  client.peer.says(client.server.says(answer("late")));
  client.loop.run_until_idle();
  BOOST_TEST(!client.channel->cancelling());
}

BOOST_FIXTURE_TEST_CASE(giving_up_at_every_turn_leaves_nothing, TlsConnecting) {
  for (int turns = 0; turns < 24; ++turns) {
    start(SslMode::require);
    Peer peer = accept_request();
    TlsServer server(identity);
    peer.says("S"s);
    for (int i = 0; i < turns; ++i) {
      loop.turn();
      const std::string sent = peer.takes();
      if (!sent.empty()) peer.says(server.hears(sent));
    }
    connector.reset();
    channel.reset();
    BOOST_TEST(loop.watches() == 0U);
    BOOST_TEST(loop.armed_timers() == 0U);
  }
}

BOOST_AUTO_TEST_SUITE_END()
