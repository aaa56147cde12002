// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// From StartupMessage to the first ReadyForQuery: the methods that work, the policies, and servers
// that break the protocol before anybody has logged in (HS-020 to HS-066 as far as they need no TLS).
// Proves R-A2, R-A3, R-A4, R-M3.
#include <cstring>

#include <boost/test/unit_test.hpp>

#include "tests/support/login.hpp"
#include "tests/support/scram_server.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

struct Line {
  const char* id;
  std::string said;
};

/// The client's first SCRAM message, without its frame: mechanism NUL length.
std::string client_first(const std::string& initial) {
  return initial.substr(std::strlen("SCRAM-SHA-256") + 5);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(startup)

BOOST_AUTO_TEST_CASE(what_is_said_first) {
  StartupOptions options = user_with_password();
  options.settings = {{"application_name", "till"}, {"search_path", "a, b"}};
  Conversation c(options);
  BOOST_TEST(
      c.opening ==
      "Startup(3.0: user=me, database=shop, client_encoding=UTF8, application_name=till, search_path=a, b)");
}

BOOST_AUTO_TEST_CASE(trust) {
  Conversation c;
  BOOST_TEST(c.says(authentication(0)) == "");
  BOOST_TEST((c.session.phase() == Phase::starting));
  BOOST_TEST(c.says(welcome()) == "");
  BOOST_TEST(c.connected());
  const CancelKey key = c.login.take_cancel_key();
  BOOST_TEST(key.pid == 7);
  BOOST_TEST(key.key.reveal() == "abcd");
  BOOST_TEST(c.session.parameters().get("server_version") == "15.4");
}

BOOST_AUTO_TEST_CASE(a_server_that_can_not_cancel) {
  Conversation c;
  c.says(authentication(0) + ready_for_query());
  BOOST_TEST(c.connected());
  BOOST_TEST(!c.login.take_cancel_key().known());
}

BOOST_AUTO_TEST_CASE(any_order_after_authentication_and_notices_between) {
  Conversation c;
  c.says(authentication(0) + backend_key_data(-5, std::string(4, '\0')) + notice_response("hello") +
         parameter_status("x", "") + parameter_status("unheard_of", "y") + ready_for_query());
  BOOST_TEST(c.connected());
  const CancelKey key = c.login.take_cancel_key();
  BOOST_TEST(key.pid == -5);
  BOOST_TEST(key.known());
}

BOOST_AUTO_TEST_CASE(clear_text_only_when_allowed) {
  StartupOptions options = user_with_password();
  options.clear_text_allowed = true;
  Conversation allowed(options);
  BOOST_TEST(allowed.says(authentication(3)) == "Password(pencil" + std::string(1, '\0') + ")");
  allowed.says(authentication(0) + welcome());
  BOOST_TEST(allowed.connected());

  Conversation refused;
  BOOST_TEST(refused.says(authentication(3)) == "");
  BOOST_TEST(refused.failure().find("in clear text over an unencrypted connection") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_password_that_was_not_given_is_missed) {
  StartupOptions options = user_with_password();
  options.password = Secret();
  options.clear_text_allowed = true;
  Conversation c(options);
  BOOST_TEST(c.says(authentication(3)) == "");
  BOOST_TEST(c.failure().find("asks for a password, and none was given") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(md5) {
  Conversation c;
  // md5(md5("pencil" "me") "salt"), worked out by Python's hashlib
  BOOST_TEST(c.response(authentication(5, "salt")) ==
             "md58d3428d144a1e8453484b4ee8bb330e9" + std::string(1, '\0'));
  c.says(authentication(0) + welcome());
  BOOST_TEST(c.connected());
}

BOOST_AUTO_TEST_CASE(scram) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, SIZE_MAX}) {
    Conversation c(user_with_password(), piece);
    ScramServer server("pencil", "salty", 4096);
    const std::string initial = c.response(sasl({"SCRAM-SHA-256"}));
    BOOST_TEST(initial.starts_with("SCRAM-SHA-256"));
    const std::string final = c.response(authentication(11, server.first(client_first(initial))));
    c.says(authentication(12, server.final(final)) + authentication(0) + welcome());
    BOOST_TEST(c.connected(), c.failure());
  }
}

BOOST_AUTO_TEST_CASE(a_server_must_prove_itself) {
  enum class Lie { none_sent, wrong, error, ok_at_once };
  for (const Lie lie : {Lie::none_sent, Lie::wrong, Lie::error, Lie::ok_at_once}) {
    Conversation c;
    ScramServer server("pencil", "salty", 4096), other("pen", "salty", 4096);
    const std::string initial = c.response(sasl({"SCRAM-SHA-256"}));
    if (lie == Lie::ok_at_once) {
      c.says(authentication(0) + welcome());
    } else {
      const std::string first = server.first(client_first(initial));
      other.first(client_first(initial));
      const std::string final = c.response(authentication(11, first));
      const std::string without_proof = final.substr(0, final.rfind(",p="));
      if (lie == Lie::wrong) c.says(authentication(12, "v=" + base64(other.signature(without_proof))));
      if (lie == Lie::error) c.says(authentication(12, "e=invalid-proof"));
      c.says(authentication(0) + welcome());
    }
    BOOST_TEST(!c.connected());
    BOOST_TEST(c.session.failure()->code == make_error_code(Errc::authentication_failed));
    const char* why = lie == Lie::wrong   ? "did not prove knowledge of the password"
                      : lie == Lie::error ? "invalid-proof"
                                          : "did not prove that it knows the password";
    BOOST_TEST(c.failure().find(why) != std::string::npos, c.failure());
  }
}

BOOST_AUTO_TEST_CASE(too_much_work_is_refused_before_it_is_begun) {
  for (const char* iterations :
       {"2147483647", "1000001", "0", "-1", "1.5", "4096x", "1000000000000000000000000000000", ""}) {
    Conversation c;
    const std::string initial = c.response(sasl({"SCRAM-SHA-256"}));
    const std::string nonce = initial.substr(initial.find("r=") + 2);
    BOOST_TEST(c.says(authentication(11, "r=" + nonce + "more,s=c2FsdA==,i=" + iterations)) == "");
    BOOST_TEST(!c.login.wanted);
    BOOST_TEST(c.session.failure(), iterations);
  }
}

BOOST_AUTO_TEST_CASE(a_derivation_that_was_given_up) {
  Conversation c;
  ScramServer server("pencil", "salty", 4096);
  const std::string initial = c.response(sasl({"SCRAM-SHA-256"}));
  const std::string challenge = authentication(11, server.first(client_first(initial)));
  std::memcpy(c.session.prepare_read().data(), challenge.data(), challenge.size());
  c.session.commit_read(challenge.size());
  BOOST_REQUIRE(c.login.wanted);
  c.login.derived(std::nullopt);
  BOOST_TEST(c.failure().find("SCRAM keys could not be computed") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_servers_refusal_has_all_its_fields) {
  Conversation c;
  c.says(error_response("28P01", "FATAL", "password authentication failed for user \"me\""));
  BOOST_TEST(!c.connected());
  BOOST_REQUIRE(c.session.failure()->server);
  BOOST_TEST(c.session.failure()->server->sqlstate() == "28P01");
}

BOOST_AUTO_TEST_CASE(an_error_after_authentication_is_final_whatever_its_severity) {  // R-X1
  Conversation c;
  c.says(authentication(0) + error_response("42704", "ERROR", "unrecognized configuration parameter"));
  BOOST_TEST(!c.connected());
  BOOST_TEST(c.session.failure()->server->sqlstate() == "42704");
}

BOOST_AUTO_TEST_CASE(floating_point_timestamps_are_refused) {
  Conversation c;
  c.says(authentication(0) + parameter_status("integer_datetimes", "off") + ready_for_query());
  BOOST_TEST(!c.connected());
  BOOST_TEST(c.failure().find("floating-point timestamps") != std::string::npos);
}

// --- servers that break the protocol ------------------------------------------------------------

BOOST_AUTO_TEST_CASE(none_of_this_connects_and_no_password_leaves) {
  const std::string ok = authentication(0);
  std::string many_names;
  for (int i = 0; i < 10'000; ++i) many_names += cstring("MECHANISM-" + std::to_string(i));
  const Line lines[] = {
      {"HS-020 ReadyForQuery first", ready_for_query()},
      {"HS-021 ParameterStatus first", parameter_status("a", "b")},
      {"HS-021 BackendKeyData first", backend_key_data(7, "abcd")},
      {"HS-021 RowDescription first", row_description({"x"})},
      {"HS-022 authenticated twice", ok + ok},
      {"HS-023 unknown method", authentication(99)},
      {"HS-023 Kerberos", authentication(2)},
      {"HS-023 SCM", authentication(6)},
      {"HS-024 too short", lying_message('R', 4)},
      {"HS-024 too short", lying_message('R', 7, "abc")},
      {"HS-024 too long", lying_message('R', 1 << 20)},
      {"HS-024 2 GiB", lying_message('R', 0x7fffffff)},
      {"HS-025 no salt", authentication(5)},
      {"HS-025 short salt", authentication(5, "abc")},
      {"HS-025 long salt", authentication(5, "abcde")},
      {"HS-029 no mechanisms", authentication(10, std::string(1, '\0'))},
      {"HS-029 no terminator", authentication(10, cstring("SCRAM-SHA-256"))},
      {"HS-029 unterminated name", authentication(10, "SCRAM-SHA-256")},
      {"HS-029 unknown only", sasl({"OAUTHBEARER"})},
      {"HS-029 many names", authentication(10, many_names + '\0')},
      {"HS-030 PLUS without TLS", sasl({"SCRAM-SHA-256-PLUS"})},
      {"HS-040 challenge before SASL", authentication(11, "r=x,s=c2FsdA==,i=4096")},
      {"HS-040 proof before SASL", authentication(12, "v=")},
      {"HS-043 SASL twice", sasl({"SCRAM-SHA-256"}) + sasl({"SCRAM-SHA-256"})},
      {"HS-043 password after SASL", sasl({"SCRAM-SHA-256"}) + authentication(5, "salt")},
      {"HS-045 unasked negotiation", message('v', int32(196608) + int32(0))},
      {"HS-055 no key", ok + backend_key_data(7, "")},
      {"HS-055 short key", ok + backend_key_data(7, "abc")},
      {"HS-055 long key", ok + backend_key_data(7, "abcde")},
      {"HS-055 two keys", ok + backend_key_data(7, "abcd") + backend_key_data(7, "abcd")},
      {"HS-060 no NUL", ok + message('S', "ab")},
      {"HS-060 one string", ok + message('S', cstring("ab"))},
      {"HS-060 three strings", ok + message('S', cstring("a") + cstring("b") + cstring("c"))},
      {"HS-066 long error", lying_message('E', 30'001)},
      {"HS-070 length 0", lying_message('R', 0)},
      {"HS-071 length -1", lying_message('R', -1)},
      {"HS-080 HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n"},
      {"HS-080 SSH", "SSH-2.0-OpenSSH_9.2\r\n"},
      {"rows while starting", ok + row_description({"x"})},
      {"a notification while starting", ok + notification(1, "a", "b")},
      {"a challenge after Ok", ok + authentication(11, "r=x")},
  };
  for (const Line& line : lines) {
    for (const std::size_t piece : {std::size_t{1}, SIZE_MAX}) {
      BOOST_TEST_CONTEXT(line.id << ", in pieces of " << piece) {
        Conversation c(user_with_password(), piece);
        const std::string answered = c.says(line.said);
        BOOST_TEST(!c.connected());
        BOOST_TEST(c.session.failure());
        BOOST_TEST(answered.find("pencil") == std::string::npos);
        BOOST_TEST(c.failure().find("pencil") == std::string::npos);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(each_type_is_legal_or_fatal_in_each_phase) {
  for (const bool authenticated : {false, true}) {
    for (int type = 1; type < 256; ++type) {
      Conversation c;
      if (authenticated) c.says(authentication(0));
      c.says(message(static_cast<char>(type)));
      BOOST_TEST_CONTEXT("type " << type << (authenticated ? ", starting" : ", authenticating")) {
        BOOST_TEST(c.session.failure());  // none of them is legal without a body
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_server_may_go_at_every_byte) {
  const std::string whole = authentication(0) + welcome();
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    Conversation c;
    c.says(whole.substr(0, cut));
    c.session.fail({Errc::connection_lost, "gone"});
    BOOST_TEST(!c.connected());
    BOOST_REQUIRE(c.login.failure());
    BOOST_TEST(!c.login.failure()->outcome_unknown);
  }
}

BOOST_AUTO_TEST_CASE(endless_parameters_and_endless_questions_end) {
  Conversation parameters;
  parameters.says(authentication(0));
  for (int i = 0; i < 100'000 && !parameters.session.failure(); ++i)
    parameters.says(parameter_status("p" + std::to_string(i), "x"));
  BOOST_TEST(parameters.session.failure()->code == make_error_code(Errc::limit_exceeded));

  Conversation questions;
  questions.says(sasl({"SCRAM-SHA-256"}));
  for (int i = 0; i < 10'000 && !questions.session.failure(); ++i) questions.says(authentication(8, "token"));
  BOOST_TEST(questions.session.failure());
}

BOOST_AUTO_TEST_SUITE_END()
