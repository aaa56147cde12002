// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/option_table.hpp"
#include "pgstride/driver/options.hpp"

namespace {

using namespace pgstride;
using namespace std::chrono_literals;
using namespace std::string_literals;

ConnectOptions from(std::string_view dsn) {
  OptionError error;
  auto options = ConnectOptions::parse(dsn, error);
  BOOST_TEST_REQUIRE(options.has_value(), error.message());
  return *options;
}

std::string refusal(std::string_view dsn) {
  OptionError error;
  return ConnectOptions::parse(dsn, error) ? "accepted" : error.message();
}

ConnectOptions completed(ConnectOptions options) {
  OptionError error;
  BOOST_TEST_REQUIRE(options.complete(error), error.message());
  return options;
}

std::string incomplete(ConnectOptions options) {
  OptionError error;
  return options.complete(error) ? "accepted" : error.message();
}

std::string text(const std::vector<Host>& hosts) {
  std::string out;
  for (const auto& host : hosts)
    out += (out.empty() ? "" : " ") + host.name + ":" + std::to_string(host.port);
  return out;
}

std::string text(const std::vector<ServerSetting>& settings) {
  std::string out;
  for (const auto& [name, value] : settings) out += (out.empty() ? "" : "|") + name + "=" + value;
  return out;
}

/// No PG… variable but these, for as long as it lives.
class Environment {
 public:
  explicit Environment(const std::map<std::string, std::string>& variables) {
    for (const auto& row : option_table()) {
      if (row.variable != nullptr) hide(row.variable);
    }
    for (const char* variable : {"PGDATESTYLE", "PGTZ", "PGGEQO"}) hide(variable);
    for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    for (const auto& [name, value] : before_) {
      if (value) {
        ::setenv(name.c_str(), value->c_str(), 1);
      } else {
        ::unsetenv(name.c_str());
      }
    }
  }

 private:
  void hide(const char* name) {
    const char* value = std::getenv(name);
    before_[name] = value != nullptr ? std::optional<std::string>(value) : std::nullopt;
    ::unsetenv(name);
  }

