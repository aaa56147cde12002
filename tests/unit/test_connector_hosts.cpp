// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Several hosts: which will do, how long each may take, in what order; and what a reconnect need not
// work out again.
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/connector.hpp"

#include "tests/support/backend_writer.hpp"
#include "tests/support/fake_loop.hpp"
#include "tests/support/scram_server.hpp"
#include "tests/support/scripted_server.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

namespace {

struct Hosts : ConnectHandler {
  Hosts() {
    for (const ScriptedServer& server : servers) options.hosts.emplace_back("127.0.0.1", server.port());
    options.user = "me";
    options.password = Secret("pencil");
    options.tls.mode = SslMode::disable;
  }

  void on_connected(std::unique_ptr<Channel> connected) noexcept override { channel = std::move(connected); }
  void on_connect_failed(Failure why) noexcept override { failure = std::move(why); }

  void start() {
    OptionError error;
    BOOST_TEST_REQUIRE(options.complete(error), error.message());
    channel.reset();
    failure.reset();
    ConnectHandler& handler = *this;
    connector.emplace(loop, options, handler);
    connector->start();
    loop.run_until_idle();
  }

  /// The client is let in by server `i`, which reports these parameters.
  Peer lets_in(std::size_t i, const std::map<std::string, std::string>& parameters = {}) {
    Peer peer = servers[i].accepts();
    peer.hears();
    std::string text = authentication(0);
    for (const auto& [name, value] : parameters) text += parameter_status(name, value);
    peer.says(text + backend_key_data(7, "abcd") + ready_for_query());
    loop.run_until_idle();
    return peer;
  }

  /// Which server the channel leads to; -1: none.
  int chosen() const {
    for (int i = 0; channel && i < 2; ++i) {
      if (channel->address() == servers[static_cast<std::size_t>(i)].address()) return i;
    }
    return -1;
  }
  std::string reason() const { return failure ? describe(*failure) : "none"; }

