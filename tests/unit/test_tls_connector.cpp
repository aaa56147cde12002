// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Negotiating TLS, with servers that do it well and servers that do not (R-T1, R-T2, R-T4;
// HS-003, HS-004, HS-006, HS-008, HS-009, HS-010, HS-011).
#include <optional>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/tls_connecting.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_SUITE(tls_connector, TlsConnecting)

BOOST_AUTO_TEST_CASE(every_mode_that_wants_tls_gets_it) {
  for (const SslMode mode : {SslMode::prefer, SslMode::require, SslMode::verify_ca, SslMode::verify_full}) {
    start(mode);
    Peer peer = accept_request();
    TlsServer server(identity);
    peer.says("S"s);
    loop.run_until_idle();
    log_in(peer, server);
    BOOST_TEST_REQUIRE(channel->tls() != nullptr);
    BOOST_TEST(channel->tls()->info().version == "TLSv1.3");
  }
}

BOOST_AUTO_TEST_CASE(direct_tls_does_not_ask) {
  start(SslMode::verify_full, SslNegotiation::direct);
  Peer peer = listener.accepts();
  TlsServer server(identity);
  log_in(peer, server);
  BOOST_TEST(channel->tls()->info().application == "postgresql");
}

BOOST_AUTO_TEST_CASE(what_is_no_answer) {
  struct {
    const char* what;
    std::string answer;
    const char* reason;
  } const rows[] = {
      {"HS-001", "X", "its answer is not one of PostgreSQL"},
      {"HS-018", "G", "its answer is not one of PostgreSQL"},
      {"HS-002", "SX", "unencrypted data after its answer"},
      {"HS-005", "NR", "unencrypted data after its answer"},
      {"HS-007", error_response("XX000", "FATAL", "canary"), "an error before encryption"},
      {"HS-007 cut", "E", "an error before encryption"},
  };
  for (const auto& row : rows) {
    for (const SslMode mode : {SslMode::prefer, SslMode::require, SslMode::verify_full}) {
      start(mode);
      Peer peer = accept_request();
      peer.says(row.answer);
      loop.run_until_idle();
      BOOST_TEST((failure.code == make_error_code(Errc::tls_refused)), row.what);
      BOOST_TEST(contains(reason(), row.reason), reason());
      BOOST_TEST(contains(reason(), "rejected SSL upgrade"), reason());
      BOOST_TEST(!contains(reason(), "canary"));
      BOOST_TEST(peer.left(), row.what);  // and has said nothing more
      BOOST_TEST(!listener.is_called(), row.what);
    }
  }
}

BOOST_AUTO_TEST_CASE(no_answer_but_an_end) {  // HS-008
  for (const SslMode mode : {SslMode::prefer, SslMode::require}) {
    start(mode);
    accept_request().hangs_up();
    loop.run_until_idle();
    BOOST_TEST(contains(reason(), "it closed the connection"), reason());
    BOOST_TEST(!listener.is_called());
  }
}

BOOST_AUTO_TEST_CASE(a_no_is_a_no_where_tls_is_a_must) {  // HS-004
  for (const SslMode mode : {SslMode::require, SslMode::verify_ca, SslMode::verify_full}) {
    start(mode);
    Peer peer = accept_request();
    peer.says("N"s);
    loop.run_until_idle();
    BOOST_TEST(contains(reason(), "it is not set up for it"), reason());
    BOOST_TEST(peer.left());
    BOOST_TEST(!listener.is_called());
  }
}

BOOST_AUTO_TEST_CASE(a_no_may_do_where_tls_was_a_wish) {  // HS-006
  start(SslMode::prefer);
  Peer peer = accept_request();
  peer.says("N"s);
  loop.run_until_idle();
  BOOST_TEST(peer.hears().starts_with("Startup(3.0: user=me"));
  peer.says(admission());
  loop.run_until_idle();
  BOOST_TEST_REQUIRE(channel != nullptr, reason());
  BOOST_TEST(channel->tls() == nullptr);
  BOOST_TEST(!listener.is_called());
}

BOOST_AUTO_TEST_CASE(a_login_refused_in_clear_is_not_tried_in_clear_again) {  // TA-N
  start(SslMode::prefer);
  Peer peer = accept_request();
  peer.says("N"s);
  loop.run_until_idle();
  peer.says(error_response("28000", "FATAL", "no pg_hba.conf entry"));
  loop.run_until_idle();
  BOOST_TEST(!listener.is_called());
  BOOST_TEST(contains(reason(), "no pg_hba.conf entry"), reason());
}

