// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The engine against OpenSSL's server, without a wire: every fragmentation, every broken byte (R-T6, R-T7, HS-013, HS-015, HS-016).
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>
#include <openssl/ssl.h>

#include "pgstride/driver/net/openssl.hpp"

#include "tests/support/tls_server.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::string_literals;

namespace {

TlsOptions trusting(const SelfSigned& identity, SslMode mode = SslMode::verify_full) {
  TlsOptions options;
  options.mode = mode;
  options.root_certificate = identity.file();
  options.certificate_mode = SslCertMode::disable;
  return options;
}

struct Conversation {
  explicit Conversation(const TlsOptions& options,
                        const TlsServerOptions& server_options = TlsServerOptions(),
                        const std::string& host = "db.test", const SelfSigned& shown = identity())
      : server(shown, server_options) {
    OptionError error;
    const auto context = make_tls_context(options, error);
    BOOST_TEST_REQUIRE(context != nullptr, error.message());
    Failure failure;
    engine = context->connect(host, failure);
    BOOST_TEST_REQUIRE(engine != nullptr, failure.detail);
  }

  static const SelfSigned& identity() {
    static const SelfSigned made("", {{AlternativeName::dns, "db.test"}});
    return made;
  }

  std::string take() {
    std::string bytes(as_text(engine->output().pending()));
    engine->output().consume(bytes.size());
    return bytes;
  }

  /// The client is given ciphertext in pieces; what it decrypts.
  std::string gives(std::string_view bytes, std::size_t piece = SIZE_MAX, std::size_t room = 1 << 16) {
    std::string plaintext;
    while (!bytes.empty()) {
      const std::string fed(bytes.substr(0, piece));
      bytes.remove_prefix(fed.size());
      engine->feed(as_bytes(fed));
      if (engine->state() == TlsState::handshaking) engine->handshake();
      std::string into(room, '\0');
      while (const std::size_t count = engine->read(std::as_writable_bytes(std::span(into))))
        plaintext.append(into, 0, count);
    }
    return plaintext;
  }

  TlsState shake_hands(std::size_t piece = SIZE_MAX) {
    engine->handshake();
    for (int flight = 0; flight < 6; ++flight) {
      gives(server.hears(take()), piece);
    }
    return engine->state();
  }
  std::string reason() const { return describe(engine->failure()); }