  FakeLoop loop;
  std::vector<ScriptedServer> servers{2};
  ConnectOptions options;
  std::optional<Connector> connector;
  std::unique_ptr<Channel> channel;
  std::optional<Failure> failure;
};

using Reports = std::map<std::string, std::string>;
const Reports a_primary = {{"in_hot_standby", "off"}, {"default_transaction_read_only", "off"}};
const Reports a_standby = {{"in_hot_standby", "on"}, {"default_transaction_read_only", "off"}};
const Reports a_read_only = {{"in_hot_standby", "off"}, {"default_transaction_read_only", "on"}};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(connector_hosts, Hosts)

BOOST_AUTO_TEST_CASE(the_kind_of_server_that_is_wanted) {
  using enum TargetSession;
  struct Row {
    TargetSession target;
    const Reports& will_not_do;
    const Reports& will_do;
  };
  const Row rows[] = {{read_write, a_standby, a_primary}, {read_write, a_read_only, a_primary},
                      {read_only, a_primary, a_standby},  {read_only, a_primary, a_read_only},
                      {primary, a_standby, a_primary},    {primary, a_standby, a_read_only},
                      {standby, a_primary, a_standby},    {prefer_standby, a_read_only, a_standby}};
  for (const Row& row : rows) {
    options.target_session = row.target;
    start();
    Peer first = lets_in(0, row.will_not_do);
    BOOST_TEST(chosen() == -1);
    if (row.target != prefer_standby) BOOST_TEST(first.hears() == "Terminate");
    const Peer second = lets_in(1, row.will_do);
    BOOST_TEST(chosen() == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_server_that_reports_too_little_is_asked) {
  struct Row {
    TargetSession target;
    const char* question;
    const char* bad;
    const char* good;
  };
  const char* recovery = "Query(SELECT pg_catalog.pg_is_in_recovery())";
  const char* writing = "Query(SHOW transaction_read_only)";
  const Row rows[] = {{TargetSession::primary, recovery, "t", "f"},
                      {TargetSession::standby, recovery, "f", "t"},
                      {TargetSession::read_write, writing, "on", "off"},
                      {TargetSession::read_only, writing, "off", "on"}};
  for (const Row& row : rows) {
    options.target_session = row.target;
    start();
    const auto answers = [&](Peer peer, const char* answer) {
      BOOST_TEST(peer.hears() == row.question);
      peer.says(row_description({"x"}) + data_row({answer}) + command_complete("SELECT 1") +
                ready_for_query());
      loop.run_until_idle();
      return peer;
    };
    const Peer first = answers(lets_in(0), row.bad);
    const Peer second = answers(lets_in(1), row.good);
    BOOST_TEST(chosen() == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_question_that_fails_passes_the_host_over) {
  options.target_session = TargetSession::primary;
  start();
  Peer first = lets_in(0);
  first.says(error_response("42883") + ready_for_query());
  loop.run_until_idle();
  const Peer second = lets_in(1, a_primary);
  BOOST_TEST(chosen() == 1);
}

BOOST_AUTO_TEST_CASE(none_is_of_that_kind) {
  options.target_session = TargetSession::standby;
  start();
  const Peer first = lets_in(0, a_primary);
  const Peer second = lets_in(1, a_primary);
  BOOST_REQUIRE(failure);
  BOOST_TEST(failure->code == make_error_code(Errc::session_mismatch));
  for (const ScriptedServer& server : servers)
    BOOST_TEST(contains(failure->detail, server.address().text() + ": "), failure->detail);
  BOOST_TEST(contains(failure->detail, "server is not in hot standby mode"), failure->detail);
}

BOOST_AUTO_TEST_CASE(a_standby_is_preferred_but_another_will_do) {
  options.target_session = TargetSession::prefer_standby;
  start();
  const Peer first = lets_in(0, a_primary);
  servers[1].accepts().hangs_up();
  loop.run_until_idle();
  BOOST_TEST(chosen() == 0);
}

BOOST_AUTO_TEST_CASE(only_a_host_that_will_do_is_asked_about_types) {
  options.types = std::make_shared<TypeNames>();
  options.types->add("mood", {16400, 16401, {}});
  options.types->set_server_version("15.4");
  Reports newer_standby = a_standby;
  newer_standby["server_version"] = "16.1";
  Reports as_it_was = a_primary;
  as_it_was["server_version"] = "15.4";
  options.target_session = TargetSession::primary;
  start();
  Peer first = lets_in(0, newer_standby);
  BOOST_TEST(first.hears() == "Terminate");
  const Peer second = lets_in(1, as_it_was);
  BOOST_TEST(chosen() == 1);
}

BOOST_AUTO_TEST_CASE(a_silent_host_takes_no_more_than_its_share) {
  options.connect_timeout = 10s;
  start();
  Peer silent = servers[0].accepts();
  loop.advance(4900ms);
  BOOST_TEST(!servers[1].is_called());
  loop.advance(200ms);
  BOOST_TEST((silent.takes() != "" && silent.left()));
  const Peer second = lets_in(1);
  BOOST_TEST(chosen() == 1);
}

BOOST_AUTO_TEST_CASE(all_hosts_are_silent) {
  options.connect_timeout = 10s;
  start();
  const Peer first = servers[0].accepts();
  loop.advance(5s);
  const Peer second = servers[1].accepts();
  loop.advance(4900ms);
  BOOST_TEST(!failure);
  loop.advance(100ms);
  BOOST_REQUIRE(failure);
  BOOST_TEST(failure->code == make_error_code(Errc::timed_out));
  for (const ScriptedServer& server : servers)
    BOOST_TEST(contains(failure->detail, server.address().text() + ": no answer in time"), failure->detail);
  BOOST_TEST(loop.armed_timers() == 0U);
}

BOOST_AUTO_TEST_CASE(each_host_has_its_own_password) {
  options.password = Secret();
  options.hosts[0].password = Secret("one");
  options.hosts[1].password = Secret("two");
  options.cleartext_password = true;
  start();
  Peer first = servers[0].accepts();
  first.hears();
  first.says(authentication(3));
  loop.run_until_idle();
  BOOST_TEST(contains(first.hears(), "one"));
  first.hangs_up();
  loop.run_until_idle();
  Peer second = servers[1].accepts();
  second.hears();
  second.says(authentication(3));
  loop.run_until_idle();
  BOOST_TEST(contains(second.hears(), "two"));
}

BOOST_AUTO_TEST_CASE(nothing_of_one_host_is_left_for_the_next) {  // R-T10
  start();
  Peer first = servers[0].accepts();
  first.hears();
  first.says(authentication(0) + parameter_status("a_setting", "of the first") + backend_key_data(1, "wxyz") +
             error_response("57P03", "FATAL"));
  loop.run_until_idle();
  const Peer second = lets_in(1, a_primary);
  BOOST_TEST(chosen() == 1);
  BOOST_TEST(channel->session().parameters().get("a_setting") == "");
  BOOST_TEST(channel->cancel_key().pid == 7);
  BOOST_TEST(channel->cancel_key().key.reveal() == "abcd");
}

BOOST_AUTO_TEST_CASE(an_address_saves_looking_up_the_name) {
  for (auto& host : options.hosts) {
    host.address = "127.0.0.1";
    host.name = "no such name";
  }
  start();
  const Peer peer = lets_in(0);
  BOOST_TEST(chosen() == 0);
}

BOOST_AUTO_TEST_CASE(the_first_leaves_nothing_for_the_second) {  // R-T10
  options.max_protocol = frontend::protocol_3_2;
  start();
  Peer first = servers[0].accepts();
  BOOST_TEST(first.hears().starts_with("Startup(3.2: "));
  first.says(message('v', int32(196608) + int32(0)) + authentication(0) + parameter_status("at", "first") +
             backend_key_data(1, "1111") + error_response("57P03", "FATAL", "starting up"));
  loop.run_until_idle();
  Peer second = servers[1].accepts();
  BOOST_TEST(second.hears().starts_with("Startup(3.2: "));
  second.says(authentication(0) + backend_key_data(2, std::string(32, '2')) + ready_for_query());
  loop.run_until_idle();
  BOOST_TEST_REQUIRE(channel, reason());
  BOOST_TEST(channel->session().parameters().get("at") == "");
  BOOST_TEST(channel->cancel_key().pid == 2);
}

BOOST_AUTO_TEST_CASE(load_is_balanced) {
  options.load_balance_hosts = true;
  int first = 0;
  for (int i = 0; i < 100; ++i) {
    start();
    const std::size_t called = servers[0].is_called() ? 0 : 1;
    const Peer peer = lets_in(called);
    BOOST_REQUIRE(channel);
    first += called == 0 ? 1 : 0;
  }
  BOOST_TEST((first > 20 && first < 80));  // six standard deviations to either side
}

BOOST_AUTO_TEST_CASE(keys_are_derived_once_for_all_who_share_the_cache) {
  options.scram_cache = std::make_shared<ScramCache>();
  const auto log_in = [&](const char* salt) {
    start();
    Peer peer = servers[0].accepts();
    peer.takes();
    ScramServer server("pencil", salt, 4096);
    peer.says(authentication(10, cstring("SCRAM-SHA-256") + '\0'));
    loop.run_until_idle();
    const std::string initial = peer.takes();
    loop.hold_offloaded();
    peer.says(authentication(11, server.first(initial.substr(initial.find("n,,")))));
    loop.run_until_idle();
    const std::size_t derivations = loop.offloaded();
    loop.release_offloaded();
    loop.run_until_idle();
    peer.says(authentication(12, server.final(peer.takes().substr(5))) + authentication(0) +
              ready_for_query());
    loop.run_until_idle();
    BOOST_TEST(channel, reason());
    return derivations;
  };
  BOOST_TEST(log_in("salty") == 1U);
  BOOST_TEST(log_in("salty") == 0U);
  BOOST_TEST(log_in("other") == 1U);
  options.password = Secret("pencil");
  BOOST_TEST(log_in("other") == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
