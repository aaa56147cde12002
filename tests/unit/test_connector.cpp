// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Connecting: hosts in order, one deadline over all, errors that name what was tried, and giving up
// at any moment.
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/connector.hpp"
#include "pgstride/driver/coro/run.hpp"
#include "pgstride/driver/credentials.hpp"

#include "tests/support/backend_writer.hpp"
#include "tests/support/fake_loop.hpp"
#include "tests/support/scram_server.hpp"
#include "tests/support/scripted_server.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

namespace {

struct Caller final : ConnectHandler {
  void on_connected(std::unique_ptr<Channel> connected) noexcept override {
    ++calls;
    channel = std::move(connected);
    if (drop) drop->reset();
  }
  void on_connect_failed(Failure why) noexcept override {
    ++calls;
    failure = std::move(why);
    if (drop) drop->reset();
  }
  std::string reason() const { return describe(failure); }

  int calls = 0;
  std::unique_ptr<Channel> channel;
  Failure failure;
  std::optional<Connector>* drop = nullptr;  // destroys the connector from inside its call
};

struct Connecting {
  FakeLoop loop;
  Caller caller;
  std::vector<ScriptedServer> servers{2};
  std::optional<Connector> connector;

  ConnectOptions options_for(std::initializer_list<std::size_t> which) const {
    ConnectOptions options;
    for (const std::size_t i : which) options.hosts.emplace_back("127.0.0.1", servers[i].port());
    options.user = "me";
    options.password = Secret(std::string("pencil"));
    options.tls.mode = SslMode::disable;
    OptionError error;
    BOOST_REQUIRE(options.complete(error));
    return options;
  }
  void start(ConnectOptions options) {
    connector.emplace(loop, std::move(options), caller);
    connector->start();
    loop.run_until_idle();
  }
  std::string name_of(std::size_t i) const { return servers[i].address().text(); }

