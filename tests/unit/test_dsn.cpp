// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/dsn.hpp"
#include "pgstride/driver/options.hpp"

namespace {

using namespace pgstride;
using namespace std::string_literals;

/// The settings as "key=value|key=value", or "error" with its position.
std::string parsed(std::string_view dsn) {
  std::vector<DsnSetting> settings;
  OptionError error;
  if (!parse_dsn(dsn, settings, error)) return "error at " + std::to_string(error.position);
  std::string text;
  for (const auto& setting : settings) {
    text += (text.empty() ? "" : "|") + setting.key + "=" + std::string(setting.value.reveal());
  }
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dsn)

BOOST_AUTO_TEST_CASE(url_components) {
  BOOST_TEST(parsed("postgresql://") == "");
  BOOST_TEST(parsed("postgres://h") == "host=h");
  BOOST_TEST(parsed("postgres://h:5433/db") == "host=h|port=5433|dbname=db");
  BOOST_TEST(parsed("postgres://u@h") == "user=u|host=h");
  BOOST_TEST(parsed("postgres://u:p@h/d?application_name=a") ==
             "user=u|password=p|host=h|dbname=d|application_name=a");
  BOOST_TEST(parsed("postgres:///d?host=/tmp&port=1") == "dbname=d|host=/tmp|port=1");
  BOOST_TEST(parsed("postgres://u:@h") == "user=u|host=h");
  BOOST_TEST(parsed("postgres://:p@h") == "password=p|host=h");
  BOOST_TEST(parsed("postgres://h/") == "host=h");
  BOOST_TEST(parsed("postgres://u:p:q@h") == "user=u|password=p:q|host=h");
  BOOST_TEST(parsed("postgres://u:p?q@h") == "user=u|password=p?q|host=h");
}

BOOST_AUTO_TEST_CASE(url_host_lists) {
  BOOST_TEST(parsed("postgres://a,b/d") == "host=a,b|port=,|dbname=d");
  BOOST_TEST(parsed("postgres://a:1,b:2,c") == "host=a,b,c|port=1,2,");
  BOOST_TEST(parsed("postgres://[::1]") == "host=::1");
  BOOST_TEST(parsed("postgres://[fe80::1%25eth0]:6,b") == "host=fe80::1%eth0,b|port=6,");
  BOOST_TEST(parsed("postgres://%2Fvar%2Frun,b") == "host=/var/run,b|port=,");
  BOOST_TEST(parsed("postgres://a,,b") == "host=a,,b|port=,,");
  BOOST_TEST(parsed("postgres://[::1") == "error at 12");
  BOOST_TEST(parsed("postgres://[]") == "error at 12");
  BOOST_TEST(parsed("postgres://a,[::1]x") == "error at 14");
}

BOOST_AUTO_TEST_CASE(url_percent_encoding) {
  BOOST_TEST(parsed("postgres://u%40x:p%2f%3A@h/d%20b?o%70tions=-c%20a%3Db") ==
             "user=u@x|password=p/:|host=h|dbname=d b|options=-c a=b");
  BOOST_TEST(parsed("postgres://h?options=a+b") == "host=h|options=a+b");
  BOOST_TEST(parsed("postgres://u:p%4@h") == "error at 15");
  BOOST_TEST(parsed("postgres://u:p%zz@h") == "error at 15");
  BOOST_TEST(parsed("postgres://u:p%00@h") == "error at 15");
  BOOST_TEST(parsed("postgres://h/d%") == "error at 15");
}

BOOST_AUTO_TEST_CASE(url_query) {
  BOOST_TEST(parsed("postgres://?user=a&user=b") == "user=a|user=b");
  BOOST_TEST(parsed("postgres://?user=a&") == "user=a");
  BOOST_TEST(parsed("postgres://?ssl=true") == "sslmode=require");
  BOOST_TEST(parsed("postgres://?user") == "error at 13");
  BOOST_TEST(parsed("postgres://?user&port=1") == "error at 13");
  BOOST_TEST(parsed("postgres://?=a") == "error at 13");
  BOOST_TEST(parsed("postgres://?options=a=b") == "error at 21");
}

BOOST_AUTO_TEST_CASE(keyword_strings) {
  BOOST_TEST(parsed("") == "");
  BOOST_TEST(parsed(" \t\n") == "");
  BOOST_TEST(parsed("host=a port=1") == "host=a|port=1");
  BOOST_TEST(parsed("host = a\n port= 1 ") == "host=a|port=1");
  BOOST_TEST(parsed("user='a b' dbname='' host=h") == "user=a b|dbname=|host=h");
  BOOST_TEST(parsed(R"(password='it\'s \\ me' user=a\ b)") == R"(password=it's \ me|user=a b)");
  BOOST_TEST(parsed("user='a'host=b") == "user=a|host=b");
  BOOST_TEST(parsed("user=a'b") == "user=a'b");
  BOOST_TEST(parsed("user=a\\") == "user=a");
  BOOST_TEST(parsed("user= host=h") == "user=host=h");
  BOOST_TEST(parsed("host=postgres://h") == "host=postgres://h");
  BOOST_TEST(parsed("user='a") == "error at 6");
  BOOST_TEST(parsed("user='a\\'") == "error at 6");
  BOOST_TEST(parsed("host=h user") == "error at 8");
  BOOST_TEST(parsed("host=h user x=y") == "error at 8");
  BOOST_TEST(parsed("=a") == "error at 1");
}

BOOST_AUTO_TEST_CASE(other_schemes_are_named_as_the_mistake) {
  for (const auto* dsn : {"mysql://h", "POSTGRES://h", "postgresql+asyncpg://u:p@h/d?a=b"}) {
    OptionError error;
    std::vector<DsnSetting> settings;
    BOOST_TEST(!parse_dsn(dsn, settings, error));
    BOOST_TEST(error.message() ==
               "connection string at position 1: a URL must begin with \"postgresql://\" or \"postgres://\"");
  }
}

BOOST_AUTO_TEST_CASE(nul_is_refused_anywhere) {  // R-E2
  BOOST_TEST(parsed("host=a\0b"s) == "error at 7");
  BOOST_TEST(parsed("postgres://u:p\0@h"s) == "error at 15");
  BOOST_TEST(parsed("\0"s) == "error at 1");
}

// R-K2: an error never shows a piece of the password, wherever a slip of the pen has put it.
BOOST_AUTO_TEST_CASE(errors_never_show_a_piece_of_the_password) {
  const std::string secret = "Zq7X?w9Kv=Jm4T&Yb2R";
  const std::vector<std::string> templates = {
      "postgresql://user:" + secret + "@host:5432/db?application_name=x&connect_timeout=3",
      "postgresql://user:" + secret + "@[::1]:5432,other:1/db?sslmode=require",
      "postgresql://host/db?user=u&pass%77ord=" + secret + "&connect_timeout=q",
      "postgresql://host/db?password=" + secret + "%zz",
      "postgresql://host/db?passwort=Zq7X&nonsense=1",
      "postgresql+driver://user:" + secret + "@host",
      "host=h user=u password=" + secret + " connect_timeout=never",
      "host=h password='" + secret + "' nonsense=1",
      "password=" + secret + " host=h port=99999",
  };
  const std::string slips = " '\\%@:/?=&,[]\t";
  std::vector<std::string> secrets;  // any four characters of it in a row
  for (std::size_t i = 0; i + 4 <= secret.size(); ++i) secrets.push_back(secret.substr(i, 4));

  std::size_t refused = 0;
  const auto check = [&](const std::string& dsn) {
    OptionError error;
    if (ConnectOptions::parse(dsn, error)) return;
    ++refused;
    const auto message = error.message();
    BOOST_TEST(!error.reason.empty());
    for (const auto& piece : secrets) {
      BOOST_TEST_REQUIRE(message.find(piece) == std::string::npos, dsn << " → " << message);
    }
  };
  for (const auto& dsn : templates) {
    check(dsn);
    for (std::size_t i = 0; i < dsn.size(); ++i) {
      check(dsn.substr(0, i));
      if (i <= dsn.find(secret)) check(dsn.substr(i));
      check(dsn.substr(0, i) + dsn.substr(i + 1));
      for (const char slip : slips) check(dsn.substr(0, i) + slip + dsn.substr(i));
    }
  }
  BOOST_TEST(refused > 1000U);
}

BOOST_AUTO_TEST_SUITE_END()
