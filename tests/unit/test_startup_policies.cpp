// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Which ways of authentication and which versions of the protocol we go along with.
#include <boost/test/unit_test.hpp>

#include "tests/support/login.hpp"

using namespace pgstride;
using namespace pgstride::test;

BOOST_AUTO_TEST_SUITE(startup_policies)

BOOST_AUTO_TEST_CASE(require_auth_is_checked_before_anything_secret_is_said) {  // R-A1, HS-027, HS-028, TA-R
  const std::string asks[] = {authentication(0), authentication(3), authentication(5, "salt"),
                              sasl({"SCRAM-SHA-256"}), sasl({"OAUTHBEARER"})};
  const char* names[] = {"none", "password", "md5", "scram-sha-256", "oauth"};
  for (std::size_t asked = 0; asked < std::size(asks); ++asked) {
    for (std::size_t named = 0; named < std::size(names); ++named) {
      for (const bool negated : {false, true}) {
        StartupOptions options = user_with_password();
        options.clear_text_allowed = options.token_allowed = true;
        options.token = Secret("dG9rZW4=");
        BOOST_REQUIRE(options.methods.parse((negated ? "!" : "") + std::string(names[named])) == nullptr);
        Conversation c(options);
        const std::string answer = c.says(asks[asked]);
        const bool allowed = (asked == named) != negated;
        BOOST_TEST_CONTEXT("asked for " << names[asked] << ", list " << (negated ? "!" : "")
                                        << names[named]) {
          BOOST_TEST((c.session.failure() == nullptr) == allowed, c.failure());
          if (allowed) BOOST_TEST((answer != "") == (asked != 0));
          if (allowed) continue;
          BOOST_TEST(answer == "");
          BOOST_TEST(c.session.failure()->code == make_error_code(Errc::authentication_refused));
          BOOST_TEST(c.failure().find("require_auth does not allow") != std::string::npos);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_bearer_token) {  // R-A8
  StartupOptions options = user_with_password();
  options.token = Secret("a-._~+/B9==");
  options.token_allowed = true;
  Conversation c(options);
  const std::string initial = c.response(sasl({"OAUTHBEARER"}));
  BOOST_TEST(initial.starts_with("OAUTHBEARER"));
  BOOST_TEST(initial.find("n,,\x01"
                          "auth=Bearer a-._~+/B9==\x01\x01") != std::string::npos);
  c.says(authentication(0) + welcome());
  BOOST_TEST(c.connected(), c.failure());

  Conversation refused(options);
  refused.says(sasl({"OAUTHBEARER"}));
  BOOST_TEST(refused.says(authentication(11, "{\"status\":\"invalid_token\"}")) == "Password(\x01)");
  refused.says(error_response("28000", "FATAL", "bearer authentication failed"));
  BOOST_TEST(refused.session.failure()->server->sqlstate() == "28000");
}

BOOST_AUTO_TEST_CASE(a_token_that_is_not_sent) {  // R-A8, HS-044
  const auto refusal = [](auto change, const std::string& then = "") {
    StartupOptions options = user_with_password();
    options.token = Secret("token");
    options.token_allowed = true;
    change(options);
    Conversation c(options);
    const std::string answer = c.says(sasl({"OAUTHBEARER"}));
    if (then.empty()) BOOST_TEST(answer == "");
    c.says(then);
    BOOST_TEST(!c.connected());
    return c.failure();
  };
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  BOOST_TEST(has(refusal([](auto& o) { o.token_allowed = false; }), "over an unencrypted connection"));
  BOOST_TEST(has(refusal([](auto& o) { o.token = Secret(); }), "none was given"));
  for (const char* token : {"a b",
                            "a\x01"
                            "b",
                            "=", "a=b", "ü"})
    BOOST_TEST(has(refusal([&](auto& o) { o.token = Secret(token); }), "malformed"), token);
  const auto nothing = [](auto&) {};
  const std::string document = authentication(11, "{}");
  BOOST_TEST(has(refusal(nothing, document + authentication(0)), "violated"));
  BOOST_TEST(has(refusal(nothing, document + document), "violated"));
  BOOST_TEST(has(refusal(nothing, authentication(12, "v=")), "violated"));
  BOOST_TEST(has(refusal(nothing, authentication(3)), "violated"));
}

BOOST_AUTO_TEST_CASE(protocol_3_2) {  // R-T12, HS-049
  StartupOptions options = user_with_password();
  options.max_version = frontend::protocol_3_2;
  Conversation c(options);
  BOOST_TEST(c.opening.starts_with("Startup(3.2: "));
  const std::string key(32, 'k');
  c.says(authentication(0) + backend_key_data(7, key) + ready_for_query());
  BOOST_TEST(c.connected(), c.failure());
  BOOST_TEST(c.login.take_cancel_key().key.reveal() == key);

  Conversation older(options);
  older.says(message('v', int32(196608) + int32(0)) + authentication(0) + welcome());
  BOOST_TEST(older.connected(), older.failure());

  options.min_version = frontend::protocol_3_2;
  Conversation too_old(options);
  too_old.says(message('v', int32(196608) + int32(0)));
  BOOST_TEST(too_old.failure() ==
             "not the kind of server asked for: the server speaks an older version of the protocol than "
             "min_protocol_version");
}

BOOST_AUTO_TEST_CASE(negotiations_that_no_server_would_begin) {  // HS-046, HS-047, HS-048
  const std::string ok = authentication(0);
  const auto negotiate = [](std::int32_t version, std::int32_t count, std::string_view names = {}) {
    return message('v', int32(version) + int32(count) + std::string(names));
  };
  const std::string good = negotiate(196608, 0);
  const std::pair<const char*, std::string> lines[] = {
      {"what was asked for", negotiate(196610, 0)},
      {"newer", negotiate(196611, 0)},
      {"3.1", negotiate(196609, 0)},
      {"2.0", negotiate(131072, 0)},
      {"4.0", negotiate(262144, 0)},
      {"a bare minor", negotiate(0, 0)},
      {"an option nobody asked for", negotiate(196608, 1, cstring("_pq_.x"))},
      {"fewer names than counted", negotiate(196608, 2, cstring("_pq_.x"))},
      {"more names than counted", negotiate(196608, 0, cstring("_pq_.x"))},
      {"a negative count", negotiate(196608, -1)},
      {"an absurd count", negotiate(196608, 0x7fffffff)},
      {"twice", good + good},
      {"after the authentication", ok + good},
      {"amid the authentication", authentication(5, "salt") + good},
      {"a long key for the old version", good + ok + backend_key_data(7, "abcdefgh")},
      {"a short key", ok + backend_key_data(7, "abc")},
      {"a key that is too long", ok + backend_key_data(7, std::string(257, 'k'))},
  };
  for (const auto& [what, said] : lines) {
    StartupOptions options = user_with_password();
    options.max_version = frontend::protocol_3_2;
    Conversation c(options);
    c.says(said + ready_for_query());
    BOOST_TEST(!c.connected(), what);
    BOOST_TEST(c.session.failure(), what);
  }
}

BOOST_AUTO_TEST_SUITE_END()