  TlsServer server;
  std::unique_ptr<TlsEngine> engine;
};

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

BOOST_AUTO_TEST_SUITE(tls_engine)

BOOST_AUTO_TEST_CASE(handshake_and_talk) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, SIZE_MAX}) {
      TlsServerOptions options;
      options.max_version = version;
      Conversation c(trusting(Conversation::identity()), options);
      BOOST_TEST_REQUIRE((c.shake_hands(piece) == TlsState::open), c.reason());
      BOOST_TEST(c.server.is_open());
      BOOST_TEST(c.server.server_name() == "db.test");
      BOOST_TEST(c.engine->info().version == (version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"));
      BOOST_TEST(c.engine->info().cipher != "");
      BOOST_TEST(c.engine->info().application == "postgresql");
      BOOST_TEST(c.engine->server_end_point().size() == 32U);

      BOOST_TEST(c.engine->write(as_bytes("select")));
      c.server.hears(c.take());
      BOOST_TEST(c.server.takes() == "select");
      std::string rows(100'000, 'x');
      rows.back() = 'y';
      BOOST_TEST((c.gives(c.server.says(rows), piece, 1000) == rows));
      BOOST_TEST(c.engine->write(as_bytes(rows)));
      c.server.hears(c.take());
      BOOST_TEST((c.server.takes() == rows));
    }
  }
}

BOOST_AUTO_TEST_CASE(all_that_was_fed_comes_out_without_further_input) {
  for (std::size_t cut = 0; cut < 100; cut += 5) {
    Conversation c(trusting(Conversation::identity()));
    BOOST_REQUIRE((c.shake_hands() == TlsState::open));
    std::string records;
    for (const char* piece : {"one ", "two ", "three"}) records += c.server.says(piece);
    const std::size_t at = std::min(cut, records.size());
    std::string heard = c.gives(records.substr(0, at));
    heard += c.gives(records.substr(at));
    BOOST_TEST(heard == "one two three");
  }
}

BOOST_AUTO_TEST_CASE(a_change_of_keys_goes_unnoticed) {
  Conversation c(trusting(Conversation::identity()));
  BOOST_REQUIRE((c.shake_hands() == TlsState::open));
  std::string records;
  for (int i = 0; i < 20; ++i) records += c.server.changes_keys();
  records += c.server.says("rows");
  BOOST_TEST(c.gives(records) == "rows");
  BOOST_TEST(c.engine->write(as_bytes("more")));
  c.server.hears(c.take());
  BOOST_TEST(c.server.takes() == "more");
}

BOOST_AUTO_TEST_CASE(a_byte_changed_on_the_way_ends_it) {
  Conversation c(trusting(Conversation::identity()));
  BOOST_REQUIRE((c.shake_hands() == TlsState::open));
  std::string record = c.server.says("rows");
  record.back() ^= 1;
  BOOST_TEST(c.gives(record) == "");
  BOOST_TEST((c.engine->state() == TlsState::failed));
  BOOST_TEST(contains(c.reason(), "bad record mac"), c.reason());
  BOOST_TEST(!c.engine->write(as_bytes("x")));
}

BOOST_AUTO_TEST_CASE(bytes_in_clear_end_it) {
  Conversation c(trusting(Conversation::identity()));
  BOOST_REQUIRE((c.shake_hands() == TlsState::open));
  BOOST_TEST(c.gives("Z\0\0\0\5I"s) == "");
  BOOST_TEST((c.engine->state() == TlsState::failed));

  Conversation before(trusting(Conversation::identity()));
  before.engine->handshake();
  BOOST_TEST(before.gives("R\0\0\0\10\0\0\0\0Z\0\0\0\5I"s) == "");
  BOOST_TEST((before.engine->state() == TlsState::failed));
  BOOST_TEST((before.engine->failure().code == make_error_code(Errc::tls_failed)));
}

BOOST_AUTO_TEST_CASE(both_ends_say_good_bye) {
  Conversation c(trusting(Conversation::identity()));
  BOOST_REQUIRE((c.shake_hands() == TlsState::open));
  std::string end = c.server.says("last");
  end += c.server.says_goodbye();
  BOOST_TEST(c.gives(end) == "last");
  BOOST_TEST((c.engine->state() == TlsState::closed));
  c.engine->close();
  c.server.hears(c.take());
  BOOST_TEST(c.server.said_goodbye());
}

BOOST_AUTO_TEST_CASE(whom_we_do_not_trust) {
  const SelfSigned other("", {{AlternativeName::dns, "db.test"}});
  Conversation c(trusting(other, SslMode::verify_ca));
  BOOST_TEST((c.shake_hands() == TlsState::failed));
  BOOST_TEST((c.engine->failure().code == make_error_code(Errc::certificate_rejected)));
  BOOST_TEST(contains(c.reason(), "certificate verify failed: self-signed certificate"), c.reason());
}

BOOST_AUTO_TEST_CASE(a_certificate_for_another_host) {
  const auto outcome = [](SslMode mode) {
    Conversation c(trusting(Conversation::identity(), mode), {}, "other.test");
    return c.shake_hands() == TlsState::open ? "" : c.reason();
  };
  BOOST_TEST(outcome(SslMode::require) == "");
  BOOST_TEST(outcome(SslMode::verify_ca) == "");
  BOOST_TEST(outcome(SslMode::verify_full) ==
             "server certificate rejected: the server's certificate is for \"db.test\", not for host "
             "\"other.test\"");
}

BOOST_AUTO_TEST_CASE(versions_that_do_not_meet) {
  TlsOptions options = trusting(Conversation::identity());
  options.min_version = TlsVersion::tls_1_3;
  TlsServerOptions old;
  old.max_version = TLS1_2_VERSION;
  Conversation c(options, old);
  BOOST_TEST((c.shake_hands() == TlsState::failed));
  BOOST_TEST(contains(c.reason(), "TLSv1.3 or newer"), c.reason());
  BOOST_TEST((c.engine->failure().code == make_error_code(Errc::tls_failed)));
}

BOOST_AUTO_TEST_CASE(one_handshake_is_enough) {
  TlsServerOptions old;
  old.max_version = TLS1_2_VERSION;
  Conversation c(trusting(Conversation::identity()), old);
  BOOST_TEST_REQUIRE((c.shake_hands() == TlsState::open), c.reason());
  BOOST_TEST(c.gives(c.server.shakes_hands_again()) == "");
  const std::string answer = c.take();
  BOOST_TEST(answer.size() < 100U);  // an alert; a ClientHello is longer
  BOOST_TEST(answer.at(0) == '\x15');
  BOOST_TEST((c.engine->state() == TlsState::open));

  Conversation newer(trusting(Conversation::identity()));
  BOOST_TEST_REQUIRE((newer.shake_hands() == TlsState::open), newer.reason());
  BOOST_TEST(!newer.server.may_ask_for_certificate());
}

BOOST_AUTO_TEST_CASE(direct_tls_wants_the_protocol_confirmed) {
  TlsOptions options = trusting(Conversation::identity());
  TlsServerOptions silent;
  silent.application = "";
  BOOST_TEST((Conversation(options, silent).shake_hands() == TlsState::open));
  options.negotiation = SslNegotiation::direct;
  BOOST_TEST((Conversation(options).shake_hands() == TlsState::open));
  Conversation c(options, silent);
  BOOST_TEST((c.shake_hands() == TlsState::failed));
  BOOST_TEST(contains(c.reason(), "ALPN"), c.reason());
}

BOOST_AUTO_TEST_CASE(a_server_of_something_else_is_not_spoken_to) {  // R-T6
  TlsOptions options = trusting(Conversation::identity());
  TlsServerOptions web;
  web.application = "http/1.1";
  for (const auto negotiation : {SslNegotiation::postgres, SslNegotiation::direct}) {
    options.negotiation = negotiation;
    Conversation c(options, web);
    BOOST_TEST((c.shake_hands() == TlsState::failed));
  }
}

BOOST_AUTO_TEST_CASE(addresses_are_not_named_nor_is_who_does_not_want_to) {
  Conversation address(trusting(Conversation::identity(), SslMode::verify_ca), {}, "127.0.0.1");
  address.shake_hands();
  BOOST_TEST(address.server.server_name() == "");
  TlsOptions options = trusting(Conversation::identity());
  options.server_name_indication = false;
  Conversation quiet(options);
  BOOST_TEST((quiet.shake_hands() == TlsState::open));
  BOOST_TEST(quiet.server.server_name() == "");
}

BOOST_AUTO_TEST_SUITE_END()
