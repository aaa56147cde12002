// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/base64.hpp"
#include "pgstride/protocol/scram.hpp"

#include "tests/support/scram_server.hpp"

using namespace pgstride;
using test::ScramServer;

namespace {

constexpr std::string_view our_nonce = "fyko+d2lbbFgONRv9qkxdawL";
const std::string salt = "0123456789abcdef";

ScramSha256 make_client(std::string_view password = "pencil", ChannelBinding binding = ChannelBinding::none(),
                        ScramLimits limits = {}) {
  return ScramSha256(Secret(password), std::move(binding), std::string(our_nonce), limits);
}

ScramError challenge(std::string_view server_first, ScramLimits limits = {}) {
  auto client = make_client("pencil", ChannelBinding::none(), limits);
  client.client_first();
  return client.challenge(server_first);
}

std::string server_first(std::string_view nonce_part = "server",
                         std::string_view s = "c2FsdA==", std::string_view i = "4096") {
  std::string text = "r=";
  return text.append(our_nonce).append(nonce_part).append(",s=").append(s).append(",i=").append(i);
}

std::string as_string(const SecretBytes<32>& key) { return std::string(as_text(key)); }

/// A client that has sent client-final, and the server-final that would please it.
struct AwaitingProof {
  AwaitingProof() {
    server.first(client.client_first());
    BOOST_REQUIRE(client.challenge(server.first("n,,n=,r=" + std::string(our_nonce))) == ScramError::none);
    const auto final = client.client_final(client.derivation().run().value());
    BOOST_REQUIRE(final);
    server_final = server.final(*final);
    BOOST_REQUIRE(server_final.starts_with("v="));
  }

  ScramSha256 client = make_client();
  ScramServer server{"pencil", salt, 1};
  std::string server_final;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(scram)

// RFC 7677 §3 names a user, which PostgreSQL's clients do not; so the RFC checks the server's half
// here, and the server's half checks ours.
BOOST_AUTO_TEST_CASE(the_servers_half_agrees_with_rfc_7677) {
  const std::string rfc_salt = "\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81";
  ScramServer server("pencil", rfc_salt, 4096, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
  BOOST_TEST(server.first("n,,n=user,r=rOprNGfwEbeRWgbNEkqO") ==
             "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  BOOST_TEST(server.final("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                          "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=") ==
             "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  BOOST_TEST(server.final("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                          "p=eHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=") == "e=invalid-proof");