  std::map<std::string, std::optional<std::string>> before_;
};

ConnectOptions with_environment(ConnectOptions options, const std::map<std::string, std::string>& variables) {
  const Environment environment(variables);
  OptionError error;
  BOOST_TEST_REQUIRE(options.apply_environment(error), error.message());
  return options;
}

std::string environment_refusal(ConnectOptions options, const std::map<std::string, std::string>& variables) {
  const Environment environment(variables);
  OptionError error;
  return options.apply_environment(error) ? "accepted" : error.message();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(options)

BOOST_AUTO_TEST_CASE(everything_a_connection_string_can_set) {
  const auto o = from(
      "host=a,/tmp port=1,2 user=u password=p dbname=d application_name=app options='-c x=1' "
      "connect_timeout=3 "
      "keepalives=0 keepalives_idle=7 keepalives_interval=8 keepalives_count=9 tcp_user_timeout=10 "
      "sslmode=allow "
      "cancel_grace=2 statement_cache_size=0 client_encoding=auto");
  BOOST_TEST(text(o.hosts) == "a:0 /tmp:0");
  BOOST_TEST((o.ports == std::vector<std::uint16_t>{1, 2}));
  BOOST_TEST(o.user == "u");
  BOOST_TEST(o.password.reveal() == "p");
  BOOST_TEST(o.database == "d");
  BOOST_TEST(o.application_name == "app");
  BOOST_TEST(text(o.server_settings) == "options=-c x=1");
  BOOST_TEST((o.connect_timeout == 3s));
  BOOST_TEST((o.cancel_grace == 2s));
  BOOST_TEST(!o.keepalive.enabled);
  BOOST_TEST(o.keepalive.idle == 7);
  BOOST_TEST(o.keepalive.interval == 8);
  BOOST_TEST(o.keepalive.count == 9);
  BOOST_TEST(o.keepalive.user_timeout == 10);
  BOOST_TEST((o.tls.mode == SslMode::allow));
  BOOST_TEST(o.statement_cache_size == 0U);
}

BOOST_AUTO_TEST_CASE(defaults) {
  const ConnectOptions o;
  BOOST_TEST((o.connect_timeout == 60s));
  BOOST_TEST((o.cancel_grace == 5s));
  BOOST_TEST(o.statement_cache_size == 100U);
  BOOST_TEST(o.scram_max_iterations == 1'000'000U);
  BOOST_TEST(!o.tls.mode);
  BOOST_TEST(o.keepalive.enabled);
  BOOST_TEST(!o.allows_cleartext_password());
}

BOOST_AUTO_TEST_CASE(no_timeout_is_unlimited) {
  BOOST_TEST((from("connect_timeout=0").connect_timeout == unlimited));
  BOOST_TEST((from("connect_timeout=-1").connect_timeout == unlimited));
  const TimePoint now{5h};
  BOOST_TEST((deadline_after(now, unlimited) == never));
  BOOST_TEST((deadline_after(now, 1s) == now + 1s));
  BOOST_TEST((deadline_after(never, 1s) == never));
}

BOOST_AUTO_TEST_CASE(the_later_of_two_wins) {
  BOOST_TEST(from("user=a user=b").user == "b");
  BOOST_TEST(from("user=a user=").user == "a");
  BOOST_TEST(from("postgres://u@h/d?user=v&host=x").user == "v");
  BOOST_TEST(text(from("postgres://u@h/d?user=v&host=x").hosts) == "x:0");
}

BOOST_AUTO_TEST_CASE(refusals_name_the_option_and_its_place) {  // R-K2, R-T13
  BOOST_TEST(refusal("host=a port=0") == "option \"port\" at position 8: must be a number from 1 to 65535");
  BOOST_TEST(refusal("port=65536") == "option \"port\" at position 1: must be a number from 1 to 65535");
  BOOST_TEST(refusal("port=5432x") == "option \"port\" at position 1: must be a number from 1 to 65535");
  BOOST_TEST(refusal("postgres://h:x/d") ==
             "option \"port\" at position 12: must be a number from 1 to 65535");
  BOOST_TEST(refusal("connect_timeout=1e3") ==
             "option \"connect_timeout\" at position 1: must be a number of seconds");
  BOOST_TEST(refusal("connect_timeout=99999999999999999999") ==
             "option \"connect_timeout\" at position 1: must be a number of seconds");
  BOOST_TEST(refusal("keepalives=yes") == "option \"keepalives\" at position 1: must be 0 or 1");
  BOOST_TEST(refusal("keepalives_idle=-1") ==
             "option \"keepalives_idle\" at position 1: must be a number, 0 or more");
  BOOST_TEST(refusal("statement_cache_size=-1") ==
             "option \"statement_cache_size\" at position 1: must be a number, 0 or more");
  BOOST_TEST(refusal("sslmode=no") ==
             "option \"sslmode\" at position 1: must be one of: disable, allow, prefer, require, verify-ca, "
             "verify-full");
  BOOST_TEST(refusal("postgres://u:%zz@h") == "option \"password\" at position 14: invalid percent-encoding");
  BOOST_TEST(refusal("host=h conect_timeout=1") == "option \"conect_timeout\" at position 8: unknown option");
  BOOST_TEST(refusal("postgres://h?Host=x") == "option \"Host\" at position 14: unknown option");
  BOOST_TEST(refusal("host=h unknown=") == "option \"unknown\" at position 8: unknown option");
  BOOST_TEST(refusal("password=my pass=word") == "connection string at position 13: unknown option");
  BOOST_TEST(refusal("postgres://u:p/a?b=c@h") ==
             "option \"port\" at position 12: must be a number from 1 to 65535");
  BOOST_TEST(refusal("postgres://u/a?b=c@h") == "connection string at position 16: unknown option");
  BOOST_TEST(refusal("target_session_attrs=x") ==
             "option \"target_session_attrs\" at position 1: must be one of: any, read-write, read-only, "
             "primary, standby, prefer-standby");
  BOOST_TEST(refusal("max_protocol_version=3.1") ==
             "option \"max_protocol_version\" at position 1: must be one of: 3.0, 3.2, latest");
  BOOST_TEST(refusal("require_auth=md5,!md5") ==
             "option \"require_auth\" at position 1: must not mix methods with and without a \"!\"");
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_not_taken_for_granted) {
  BOOST_TEST(
      refusal("gssencmode=require") ==
      "option \"gssencmode\" at position 1: must not be require: GSSAPI encrypts nothing here, but TLS "
      "does (sslmode)");
  BOOST_TEST(refusal("gssencmode=no") ==
             "option \"gssencmode\" at position 1: must be one of: disable, prefer, require");
  for (const char* accepted : {"gssencmode=disable", "gssencmode=prefer", "gsslib=gssapi"})
    BOOST_TEST(refusal(accepted) == "accepted");
}

BOOST_AUTO_TEST_CASE(gssapi) {
  BOOST_TEST(from("host=a").kerberos_service == "postgres");
  BOOST_TEST(from("krbsrvname=till").kerberos_service == "till");
  BOOST_TEST(!from("gssdelegation=0").gss_delegation);
  BOOST_TEST(from("gssdelegation=1").gss_delegation);
  BOOST_TEST(refusal("gssdelegation=2") == "option \"gssdelegation\" at position 1: must be 0 or 1");
}

BOOST_AUTO_TEST_CASE(cleartext_passwords_are_asked_for) {
  BOOST_TEST(from("sslmode=disable").allows_cleartext_password());
  BOOST_TEST(!from("sslmode=prefer").allows_cleartext_password());
  ConnectOptions by_hand;
  by_hand.cleartext_password = true;
  BOOST_TEST(by_hand.allows_cleartext_password());
}

BOOST_AUTO_TEST_CASE(ports_meet_hosts) {
  const auto hosts = [](std::string_view dsn) { return text(completed(from(dsn)).hosts); };
  BOOST_TEST(hosts("host=a,b") == "a:5432 b:5432");
  BOOST_TEST(hosts("host=a,b port=7") == "a:7 b:7");
  BOOST_TEST(hosts("host=a,b port=7,8") == "a:7 b:8");
  BOOST_TEST(hosts("host=a,b port=7,") == "a:7 b:5432");
  BOOST_TEST(hosts("postgres://a:1,b,[::1]:3") == "a:1 b:5432 ::1:3");
  BOOST_TEST(incomplete(from("host=a,b,c port=7,8")) ==
             "option \"port\": could not match 2 port numbers to 3 hosts");
  BOOST_TEST(incomplete(from("port=7,8")) == "option \"port\": could not match 2 port numbers to 1 hosts");
}

BOOST_AUTO_TEST_CASE(completion) {
  const auto o = completed(from("host=h fallback_application_name=f"));
  const passwd* login = ::getpwuid(::geteuid());
  BOOST_TEST_REQUIRE(login != nullptr);
  BOOST_TEST(o.user == login->pw_name);
  BOOST_TEST(o.database == o.user);
  BOOST_TEST(o.application_name == "f");
  BOOST_TEST(completed(from("host=h user=u")).database == "u");
  // Nobody listens on port 1: no socket of that number exists.
  BOOST_TEST(text(completed(from("port=1")).hosts) == "localhost:1");
  BOOST_TEST(text(completed(from("host=,h port=1")).hosts) == "localhost:1 h:1");
}

BOOST_AUTO_TEST_CASE(sockets) {
  BOOST_TEST(Host("/tmp", 5433).socket_path() == "/tmp/.s.PGSQL.5433");
  BOOST_TEST(Host("/tmp/", 5433).socket_path() == "/tmp/.s.PGSQL.5433");
  BOOST_TEST(Host("@dir", 1).socket_path() == "@dir/.s.PGSQL.1");
  BOOST_TEST(Host("/x/.s.PGSQL.7", 5432).socket_path() == "/x/.s.PGSQL.7");
  BOOST_TEST(Host("/tmp").is_unix());
  BOOST_TEST(Host("@dir").is_unix());
  BOOST_TEST(!Host("tmp").is_unix());
}

BOOST_AUTO_TEST_CASE(nul_is_refused_wherever_it_comes_from) {
  const auto nul = "a\0b"s;
  const auto refused = [&](auto change) {
    auto o = from("host=h user=u");
    change(o);
    return incomplete(o);
  };
  BOOST_TEST(refused([&](auto& o) { o.hosts[0].name = nul; }) == "option \"host\": NUL is not allowed");
  BOOST_TEST(refused([&](auto& o) { o.user = nul; }) == "option \"user\": NUL is not allowed");
  BOOST_TEST(refused([&](auto& o) { o.password = Secret(std::string(nul)); }) ==
             "option \"password\": NUL is not allowed");
  BOOST_TEST(refused([&](auto& o) { o.database = nul; }) == "option \"dbname\": NUL is not allowed");
  BOOST_TEST(refused([&](auto& o) { o.application_name = nul; }) ==
             "option \"application_name\": NUL is not allowed");
  BOOST_TEST(refused([&](auto& o) { o.server_settings.emplace_back("x", nul); }) ==
             "option \"server_settings\": NUL is not allowed");
  BOOST_TEST(refused([&](auto& o) { o.server_settings.emplace_back(nul, "x"); }) ==
             "option \"server_settings\": NUL is not allowed");
  OptionError error;
  ConnectOptions o;
  BOOST_TEST(!o.set("user", nul, error));
  BOOST_TEST(error.message() == "option \"user\": NUL is not allowed");
}

BOOST_AUTO_TEST_CASE(what_does_not_go_together_is_refused) {
  const auto refused = [&](auto change) {
    auto o = from("host=h user=u");
    change(o);
    return incomplete(o);
  };
  BOOST_TEST(refused([](auto&) {}) == "accepted");
  BOOST_TEST(refused([](auto& o) { o.connect_timeout = 0s; }) != "accepted");
  BOOST_TEST(refused([](auto& o) { o.cancel_grace = -1s; }) != "accepted");
  BOOST_TEST(refused([](auto& o) { o.max_message_size = 0; }) != "accepted");
  BOOST_TEST(refused([](auto& o) { ++o.max_message_size; }) != "accepted");
  BOOST_TEST(refused([](auto& o) { o.scram_min_iterations = 2'000'000; }) != "accepted");
  BOOST_TEST(refused([](auto& o) { o.server_settings.emplace_back("", "x"); }) != "accepted");
  BOOST_TEST(refused([](auto& o) { o.server_settings.emplace_back("user", "postgres"); }) != "accepted");
}

BOOST_AUTO_TEST_CASE(the_environment_fills_gaps) {
  const std::map<std::string, std::string> everything = {
      {"PGHOST", "e1,e2"},     {"PGPORT", "9"},     {"PGUSER", "eu"},        {"PGPASSWORD", "ep"},
      {"PGDATABASE", "ed"},    {"PGAPPNAME", "ea"}, {"PGOPTIONS", "-c e=1"}, {"PGCONNECT_TIMEOUT", "4"},
      {"PGSSLMODE", "disable"}};
  const auto o = with_environment(ConnectOptions(), everything);
  BOOST_TEST(text(o.hosts) == "e1:0 e2:0");
  BOOST_TEST((o.ports == std::vector<std::uint16_t>{9}));
  BOOST_TEST(o.user == "eu");
  BOOST_TEST(o.password.reveal() == "ep");
  BOOST_TEST(o.database == "ed");
  BOOST_TEST(o.application_name == "ea");
  BOOST_TEST(text(o.server_settings) == "options=-c e=1");
  BOOST_TEST((o.connect_timeout == 4s));
  BOOST_TEST((o.tls.mode == SslMode::disable));

  const auto said = with_environment(from("host=h port=1 user=u password=p dbname=d application_name=a "
                                          "options=o connect_timeout=60 sslmode=prefer"),
                                     everything);
  BOOST_TEST(text(said.hosts) == "h:0");
  BOOST_TEST((said.ports == std::vector<std::uint16_t>{1}));
  BOOST_TEST(said.user == "u");
  BOOST_TEST(said.password.reveal() == "p");
  BOOST_TEST(said.database == "d");
  BOOST_TEST(said.application_name == "a");
  BOOST_TEST(text(said.server_settings) == "options=o");
  BOOST_TEST((said.connect_timeout == 60s));  // its default, but said
  BOOST_TEST((said.tls.mode == SslMode::prefer));

  ConnectOptions by_hand;
  by_hand.user = "u";
  by_hand.connect_timeout = 7s;
  by_hand = with_environment(by_hand, everything);
  BOOST_TEST(by_hand.user == "u");
  BOOST_TEST((by_hand.connect_timeout == 7s));
  BOOST_TEST(by_hand.database == "ed");
}

BOOST_AUTO_TEST_CASE(requiressl_is_for_those_who_say_no_mode) {
  BOOST_TEST((with_environment({}, {{"PGREQUIRESSL", "1"}}).tls.mode == SslMode::require));
  BOOST_TEST(
      (with_environment({}, {{"PGREQUIRESSL", "1"}, {"PGSSLMODE", "allow"}}).tls.mode == SslMode::allow));
  BOOST_TEST(
      (with_environment(from("sslmode=disable"), {{"PGREQUIRESSL", "1"}}).tls.mode == SslMode::disable));
  BOOST_TEST((from("requiressl=0").tls.mode == SslMode::prefer));
  BOOST_TEST(!with_environment({}, {{"PGREQUIRESSL", "0"}}).tls.mode);
}

BOOST_AUTO_TEST_CASE(session_parameters_have_variables) {
  const std::map<std::string, std::string> variables = {
      {"PGTZ", "UTC"}, {"PGDATESTYLE", "iso"}, {"PGGEQO", "off"}};
  BOOST_TEST(text(with_environment({}, variables).server_settings) == "datestyle=iso|timezone=UTC|geqo=off");
  ConnectOptions said;
  said.server_settings.emplace_back("timezone", "PST8PDT");
  BOOST_TEST(text(with_environment(said, {{"PGTZ", "UTC"}}).server_settings) == "timezone=PST8PDT");
  said.server_settings.front().name = "TimeZone";
  BOOST_TEST(text(with_environment(said, {{"PGTZ", "UTC"}}).server_settings) == "TimeZone=PST8PDT");
}

BOOST_AUTO_TEST_CASE(the_environment_is_checked_where_it_is_used) {
  BOOST_TEST(environment_refusal({}, {{"PGPORT", "secret"}}) ==
             "option \"PGPORT\": must be a number from 1 to 65535");
  BOOST_TEST(environment_refusal(from("port=1"), {{"PGPORT", "secret"}}) == "accepted");
  BOOST_TEST(environment_refusal({}, {{"PGPORT", ""}}) == "accepted");
  BOOST_TEST(
      environment_refusal({}, {{"PGREQUIREAUTH", "secret"}}) ==
      "option \"PGREQUIREAUTH\": must be a list of: password, md5, gss, sspi, scram-sha-256, oauth, none");
}

BOOST_AUTO_TEST_CASE(the_constructor_throws_at_the_edge) {
  BOOST_TEST(ConnectOptions("postgres://u@h/d").database == "d");
  BOOST_CHECK_EXCEPTION(
      ConnectOptions("host=h port=none"), ConfigurationError, [](const ConfigurationError& error) {
        return error.option() == "port" &&
               error.what() == "option \"port\" at position 8: must be a number from 1 to 65535"s;
      });
}

BOOST_AUTO_TEST_CASE(a_password_is_not_printed) {
  std::ostringstream out;
  out << from("password=hunter2").password;
  BOOST_TEST(out.str() == "***");
}

BOOST_AUTO_TEST_CASE(every_row_of_the_table_is_named_once) {
  std::set<std::string_view> names;
  for (const auto& row : option_table()) {
    BOOST_TEST(names.insert(row.keyword).second, row.keyword);
    if (row.variable != nullptr) BOOST_TEST(names.insert(row.variable).second, row.variable);
  }
}

BOOST_AUTO_TEST_SUITE_END()
