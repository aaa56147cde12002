// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Connection strings from strangers. (R-K5, DT-08)
#include <cstdlib>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/option_table.hpp"

namespace pgstride::test {
namespace {

/// The text of what is wrong with it; empty when nothing is.
std::string complaint(const std::string& dsn) {
  OptionError error;
  return ConnectOptions::parse_untrusted(dsn, error) ? "" : error.message();
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    encoded += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return encoded;
}

bool is_harmless(std::string_view key) {
  for (const std::string_view harmless : ConnectOptions::strangers_may_say())
    if (harmless == key) return true;
  return false;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(untrusted)

BOOST_AUTO_TEST_CASE(what_reads_files_is_refused_however_it_is_written) {
  const std::string dangerous[] = {"passfile",     "service",       "servicefile",   "sslcert",
                                   "sslkey",       "sslpassword",   "sslrootcert",   "sslcrl",
                                   "sslcrldir",    "sslkeylogfile", "options",       "requirepeer",
                                   "krbsrvname",   "gsslib",        "gssdelegation", "replication",
                                   "require_auth", "oauth_token",   "sslcertmode"};
  for (const std::string& key : dangerous) {
    BOOST_TEST_CONTEXT(key) {
      BOOST_TEST(!is_harmless(key));
      for (const std::string& dsn :
           {"host=h " + key + "=1", key + "='' host=h", "host=h " + key + "=1 " + key + "=2",
            "postgres://h/?" + key + "=1", "postgres://h/?" + percent_encoded(key) + "=1",
            "postgres://h/?user=u&" + key + "=&user=v"})
        BOOST_TEST(complaint(dsn).find("is not allowed from an untrusted source") != std::string::npos, dsn);
    }
  }
}

BOOST_AUTO_TEST_CASE(every_other_key_is_refused_or_harmless) {
  for (const OptionRow& row : option_table()) {
    const std::string said = complaint("host=h " + std::string(row.keyword) + "=''");
    BOOST_TEST((said.empty() || said.find("not allowed") != std::string::npos), row.keyword);
    BOOST_TEST(said.empty() == is_harmless(row.keyword), row.keyword);
  }
  BOOST_TEST(complaint("host=h hunter2=x").find("hunter2") ==
             std::string::npos);  // it may be a password's piece
}

BOOST_AUTO_TEST_CASE(the_server_is_reached_by_tcp) {
  for (const char* dsn :
       {"user=u", "host='' user=u", "host=/tmp", "host=@name", "host=a,/tmp", "host=a host=/tmp", "host=a,,b",
        "postgres:///d", "postgres://%2Ftmp/d", "postgres://h/d?host=%2ftmp", "host=/tmp hostaddr=127.0.0.1"})
    BOOST_TEST(complaint(dsn).find("host") != std::string::npos, dsn);
  for (const char* dsn : {"host=a,b port=1,2", "hostaddr=127.0.0.1", "postgres://u:p@h:1/d?sslmode=require"})
    BOOST_TEST(complaint(dsn) == "", dsn);
}

BOOST_AUTO_TEST_CASE(fewer_keys_may_be_allowed_but_not_more) {
  OptionError error;
  const std::vector<std::string_view> two{"host", "user"};
  BOOST_TEST(ConnectOptions::parse_untrusted("host=h user=u", error, two).has_value());
  BOOST_TEST(!ConnectOptions::parse_untrusted("host=h user=u port=1", error, two).has_value());
  BOOST_TEST(error.option == "port");
  const std::vector<std::string_view> more{"host", "passfile"};
  BOOST_TEST(!ConnectOptions::parse_untrusted("host=h", error, more).has_value());
  BOOST_TEST(error.message() == "option \"passfile\": cannot be left to an untrusted source");
}

BOOST_AUTO_TEST_CASE(nothing_comes_from_here) {
  for (const auto& [name, value] : {std::pair{"PGPASSWORD", "canary"},
                                    {"PGPASSFILE", "/canary"},
                                    {"PGSERVICE", "canary"},
                                    {"PGSSLCERT", "/canary"},
                                    {"PGOPTIONS", "-c canary"}})
    ::setenv(name, value, 1);
  OptionError error;
  auto options = ConnectOptions::parse_untrusted("host=h user=u sslmode=verify-full", error);
  const bool good = options && options->apply_environment(error) && options->complete(error);
  for (const char* name : {"PGPASSWORD", "PGPASSFILE", "PGSERVICE", "PGSSLCERT", "PGOPTIONS"})
    ::unsetenv(name);
  BOOST_TEST_REQUIRE(good, error.message());
  BOOST_TEST(options->password.empty());
  BOOST_TEST(options->passfile.empty());
  BOOST_TEST(options->tls.certificate.empty());
  BOOST_TEST(options->server_settings.empty());
  BOOST_TEST(options->tls.root_certificate == "system");
  BOOST_TEST((options->tls.certificate_mode == SslCertMode::disable));
  BOOST_TEST(!options->require_auth.allows(AuthMethod::gss));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
