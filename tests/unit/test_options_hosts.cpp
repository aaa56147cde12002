// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Options about several servers and about the way in.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/options.hpp"

using namespace pgstride;
using namespace std::string_literals;

namespace {

ConnectOptions from(std::string_view dsn) {
  OptionError error;
  auto options = ConnectOptions::parse(dsn, error);
  BOOST_TEST_REQUIRE(options.has_value(), error.message());
  return *options;
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

}  // namespace

BOOST_AUTO_TEST_SUITE(options_hosts)

BOOST_AUTO_TEST_CASE(about_several_servers_and_the_way_in) {
  const auto o = from(
      "host=a,b hostaddr=::1,127.0.0.2 target_session_attrs=prefer-standby load_balance_hosts=random "
      "require_auth=password,none min_protocol_version=3.0 max_protocol_version=latest oauth_token=t "
      "passfile=pf service=s servicefile=sf");
  BOOST_TEST((o.addresses == std::vector<std::string>{"::1", "127.0.0.2"}));
  BOOST_TEST((o.target_session == TargetSession::prefer_standby));
  BOOST_TEST(o.load_balance_hosts);
  BOOST_TEST(o.require_auth.allows(AuthMethod::none));
  BOOST_TEST(!o.require_auth.allows(AuthMethod::md5));
  BOOST_TEST(o.allows_cleartext_password());  // having been named
  BOOST_TEST(o.min_protocol == frontend::protocol_3_0);
  BOOST_TEST(o.protocol_to_ask_for() == frontend::protocol_3_2);
  BOOST_TEST(o.oauth_token.reveal() == "t");
  BOOST_TEST((o.passfile == "pf" && o.service == "s" && o.servicefile == "sf"));
}

BOOST_AUTO_TEST_CASE(require_auth_lists) {
  const auto allowed = [](std::string_view list) {
    AuthMethods methods;
    std::string names;
    if (methods.parse(list) != nullptr) return "refused"s;
    for (std::size_t i = 0; i < std::size(auth_method_names); ++i) {
      if (methods.allows(static_cast<AuthMethod>(i))) names += std::string(auth_method_names[i]) + " ";
    }
    return names;
  };
  BOOST_TEST(allowed("md5") == "md5 ");
  BOOST_TEST(allowed("scram-sha-256,none") == "none scram-sha-256 ");
  BOOST_TEST(allowed("!none") == "password md5 gss sspi scram-sha-256 oauth ");
  BOOST_TEST(allowed("!password,!md5") == "none gss sspi scram-sha-256 oauth ");
  for (const char* list :
       {"", "md5,", ",md5", "md5,md5", "!md5,!md5", "md5,!none", "!md5,none", "MD5", "!", "md5 "})
    BOOST_TEST(allowed(list) == "refused", list);
  AuthMethods but_one;
  BOOST_TEST(but_one.parse("!md5") == nullptr);
  BOOST_TEST((but_one.allows(AuthMethod::password) && !but_one.names(AuthMethod::password)));
}

BOOST_AUTO_TEST_CASE(addresses_meet_hosts) {
  const auto o = completed(from("host=a,b hostaddr=::1,127.0.0.2 port=1"));
  BOOST_TEST(text(o.hosts) == "a:1 b:1");
  BOOST_TEST((o.hosts[0].address == "::1" && o.hosts[1].address == "127.0.0.2"));
  BOOST_TEST(text(completed(from("hostaddr=::1,::2")).hosts) == "::1:5432 ::2:5432");
  BOOST_TEST(!completed(from("host=/tmp hostaddr=::1")).hosts[0].is_unix());
  BOOST_TEST(incomplete(from("host=a,b hostaddr=::1")) ==
             "option \"hostaddr\": could not match 2 host names to 1 addresses");
  BOOST_TEST(incomplete(from("hostaddr=localhost")) == "option \"hostaddr\": must be an IP address");
  BOOST_TEST(incomplete(from("host=h max_protocol_version=3.0 min_protocol_version=3.2")) ==
             "option \"min_protocol_version\": must not be more than max_protocol_version");
}

BOOST_AUTO_TEST_CASE(what_is_asked_for_is_no_less_than_what_must_be) {  // like libpq
  BOOST_TEST(completed(from("host=h")).protocol_to_ask_for() == frontend::protocol_3_0);
  BOOST_TEST(completed(from("host=h min_protocol_version=3.2")).protocol_to_ask_for() ==
             frontend::protocol_3_2);
  BOOST_TEST(completed(from("host=h min_protocol_version=latest")).protocol_to_ask_for() ==
             frontend::protocol_3_2);
}

BOOST_AUTO_TEST_SUITE_END()
