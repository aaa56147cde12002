// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// SCRAM-SHA-256-PLUS: when it is used, what is said when it is not, and what is refused
// (R-A5, R-A6, TA-M6, HS-030, HS-031, HS-032, HS-034).
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/operations/startup.hpp"
#include "pgstride/protocol/session.hpp"

#include "tests/support/backend_writer.hpp"
#include "tests/support/scram_server.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

using enum BindingPolicy;

constexpr std::string_view plain_only = "SCRAM-SHA-256";
constexpr std::string_view both = "SCRAM-SHA-256-PLUS SCRAM-SHA-256";

StartupOptions options_for(BindingPolicy policy, bool encrypted, std::string_view end_point) {
  StartupOptions options;
  options.user = options.database = "me";
  options.password = Secret(std::string("pencil"));
  options.clear_text_allowed = true;
  options.channel_binding = policy;
  options.encrypted = encrypted;
  options.server_end_point = end_point;
  return options;
}

class Login final : public Startup {
 public:
  explicit Login(const StartupOptions& options) : Startup(options) {}
  std::optional<Derivation> wanted;

 private:
  void on_derivation(Derivation derivation) override { wanted = std::move(derivation); }
  void on_gss(std::string) override {}
  void on_done() noexcept override {}
};

struct Conversation {
  explicit Conversation(StartupOptions with) : options(std::move(with)) {
    BOOST_REQUIRE(session.submit(login));
    take();
  }

  std::string take() {
    std::string sent(as_text(session.pending_write()));
    session.commit_write(sent.size());
    return sent;
  }
  /// What the client answers, without type and length.
  std::string hears(const std::string& bytes) {
    const auto space = session.prepare_read();
    std::memcpy(space.data(), bytes.data(), bytes.size());
    session.commit_read(bytes.size());
    if (login.wanted) login.derived(std::exchange(login.wanted, {})->run());
    const std::string answer = take();
    return answer.empty() ? answer : answer.substr(5);
  }
  /// The mechanism chosen and the GS2 header, or why there is none.
  std::string offered(std::string_view mechanisms) {
    std::string list;
    for (std::string_view rest = mechanisms; !rest.empty();) {
      const auto end = rest.find(' ');
      list += cstring(rest.substr(0, end));
      rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    }
    const std::string answer = hears(authentication(10, list + '\0'));
    if (answer.empty()) return session.failure()->detail;
    const std::string mechanism = answer.c_str();
    initial = answer.substr(mechanism.size() + 5);
    return mechanism + " " + initial.substr(0, initial.find(",,"));
  }
  std::string outcome() const { return session.failure() ? session.failure()->detail : "lives"; }

  StartupOptions options;
  Session session;
  Login login{options};
  std::string initial;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(channel_binding)

BOOST_AUTO_TEST_CASE(which_mechanism_and_what_is_said_of_it) {  // HS-033
  struct {
    BindingPolicy policy;
    bool encrypted;
    std::string_view end_point;
    std::string_view mechanisms;
    std::string outcome;
  } const rows[] = {
      {prefer, true, "hash", both, "SCRAM-SHA-256-PLUS p=tls-server-end-point"},
      {prefer, true, "hash", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256-PLUS p=tls-server-end-point"},
      {prefer, true, "hash", plain_only, "SCRAM-SHA-256 y"},
      {prefer, true, "", both, "SCRAM-SHA-256 n"},  // HS-034
      {prefer, true, "", plain_only, "SCRAM-SHA-256 n"},
      {prefer, false, "", plain_only, "SCRAM-SHA-256 n"},
      {disable, true, "hash", both, "SCRAM-SHA-256 n"},
      {disable, true, "hash", plain_only, "SCRAM-SHA-256 n"},
      {require, true, "hash", both, "SCRAM-SHA-256-PLUS p=tls-server-end-point"},
      {prefer, false, "", both, "the server offers SCRAM-SHA-256-PLUS over a connection without TLS"},
      {require, true, "hash", plain_only, "channel binding is required, and the server does not offer it"},
      {require, true, "", both,
       "channel binding is required, and the server's certificate has no hash to bind to"},
      {require, false, "", plain_only, "channel binding is required, and the connection is not under TLS"},
  };
  for (const auto& row : rows) {
    Conversation c(options_for(row.policy, row.encrypted, row.end_point));
    BOOST_TEST(c.offered(row.mechanisms) == row.outcome);
  }
}

BOOST_AUTO_TEST_CASE(the_certificate_is_part_of_the_proof) {
  for (const bool same : {true, false}) {  // HS-032: somebody in the middle shows a certificate of his own
    Conversation c(options_for(prefer, true, same ? "hash" : "another hash"));
    ScramServer server("pencil", "salty", 4096, "server-part", "p=tls-server-end-point,,hash");
    BOOST_TEST(c.offered(both) == "SCRAM-SHA-256-PLUS p=tls-server-end-point");
    const std::string final = c.hears(authentication(11, server.first(c.initial)));
    c.hears(authentication(12, server.final(final)));
    if (same) c.hears(authentication(0) + ready_for_query());
    BOOST_TEST(c.outcome().starts_with(same ? "lives" : "the server"), c.outcome());
    BOOST_TEST((c.session.next_done() == &c.login));
  }
}

BOOST_AUTO_TEST_CASE(nothing_less_will_do_where_it_is_required) {
  for (const auto& [name, request] :
       {std::pair("trust", authentication(0)), std::pair("password", authentication(3)),
        std::pair("md5", authentication(5, "salt"))}) {
    Conversation c(options_for(require, true, "hash"));
    BOOST_TEST(c.hears(request) == "", name);
    BOOST_TEST(c.outcome() == "channel binding is required, and the server does not ask for SCRAM", name);

    Conversation preferring(options_for(prefer, true, "hash"));
    preferring.hears(request);
    BOOST_TEST(preferring.outcome() == "lives", name);
  }
}

BOOST_AUTO_TEST_SUITE_END()