  Peer greeted(std::size_t i) {
    Peer peer = servers[i].accepts();
    BOOST_TEST(peer.hears().starts_with("Startup(3.0: user=me, database=me"));
    return peer;
  }
  static std::string welcome() {
    return authentication(0) + parameter_status("server_version", "15.4") + backend_key_data(7, "abcd") +
           ready_for_query();
  }
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(connector, Connecting)

BOOST_AUTO_TEST_CASE(the_first_host_that_answers) {
  start(options_for({0, 1}));
  Peer peer = greeted(0);
  BOOST_TEST(caller.calls == 0);
  peer.says(welcome());
  loop.run_until_idle();
  BOOST_TEST(caller.calls == 1);
  BOOST_REQUIRE(caller.channel);
  BOOST_TEST(caller.channel->is_open());
  BOOST_TEST(caller.channel->cancel_key().pid == 7);
  BOOST_TEST(caller.channel->address().text() == name_of(0));
  BOOST_TEST(!servers[1].is_called());
}

BOOST_AUTO_TEST_CASE(a_refused_host_is_passed_over) {
  const ConnectOptions options = options_for({0, 1});
  servers[0].closes();
  start(options);
  greeted(1).says(welcome());
  loop.run_until_idle();
  BOOST_REQUIRE(caller.channel);
  BOOST_TEST(caller.channel->address().text() == name_of(1));
}

BOOST_AUTO_TEST_CASE(every_host_tried_is_named_and_why) {  // NF-13
  const ConnectOptions options = options_for({0, 1});
  const std::string first = name_of(0);
  servers[0].closes();
  start(options);
  greeted(1).hangs_up();
  loop.run_until_idle();
  BOOST_TEST(caller.calls == 1);
  BOOST_TEST(contains(caller.reason(), first + ": Connection refused"), caller.reason());
  BOOST_TEST(contains(caller.reason(), name_of(1) + ": "), caller.reason());
  BOOST_TEST(!contains(caller.reason(), "pencil"));
}

BOOST_AUTO_TEST_CASE(a_server_that_starts_up_or_is_full_is_passed_over) {  // FO-6
  for (const char* sqlstate : {"57P03", "53300"}) {
    caller = {};
    start(options_for({0, 1}));
    greeted(0).says(error_response(sqlstate, "FATAL", "not now"));
    loop.run_until_idle();
    greeted(1).says(welcome());
    loop.run_until_idle();
    BOOST_TEST(caller.channel, sqlstate);
  }
}

BOOST_AUTO_TEST_CASE(a_no_is_final) {
  for (const char* sqlstate : {"28P01", "28000", "3D000"}) {
    caller = {};
    start(options_for({0, 1}));
    greeted(0).says(error_response(sqlstate, "FATAL", "no"));
    loop.run_until_idle();
    BOOST_TEST(caller.calls == 1);
    BOOST_REQUIRE(caller.failure.server);
    BOOST_TEST(caller.failure.server->sqlstate() == sqlstate);
    BOOST_TEST(!servers[1].is_called());
  }
}

BOOST_AUTO_TEST_CASE(a_password_that_is_missing_may_have_been_ignored) {  // R-K4, DT-07
  ConnectOptions options = options_for({0});
  options.warnings.emplace_back("the password file is not private");
  for (const bool is_about_it : {true, false}) {
    caller = {};
    start(options);
    greeted(0).says(error_response(is_about_it ? "28P01" : "3D000", "FATAL", "no"));
    loop.run_until_idle();
    const std::string& said = caller.failure.detail;
    BOOST_TEST((said.find("; the password file is not private") != std::string::npos) == is_about_it, said);
  }
}

BOOST_AUTO_TEST_CASE(a_silent_host_takes_no_longer_than_the_deadline) {
  ConnectOptions options = options_for({0, 1});
  options.connect_timeout = 3s;
  start(options);
  Peer silent = greeted(0);
  loop.advance(2900ms);
  BOOST_TEST(caller.calls == 0);
  loop.advance(100ms);
  BOOST_TEST(caller.calls == 1);
  BOOST_TEST(caller.failure.code == make_error_code(Errc::timed_out));
  BOOST_TEST(contains(caller.reason(), name_of(0) + ": no answer in time"), caller.reason());
  BOOST_TEST(silent.left());
}

BOOST_AUTO_TEST_CASE(a_trickle_is_an_answer_that_does_not_come) {
  ConnectOptions options = options_for({0});
  options.connect_timeout = 3s;
  start(options);
  Peer peer = greeted(0);
  for (const char byte : welcome().substr(0, 6)) {
    peer.says(std::string(1, byte));
    loop.advance(500ms);
  }
  BOOST_TEST(caller.failure.code == make_error_code(Errc::timed_out));
}

BOOST_AUTO_TEST_CASE(a_server_may_go_at_every_byte) {
  const std::string whole = welcome();
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    caller = {};
    start(options_for({0}));
    Peer peer = greeted(0);
    peer.says(whole.substr(0, cut));
    peer.hangs_up();
    loop.run_until_idle();
    BOOST_TEST(caller.calls == 1);
    BOOST_TEST(contains(caller.reason(), "the server closed the connection"), caller.reason());
  }
}

BOOST_AUTO_TEST_CASE(keys_are_derived_away_from_the_loop) {
  loop.hold_offloaded();
  start(options_for({0}));
  Peer peer = greeted(0);
  ScramServer server("pencil", "salty", 4096);
  peer.says(authentication(10, cstring("SCRAM-SHA-256") + '\0'));
  loop.run_until_idle();
  const std::string initial = peer.takes();
  peer.says(authentication(11, server.first(initial.substr(initial.find("n,,")))));
  loop.run_until_idle();
  BOOST_TEST(loop.offloaded() == 1U);
  BOOST_TEST(peer.takes() == "");
  loop.release_offloaded();
  loop.run_until_idle();
  const std::string final = peer.takes().substr(5);
  peer.says(authentication(12, server.final(final)), welcome());
  loop.run_until_idle();
  BOOST_TEST(caller.channel, caller.reason());
}

struct Vault final : Credentials {
  explicit Vault(Loop& on) : loop(on) {}

  Task<Secret> password(const Host& host) override {
    asked_for.push_back(host.name);
    if (throws) throw std::runtime_error("the vault is closed");
    if (is_slow) {
      Sleep waiting = sleep(loop, 1h);
      co_await waiting;
    }
    co_return Secret(known);
  }