  const auto keys = Derivation{Secret("pencil"), rfc_salt, 4096}.run();
  BOOST_REQUIRE(keys);
  BOOST_TEST(as_string(keys->client_key) == server.client_key());
  BOOST_TEST(as_string(keys->server_key) == server.server_key());
}

// What pg_authid.rolpassword of PostgreSQL 15.18 held after CREATE ROLE … PASSWORD.
BOOST_AUTO_TEST_CASE(keys_match_those_postgresql_stores) {
  struct Stored {
    std::string_view password, salt, stored_key, server_key;
  };
  const Stored all[] = {
      {"pencil", "UKS6nXCcuJq7q3rSVTECiA==", "cLtDSomVhfAt8esSip9lOTI2o/m+8P7oZ1p8c5bxYVE=",
       "IK/XXFSyRK/68xBXxAW2Kk3/kCiWMxVnsmyaRsQKO2w="},
      {"\u2168 cafe\u0301 \uFB01\u00AD\u00A0\u1112\u1161\u11AB\u212B", "bwo5TgaLo6d06gQ+nDnf2g==",
       "rqXZn5i79h+QCVCXJQtofh9Ks4DT2kA6ky3gzyV7ze8=", "apJ+ZUaAzTZZpZHoPXXTDp7gu0B0mufd7hLX7Eq4ViA="},
      {"tab\u0340\u00AA", "7G/ntlc+TAOeMfZdfLdCzQ==",  // prohibited, so taken raw
       "FRCTesvnHUG25pyOsB8GZB/cE2Uz5TwLDjHaaHrp65c=", "JAb9Pa3flIZPTWN8Ru4MQNfBYJ3G7c5/RsccWKEh+ME="},
      {"\u0627"
       "1\u00AA",
       "LwDYjP9Ulg5lWUA357Lv3w==",  // breaks the bidirectional rule, so taken raw
       "L3ToHFVhgBgqLXquRytQvrZ9kmJKLLmL7J/YzwzXJ+A=", "Q51bn86aemXntbqHw1XqoMSVz7Iuhgg3tBaJWEZex70="},
      {"\u0627"
       "1\uFEFB",
       "Iycr5Yv97HnIxEPSCFMsUQ==", "tXiHk7KSiRXlywAc5QFjdrbvEQ5N3+47hzguToHnYU4=",
       "tiFCNdCq1QeYmD0jkhYQmbYSu/o7ROvOIiPLAqnHvig="},
      {"\u00AD", "1apMnCbgAjNKUpT1bYV9rw==",  // nothing left, so taken raw
       "0Z4im6dCSf15pgz7satEYh1H24clwrjmgwUT9vDODGo=", "5ODGHJ9F08IvSzfBSa7DZVgeoc6vtSsfiiQ/FbeDN/g="},
      {"\U0002F868\u00AA", "GP4wHnEYZJrDFxQePWuEcA==",  // Unicode 3.2 decomposed this one differently
       "9yjSbbwNiPQszJJB865cKNvhPekWEREvXt1ZYHpxqbA=", "JdHyMsN7RhRaKSjwHfH1RRCDC7e9lnZAMmGJ24YvSaw="},
  };
  for (const auto& stored : all) {
    auto client = make_client(stored.password);
    client.client_first();
    BOOST_REQUIRE(client.challenge(server_first("x", stored.salt)) == ScramError::none);
    const auto keys = client.derivation().run();
    BOOST_REQUIRE(keys);
    BOOST_TEST(test::base64(test::sha256(as_string(keys->client_key))) == stored.stored_key);
    BOOST_TEST(test::base64(as_string(keys->server_key)) == stored.server_key);
  }
}

BOOST_AUTO_TEST_CASE(both_sides_prove_themselves) {
  const std::string hash(32, '\xAB');
  const struct {
    ChannelBinding binding;
    std::string_view gs2_header;
    std::string_view mechanism;
  } bindings[] = {
      {ChannelBinding::none(), "n,,", "SCRAM-SHA-256"},
      {ChannelBinding::not_offered(), "y,,", "SCRAM-SHA-256"},
      {ChannelBinding::bound("tls-server-end-point", as_bytes(hash)), "p=tls-server-end-point,,",
       "SCRAM-SHA-256-PLUS"},
  };
  const std::string passwords[] = {"pencil", std::string(64, 'a'), std::string(65, 'a'),
                                   std::string(10240, 'z'), "\xFF"};
  for (const auto& [binding, gs2_header, mechanism] : bindings) {
    for (const auto& password : passwords) {
      for (const int iterations : {1, 2, 1024, 1025, 3000}) {
        auto expected = std::string(gs2_header) + (binding.is_bound() ? hash : "");
        ScramServer server(password, salt, iterations, "!", expected);
        auto client = make_client(password, binding);
        BOOST_TEST(client.mechanism() == mechanism);
        const auto first = client.client_first();
        BOOST_TEST(first == std::string(gs2_header) + "n=,r=" + std::string(our_nonce));
        BOOST_REQUIRE(client.challenge(server.first(first)) == ScramError::none);
        const auto keys = client.derivation().run();
        BOOST_REQUIRE(keys);
        const auto final = client.client_final(*keys);
        BOOST_REQUIRE(final);
        BOOST_TEST(!client.verified());
        BOOST_TEST((client.verify(server.final(*final)) == ScramError::none));
        BOOST_TEST(client.verified());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(an_optional_extension_is_ignored_but_signed) {
  auto client = make_client();
  client.client_first();
  const auto first = server_first("s", "c2FsdA==", "1") + ",x=y=z,A=\xFF";
  BOOST_REQUIRE(client.challenge(first) == ScramError::none);
  const auto final = client.client_final(*client.derivation().run()).value();
  const auto without_proof = final.substr(0, final.rfind(",p="));
  const ScramServer server("pencil", "salt", 1);
  const auto signature = test::hmac_sha256(
      server.server_key(), "n=,r=" + std::string(our_nonce) + "," + first + "," + without_proof);
  BOOST_TEST((client.verify("v=" + test::base64(signature) + ",z=1") == ScramError::none));
}

BOOST_AUTO_TEST_CASE(a_wrong_password_is_the_servers_word) {
  auto client = make_client("pen");
  ScramServer server("pencil", salt, 1);
  BOOST_REQUIRE(client.challenge(server.first(client.client_first())) == ScramError::none);
  const auto final = client.client_final(*client.derivation().run()).value();
  BOOST_TEST((client.verify(server.final(final)) == ScramError::server_error));
  BOOST_TEST(client.server_error() == "invalid-proof");
  BOOST_TEST(!client.verified());
}

BOOST_AUTO_TEST_CASE(a_nonce_must_extend_ours) {
  const std::string ours(our_nonce);
  const auto with = [](const std::string& nonce) { return challenge("r=" + nonce + ",s=c2FsdA==,i=1"); };
  BOOST_TEST((with(ours + "~") == ScramError::none));
  BOOST_TEST((with(ours + "=!") == ScramError::none));
  BOOST_TEST((with(ours) == ScramError::foreign_nonce));
  BOOST_TEST((with("server" + ours) == ScramError::foreign_nonce));
  BOOST_TEST((with(ours.substr(1) + "server") == ScramError::foreign_nonce));
  BOOST_TEST((with("F" + ours.substr(1) + "server") == ScramError::foreign_nonce));
  for (const char* bad : {"\x01", "a b", "\x7F", "a\n", "\xC3\xA9", "\x80"})
    BOOST_TEST((with(ours + bad) == ScramError::foreign_nonce), bad);
  BOOST_TEST((with(ours + "a,b") == ScramError::malformed_message));
  BOOST_TEST((with(ours + std::string("a\0b", 3)) == ScramError::malformed_message));
  BOOST_TEST((with(ours + std::string(1 << 20, 'a')) == ScramError::message_too_long));
}

BOOST_AUTO_TEST_CASE(a_salt_must_be_base64) {
  const auto with = [](std::string_view text) { return challenge(server_first("x", text)); };
  BOOST_TEST((with("AA==") == ScramError::none));
  BOOST_TEST((with("") == ScramError::malformed_message));
  for (const char* bad :
       {"A", "AA", "AAA", "AA=", "AB==", "AA==AA==", "A A=", "====", "AAA*", "AAAA\n", "_-AA"})
    BOOST_TEST((with(bad) == ScramError::bad_salt), bad);
  BOOST_TEST((with(std::string(1 << 20, 'A')) == ScramError::message_too_long));
  BOOST_TEST((challenge("r=" + std::string(our_nonce) + "x,i=4096") == ScramError::malformed_message));
}

BOOST_AUTO_TEST_CASE(an_iteration_count_is_a_bounded_decimal) {
  const auto with = [](std::string_view text, ScramLimits limits = {}) {
    return challenge(server_first("x", "c2FsdA==", text), limits);
  };
  for (const char* bad :
       {"0", "-1", "+1", "1.5", "4096x", "x", "04096", " 4096", "4096 ", "0x10", "1e3", "00"})
    BOOST_TEST((with(bad) == ScramError::bad_iteration_count), bad);
  for (const char* many : {"1000001", "2147483647", "4294967295", "4294967296", "18446744073709551617",
                           "1000000000000000000000000000000"})
    BOOST_TEST((with(many) == ScramError::too_many_iterations), many);
  BOOST_TEST((with("") == ScramError::malformed_message));
  BOOST_TEST((challenge("r=" + std::string(our_nonce) + "x,s=c2FsdA==") == ScramError::malformed_message));

  BOOST_TEST((with("1") == ScramError::none));
  BOOST_TEST((with("1000000") == ScramError::none));
  BOOST_TEST((with("4095", {4096, 5000}) == ScramError::too_few_iterations));
  BOOST_TEST((with("4096", {4096, 5000}) == ScramError::none));
  BOOST_TEST((with("5000", {4096, 5000}) == ScramError::none));
  BOOST_TEST((with("5001", {4096, 5000}) == ScramError::too_many_iterations));
  BOOST_TEST((with("2147483647", {1, 0xFFFFFFFF}) == ScramError::none));
}

BOOST_AUTO_TEST_CASE(a_challenge_has_its_attributes_in_order) {
  const std::string r = "r=" + std::string(our_nonce) + "x", s = "s=c2FsdA==", i = "i=1";
  BOOST_TEST((challenge(r + "," + s + "," + i) == ScramError::none));
  const std::string malformed[] = {
      "",
      ",",
      "r",
      "=",
      "\xFF",
      r,
      r + ",",
      s + "," + r + "," + i,
      r + "," + i + "," + s,
      "," + r + "," + s + "," + i,
      r + ",," + s + "," + i,
      r + "," + s + "," + i + ",",
      r + "," + s + "," + i + "," + i,
      r + "," + s + "," + i + ",x=1,x=2",
      r + "," + s + "," + i + ",x=",
      r + "," + s + "," + i + ",xy",
      r + "," + s + "," + i + ",1=2",
      r + "," + s + "," + i + std::string(",x=\0", 4),
      "e=other-error",
      "R" + r.substr(1) + "," + s + "," + i,
  };
  for (const auto& text : malformed) BOOST_TEST((challenge(text) == ScramError::malformed_message), text);
  BOOST_TEST((challenge("m=ext," + r + "," + s + "," + i) == ScramError::unsupported_extension));
  BOOST_TEST((challenge(r + "," + s + "," + i + ",m=ext") == ScramError::unsupported_extension));
}

BOOST_AUTO_TEST_CASE(messages_out_of_order_end_the_exchange) {
  auto silent = make_client();
  BOOST_TEST((silent.challenge(server_first()) == ScramError::out_of_order));

  auto twice = make_client();
  twice.client_first();
  BOOST_TEST((twice.challenge(server_first()) == ScramError::none));
  BOOST_TEST((twice.challenge(server_first()) == ScramError::out_of_order));
  BOOST_TEST(!twice.client_final({}).has_value());

  auto early = make_client();
  early.client_first();
  BOOST_TEST((early.verify("v=AAAA") == ScramError::out_of_order));
  BOOST_TEST((early.challenge(server_first()) == ScramError::out_of_order));

  auto refused = make_client();
  refused.client_first();
  BOOST_TEST((refused.challenge("garbage") == ScramError::malformed_message));
  BOOST_TEST((refused.challenge(server_first()) == ScramError::out_of_order));

  AwaitingProof again;
  BOOST_TEST((again.client.challenge(server_first()) == ScramError::out_of_order));
  BOOST_TEST((again.client.verify(again.server_final) == ScramError::out_of_order));
  BOOST_TEST(!again.client.verified());

  AwaitingProof repeated;
  BOOST_TEST((repeated.client.verify(repeated.server_final) == ScramError::none));
  BOOST_TEST((repeated.client.verify(repeated.server_final) == ScramError::out_of_order));
  BOOST_TEST(!repeated.client.verified());
}

BOOST_AUTO_TEST_CASE(only_the_right_signature_is_proof) {
  const auto answer = [](auto&& change) {
    AwaitingProof state;
    const std::string text = change(state.server_final);
    const auto error = state.client.verify(text);
    BOOST_TEST(state.client.verified() == (error == ScramError::none));
    return error;
  };
  using S = std::string;
  BOOST_TEST((answer([](S v) { return v; }) == ScramError::none));
  BOOST_TEST((answer([](S v) { return v + ",x=1"; }) == ScramError::none));
  for (std::size_t at = 2; at < 2 + 43; ++at)
    BOOST_TEST((answer([at](S v) {
                  v[at] = v[at] == 'A' ? 'B' : 'A';
                  return v;
                }) == ScramError::bad_signature));
  for (std::size_t length = 3; length < 2 + 44; ++length)
    BOOST_TEST((answer([length](const S& v) { return v.substr(0, length); }) == ScramError::bad_signature));
  BOOST_TEST((answer([](S v) { return v + "AAAA"; }) == ScramError::bad_signature));
  BOOST_TEST((answer([](const S& v) {
                return "v=" + test::base64(decode_base64(std::string_view(v).substr(2)).value() + "x");
              }) == ScramError::bad_signature));
  BOOST_TEST((answer([](S) { return "v=" + test::base64(S(32, '\0')); }) == ScramError::bad_signature));
  for (const char* malformed : {"", "v", "v=", "w=AAAA", "r=AAAA,v=AAAA"})
    BOOST_TEST((answer([=](S) { return malformed; }) == ScramError::malformed_message), malformed);
  BOOST_TEST((answer([](S v) { return v + ",e=other-error"; }) == ScramError::malformed_message));
  BOOST_TEST((answer([](S v) { return "e=other-error," + v; }) == ScramError::malformed_message));
  BOOST_TEST((answer([](S v) { return v + "," + v; }) == ScramError::malformed_message));
  BOOST_TEST((answer([](S v) { return "m=1," + v; }) == ScramError::unsupported_extension));
  BOOST_TEST((answer([](S v) { return v + ",m=1"; }) == ScramError::unsupported_extension));
  BOOST_TEST((answer([](S v) { return v + ",x=" + S(1 << 20, 'a'); }) == ScramError::message_too_long));
}

BOOST_AUTO_TEST_CASE(the_servers_error_is_shown_printable_and_short) {
  AwaitingProof state;
  BOOST_TEST(
      (state.client.verify("e=\x1B[31mred\n\xC3\xA9" + std::string(200, 'x')) == ScramError::server_error));
  BOOST_TEST(state.client.server_error() == "?[31mred???" + std::string(64 - 11, 'x'));
}

BOOST_AUTO_TEST_CASE(a_derivation_can_be_given_up) {
  std::atomic<bool> cancel{false};
  const Derivation quarter_of_an_hour{Secret("pencil"), salt, 0xFFFFFFFF};
  std::atomic<bool> finished{false};
  std::thread thread([&] { finished = quarter_of_an_hour.run(&cancel).has_value(); });
  cancel = true;
  thread.join();
  BOOST_TEST(!finished);

  cancel = false;
  BOOST_TEST((Derivation{Secret("pencil"), salt, 5000}.run(&cancel).has_value()));
}

BOOST_AUTO_TEST_CASE(nonces_are_fresh_and_printable) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto nonce = scram_nonce();
    BOOST_REQUIRE(nonce);
    BOOST_TEST(nonce->size() == 24U);
    BOOST_TEST(nonce->find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") ==
               std::string::npos);
    seen.insert(*nonce);
  }
  BOOST_TEST(seen.size() == 1000U);
}

BOOST_AUTO_TEST_CASE(every_error_has_its_own_words) {
  std::set<std::string_view> texts;
  for (int i = 0; i <= static_cast<int>(ScramError::bad_signature); ++i)
    texts.insert(describe(static_cast<ScramError>(i)));
  BOOST_TEST(texts.size() == static_cast<std::size_t>(ScramError::bad_signature) + 1);
}

BOOST_AUTO_TEST_SUITE_END()