BOOST_AUTO_TEST_CASE(silence_ends_with_the_deadline) {  // HS-009, HS-010
  for (const bool answers : {false, true}) {
    start(SslMode::prefer);
    Peer peer = accept_request();
    if (answers) peer.says("S"s);
    loop.advance(9900ms);
    BOOST_TEST(!failure.code);
    loop.advance(100ms);
    BOOST_TEST((failure.code == make_error_code(Errc::timed_out)));
    BOOST_TEST(!listener.is_called());
  }
}

BOOST_AUTO_TEST_CASE(a_login_in_clear_is_not_heard_after_yes) {  // HS-003
  start(SslMode::prefer);
  Peer peer = accept_request();
  peer.says("S"s);
  loop.run_until_idle();
  peer.takes();
  peer.says(admission());
  loop.run_until_idle();
  BOOST_TEST(!channel);
  BOOST_TEST((failure.code == make_error_code(Errc::tls_failed)), reason());
  BOOST_TEST(!listener.is_called());
}

BOOST_AUTO_TEST_CASE(a_server_we_do_not_trust_is_not_spoken_to_in_clear) {  // D2
  const SelfSigned other("", {{AlternativeName::ip, "\x7f\0\0\x01"s}});
  for (const SslMode mode : {SslMode::prefer, SslMode::require, SslMode::verify_full}) {
    start(mode);
    Peer peer = accept_request();
    TlsServer server(other);
    peer.says("S"s);
    loop.run_until_idle();
    pump(peer, server);
    BOOST_TEST((failure.code == make_error_code(Errc::certificate_rejected)), reason());
    BOOST_TEST(!listener.is_called());
  }
}

BOOST_AUTO_TEST_CASE(who_backs_out_of_the_handshake_is_met_in_clear_if_tls_was_a_wish) {
  for (const SslMode mode : {SslMode::prefer, SslMode::require}) {
    start(mode);
    Peer peer = accept_request();
    peer.says("S"s);
    loop.run_until_idle();
    peer.takes();
    peer.hangs_up();
    loop.run_until_idle();
    BOOST_TEST(listener.is_called() == (mode == SslMode::prefer));
    if (mode == SslMode::require) continue;
    Peer in_clear = listener.accepts();
    BOOST_TEST(in_clear.hears().starts_with("Startup"));
  }
}

BOOST_AUTO_TEST_CASE(a_login_refused_for_its_encryption_is_tried_the_other_way) {
  start(SslMode::prefer);
  Peer peer = accept_request();
  TlsServer server(identity);
  peer.says("S"s);
  loop.run_until_idle();
  pump(peer, server);
  peer.says(server.says(error_response("28000", "FATAL", "no pg_hba.conf entry")));
  loop.run_until_idle();
  Peer second = listener.accepts();
  BOOST_TEST(second.hears().starts_with("Startup"));
  second.says(admission());
  loop.run_until_idle();
  BOOST_TEST_REQUIRE(channel != nullptr, reason());
  BOOST_TEST(channel->tls() == nullptr);
}

BOOST_AUTO_TEST_CASE(allow_begins_in_clear) {
  start(SslMode::allow);
  Peer peer = listener.accepts();
  BOOST_TEST(peer.hears().starts_with("Startup"));
  peer.says(error_response("28000", "FATAL", "no pg_hba.conf entry"));
  loop.run_until_idle();
  Peer second = accept_request();
  TlsServer server(identity);
  second.says("S"s);
  loop.run_until_idle();
  log_in(second, server);
  BOOST_TEST(channel->tls() != nullptr);
}

BOOST_AUTO_TEST_CASE(a_password_refused_is_not_tried_the_other_way) {  // R-A7
  for (const SslMode mode : {SslMode::allow, SslMode::prefer}) {
    for (const bool questioned : {false, true}) {
      start(mode);
      Peer peer = mode == SslMode::allow ? listener.accepts() : accept_request();
      std::optional<TlsServer> server;
      if (mode == SslMode::prefer) {
        server.emplace(identity);
        peer.says("S"s);
        loop.run_until_idle();
        pump(peer, *server);
      }
      const std::string no = (questioned ? authentication(10, cstring("SCRAM-SHA-256") + '\0') : "") +
                             error_response(questioned ? "28000" : "28P01", "FATAL", "no");
      peer.says(server ? server->says(no) : no);
      loop.run_until_idle();
      BOOST_TEST(failure.server != nullptr);
      BOOST_TEST(!listener.is_called());
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