  Loop& loop;
  const char* known = "sesame";
  bool throws = false;
  bool is_slow = false;
  std::vector<std::string> asked_for;
};

BOOST_AUTO_TEST_CASE(credentials_are_asked_for_anew) {
  const auto vault = std::make_shared<Vault>(loop);
  ConnectOptions options = options_for({0, 1});
  options.credentials = vault;
  options.cleartext_password = true;
  start(options);
  {
    Peer first = greeted(0);
    vault->known = "changed";
    first.says(error_response("57P03", "FATAL", "starting up"));
    loop.run_until_idle();
  }
  Peer second = greeted(1);
  second.says(authentication(3));
  loop.run_until_idle();
  BOOST_TEST(second.hears() == "Password(changed" + std::string(1, '\0') + ")");
  BOOST_TEST(vault->asked_for.size() == 2U);

  vault->known = "";  // then the options have the say
  start(options);
  Peer third = greeted(0);
  third.says(authentication(3));
  loop.run_until_idle();
  BOOST_TEST(third.hears() == "Password(pencil" + std::string(1, '\0') + ")");
}

BOOST_AUTO_TEST_CASE(credentials_that_can_not_be_had) {
  const auto vault = std::make_shared<Vault>(loop);
  ConnectOptions options = options_for({0, 1});
  options.credentials = vault;
  options.connect_timeout = 1s;
  vault->throws = true;
  start(options);
  BOOST_TEST(caller.calls == 1);
  BOOST_TEST(caller.failure.code == make_error_code(Errc::authentication_failed));
  BOOST_CHECK_THROW(std::rethrow_exception(caller.failure.thrown), std::runtime_error);
  BOOST_TEST(!servers[0].is_called());

  vault->throws = false;
  vault->is_slow = true;
  start(options);
  loop.advance(1s);
  BOOST_TEST(caller.failure.code == make_error_code(Errc::timed_out));
  BOOST_TEST(vault->asked_for.size() == 3U);  // each host had its half of the time
}

BOOST_AUTO_TEST_CASE(a_deadline_passes_while_a_ticket_is_asked_for) {
  loop.hold_offloaded();
  ConnectOptions options = options_for({0});
  options.connect_timeout = 1s;
  start(options);
  Peer peer = greeted(0);
  peer.says(authentication(7));
  loop.run_until_idle();
  BOOST_TEST(loop.offloaded() == 1U);
  loop.advance(1s);
  BOOST_TEST(caller.failure.code == make_error_code(Errc::timed_out));
  connector.reset();
  loop.release_offloaded();
  loop.run_until_idle();
  BOOST_TEST(peer.takes() == "");
}

BOOST_AUTO_TEST_CASE(a_deadline_passes_while_keys_are_derived) {
  loop.hold_offloaded();
  ConnectOptions options = options_for({0});
  options.connect_timeout = 1s;
  start(options);
  Peer peer = greeted(0);
  peer.says(authentication(10, cstring("SCRAM-SHA-256") + '\0'));
  loop.run_until_idle();
  const std::string initial = peer.takes();
  ScramServer server("pencil", "salty", 4096);
  peer.says(authentication(11, server.first(initial.substr(initial.find("n,,")))));
  loop.advance(1s);
  BOOST_TEST(caller.failure.code == make_error_code(Errc::timed_out));
  connector.reset();
  loop.release_offloaded();
  loop.run_until_idle();
  BOOST_TEST(caller.calls == 1);
}

BOOST_AUTO_TEST_CASE(giving_up_at_every_turn_leaves_nothing) {
  for (int turns = 0; turns < 12; ++turns) {
    caller = {};
    connector.emplace(loop, options_for({0}), caller);
    connector->start();
    std::optional<Peer> peer;
    for (int i = 0; i < turns && caller.calls == 0; ++i) {
      loop.turn();
      if (!peer && servers[0].is_called()) {
        peer.emplace(servers[0].accepts());
        peer->says(welcome());
      }
    }
    const bool over = caller.calls == 1;
    connector.reset();
    loop.run_until_idle();
    BOOST_TEST(caller.calls == (over ? 1 : 0));
    if (!peer && servers[0].is_called()) peer.emplace(servers[0].accepts());
    caller.channel.reset();
    BOOST_TEST(loop.watches() == 0U);
    BOOST_TEST(loop.armed_timers() == 0U);
  }
}

BOOST_AUTO_TEST_CASE(the_caller_may_destroy_the_connector) {
  caller.drop = &connector;
  start(options_for({0}));
  Peer peer = greeted(0);
  peer.says(welcome());
  loop.run_until_idle();
  BOOST_TEST(caller.calls == 1);
  BOOST_TEST(!connector.has_value());
  BOOST_TEST(caller.channel->is_open());
}

BOOST_AUTO_TEST_CASE(fifty_hosts_of_which_the_last_is_alive) {  // NF-10, R-C3
  ConnectOptions options = options_for({1});
  const ConnectOptions dead = options_for({0});
  options.hosts.insert(options.hosts.begin(), 49, dead.hosts[0]);
  servers[0].closes();
  start(options);
  greeted(1).says(welcome());
  loop.run_until_idle();
  BOOST_TEST(caller.channel, caller.reason());
}

BOOST_AUTO_TEST_CASE(a_name_server_that_is_silent) {  // NF-10, R-C3
  loop.hold_offloaded();
  ConnectOptions options = options_for({0});
  options.hosts[0].name = "localhost";
  options.connect_timeout = 1s;
  start(options);
  loop.advance(999ms);
  BOOST_TEST(caller.calls == 0);
  loop.advance(1ms);
  BOOST_TEST(caller.failure.code == make_error_code(Errc::timed_out));
  connector.reset();
  loop.release_offloaded();
  loop.run_until_idle();
  BOOST_TEST(caller.calls == 1);
  BOOST_TEST(!servers[0].is_called());
}

BOOST_AUTO_TEST_CASE(a_name_that_is_none) {  // NF-10
  ConnectOptions options = options_for({0});
  options.hosts[0].name = "no such host";
  start(options);
  loop.run_until_idle();
  BOOST_TEST(caller.failure.code == make_error_code(Errc::host_not_found));
  BOOST_TEST(
      contains(caller.reason(), "no such host:" + std::to_string(servers[0].port()) + ": host not found: "),
      caller.reason());
}

BOOST_AUTO_TEST_SUITE_END()
