// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The login's half of GSSAPI, its tokens made up: who may say what when. Proves HS-050.
#include <boost/test/unit_test.hpp>

#include "tests/support/login.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

GssStep step(std::string token, bool is_complete) {
  GssStep step;
  step.token = std::move(token);
  step.is_complete = is_complete;
  return step;
}

struct GssConversation : Conversation {
  using Conversation::Conversation;

  /// The server says this, is listened to again when we have made our step, and gets our answer.
  std::string hears(const GssStep& made) {
    login.stepped(made);
    session.read_on();
    return says("");
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(startup_gss)

BOOST_AUTO_TEST_CASE(both_prove_who_they_are) {
  GssConversation c;
  BOOST_TEST(c.says(authentication(7)) == "");
  BOOST_TEST(c.login.gss_token.value() == "");
  BOOST_TEST(c.session.paused());
  BOOST_TEST(c.hears(step("ticket", false)) == "Password(ticket)");
  BOOST_TEST(!c.session.paused());

  // The server's last token and all that follows it come at once, before we could look at the token.
  BOOST_TEST(c.says(authentication(8, "proof") + authentication(0) + welcome()) == "");
  BOOST_TEST(c.login.gss_token.value() == "proof");
  BOOST_TEST((c.session.phase() == Phase::authenticating));
  BOOST_TEST(c.hears(step("", true)) == "");
  BOOST_TEST(c.connected(), c.failure());
}

BOOST_AUTO_TEST_CASE(a_server_must_prove_itself) {
  GssConversation at_once;
  at_once.says(authentication(7));
  at_once.hears(step("ticket", false));
  at_once.says(authentication(0) + welcome());
  BOOST_TEST(at_once.failure().find("did not prove who it is") != std::string::npos, at_once.failure());

  GssConversation wrongly;
  wrongly.says(authentication(7));
  wrongly.hears(step("ticket", false));
  wrongly.says(authentication(8, "forged") + authentication(0) + welcome());
  GssStep bad;
  bad.problem = "could not log in: forged";
  BOOST_TEST(wrongly.hears(bad) == "");
  BOOST_TEST(wrongly.failure().find("forged") != std::string::npos);
  BOOST_TEST(wrongly.session.failure()->code == make_error_code(Errc::authentication_failed));
  BOOST_TEST(wrongly.login.failure());
}

BOOST_AUTO_TEST_CASE(out_of_turn) {
  const std::string asks = authentication(7), token = authentication(8, "token");
  const std::pair<const char*, std::string> lines[] = {
      {"a token before the question", token},
      {"a question with data", authentication(7, "x")},
      {"twice", asks + asks},
      {"a password, too", asks + authentication(3)},
      {"SCRAM, too", asks + sasl({"SCRAM-SHA-256"})},
      {"after a password", authentication(5, "salt") + asks},
  };
  for (const auto& [what, said] : lines) {
    GssConversation c;
    c.says(said);
    c.hears(step("ticket", false));
    BOOST_TEST(c.failure().find("violated") != std::string::npos, what << ": " << c.failure());
  }

  GssConversation after_the_end;
  after_the_end.says(asks);
  after_the_end.hears(step("ticket", true));
  after_the_end.says(token);
  BOOST_TEST(after_the_end.failure().find("violated") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(tokens_without_end) {
  GssConversation c;
  c.says(authentication(7));
  c.hears(step("ticket", false));
  int tokens = 0;
  while (!c.session.failure() && tokens < 10'000) {
    c.says(authentication(8, std::string(1000, 't')));
    c.hears(step("more", false));
    ++tokens;
  }
  BOOST_TEST(c.session.failure());
  BOOST_TEST(tokens < 1100);
}

BOOST_AUTO_TEST_CASE(what_policies_say) {
  StartupOptions options = user_with_password();
  BOOST_REQUIRE(options.methods.parse("scram-sha-256") == nullptr);
  Conversation not_allowed(options);
  not_allowed.says(authentication(7));
  BOOST_TEST(!not_allowed.login.gss_token);
  BOOST_TEST(not_allowed.failure().find("by gss, which require_auth does not allow") != std::string::npos);

  StartupOptions bound = user_with_password();
  bound.channel_binding = BindingPolicy::require;
  Conversation not_bound(bound);
  not_bound.says(authentication(7));
  BOOST_TEST(!not_bound.login.gss_token);
  BOOST_TEST(not_bound.failure().find("channel binding is required") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
