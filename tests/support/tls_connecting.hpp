// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A client that connects under TLS, on a fake loop, and the server that it reaches.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/connector.hpp"

#include "tests/support/backend_writer.hpp"
#include "tests/support/fake_loop.hpp"
#include "tests/support/frontend_words.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/tls_server.hpp"

namespace pgstride::test {

using namespace std::string_literals;

inline const std::string ssl_request("\0\0\0\x08\x04\xd2\x16\x2f", 8);

inline bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

inline std::string admission() {
  return authentication(0) + parameter_status("server_version", "17.4") + backend_key_data(7, "abcd") +
         ready_for_query();
}

/// One client that connects, and the server that it reaches.
struct TlsConnecting : ConnectHandler {
  void on_connected(std::unique_ptr<Channel> connected) noexcept override { channel = std::move(connected); }
  void on_connect_failed(Failure why) noexcept override { failure = std::move(why); }

  void start(SslMode mode, SslNegotiation negotiation = SslNegotiation::postgres) {
    connector.reset();
    channel.reset();
    failure = Failure();
    ConnectOptions options;
    options.hosts.emplace_back("127.0.0.1", listener.port());
    options.user = "me";
    options.connect_timeout = std::chrono::seconds(10);
    options.tls.mode = mode;
    options.tls.negotiation = negotiation;
    options.tls.root_certificate = identity.file();
    options.tls.certificate_mode = SslCertMode::disable;
    OptionError error;
    BOOST_TEST_REQUIRE(options.complete(error), error.message());
    ConnectHandler& handler = *this;
    connector.emplace(loop, std::move(options), handler);
    connector->start();
    loop.run_until_idle();
  }
  std::string reason() const { return describe(failure); }

  Peer accept_request() {
    Peer peer = listener.accepts();
    BOOST_TEST((peer.takes() == ssl_request));
    return peer;
  }

  /// Moves bytes between the client and the TLS server behind the peer until neither has any.
  void pump(Peer& peer, TlsServer& server) {
    for (std::string sent = peer.takes(); !sent.empty(); sent = peer.takes()) {
      peer.says(server.hears(sent));
      loop.run_until_idle();
    }
  }

  /// From the answer to SSLRequest to an open channel.
  void log_in(Peer& peer, TlsServer& server) {
    pump(peer, server);
    BOOST_TEST(first_packet(server.takes()).starts_with("Startup(3.0: user=me"));
    peer.says(server.says(admission()));
    loop.run_until_idle();
    BOOST_TEST_REQUIRE(channel != nullptr, reason());
  }
  static std::string first_packet(const std::string& bytes) { return first_packet_in_words(as_bytes(bytes)); }

  FakeLoop loop;
  ScriptedServer listener;
  SelfSigned identity{"", {{AlternativeName::ip, "\x7f\0\0\x01"s}}};
  std::optional<Connector> connector;
  std::unique_ptr<Channel> channel;
  Failure failure;
};

}  // namespace pgstride::test
