// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The options that concern TLS: what they may be, and which go together (R-T12).
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/options.hpp"

using namespace pgstride;
using namespace std::string_literals;

namespace {

ConnectOptions from(std::string_view dsn) { return ConnectOptions(dsn); }

std::string refusal(std::string_view dsn) {
  OptionError error;
  return ConnectOptions::parse(dsn, error) ? "accepted" : error.message();
}

std::string incomplete(ConnectOptions options) {
  OptionError error;
  return options.complete(error) ? "complete" : error.message();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tls_options)

BOOST_AUTO_TEST_CASE(what_a_connection_string_can_set) {
  const auto o = from(
      "sslmode=verify-ca sslnegotiation=direct sslrootcert=a sslcrl=b sslcrldir=c sslcert=d sslkey=e "
      "sslpassword=f sslcertmode=require sslsni=0 ssl_min_protocol_version=TLSv1.3 "
      "ssl_max_protocol_version=TLSv1.3 sslkeylogfile=g");
  BOOST_TEST((o.tls.mode == SslMode::verify_ca));
  BOOST_TEST((o.tls.negotiation == SslNegotiation::direct));
  BOOST_TEST(o.tls.root_certificate == "a");
  BOOST_TEST(o.tls.crl == "b");
  BOOST_TEST(o.tls.crl_directory == "c");
  BOOST_TEST(o.tls.certificate == "d");
  BOOST_TEST(o.tls.key == "e");
  BOOST_TEST(o.tls.key_password.reveal() == "f");
  BOOST_TEST((o.tls.certificate_mode == SslCertMode::require));
  BOOST_TEST(!o.tls.server_name_indication);
  BOOST_TEST((o.tls.min_version == TlsVersion::tls_1_3));
  BOOST_TEST((o.tls.max_version == TlsVersion::tls_1_3));
  BOOST_TEST(o.tls.key_log_file == "g");
  BOOST_TEST((from("postgres://h?ssl=true").tls.mode == SslMode::require));
  BOOST_TEST((from("requiressl=1").tls.mode == SslMode::require));
  BOOST_TEST((from("sslmode=verify-full requiressl=0").tls.mode == SslMode::prefer));
  BOOST_TEST((from("ssl_max_protocol_version=tlsV1.2").tls.max_version == TlsVersion::tls_1_2));

  BOOST_TEST(refusal("sslnegotiation=no") ==
             "option \"sslnegotiation\" at position 1: must be one of: postgres, direct");
  BOOST_TEST(refusal("sslcertmode=no") ==
             "option \"sslcertmode\" at position 1: must be one of: disable, allow, require");
  BOOST_TEST(refusal("sslsni=2") == "option \"sslsni\" at position 1: must be 0 or 1");
  for (const auto* version : {"TLSv1.4", "SSLv3", "1.2"}) {
    BOOST_TEST(refusal("ssl_min_protocol_version="s + version) ==
               "option \"ssl_min_protocol_version\" at position 1: must be one of: TLSv1, TLSv1.1, TLSv1.2, "
               "TLSv1.3");
  }
}

BOOST_AUTO_TEST_CASE(tls_options_that_contradict_each_other) {
  for (const auto* mode : {"allow", "prefer", "disable"}) {
    BOOST_TEST(
        incomplete(from("sslnegotiation=direct sslmode="s + mode)) ==
        "option \"sslmode\": is too weak for sslnegotiation=direct; use require, verify-ca or verify-full");
  }
  for (const auto* mode : {"disable", "prefer", "require", "verify-ca"}) {
    BOOST_TEST(incomplete(from("sslrootcert=system sslmode="s + mode)) ==
               "option \"sslmode\": is too weak for sslrootcert=system; use verify-full");
  }
  BOOST_TEST(incomplete(from("ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2")) ==
             "option \"ssl_max_protocol_version\": must not be less than ssl_min_protocol_version");
}

BOOST_AUTO_TEST_CASE(the_system_s_roots_ask_for_full_verification) {
  ConnectOptions o = from("host=h sslrootcert=system");
  OptionError error;
  BOOST_REQUIRE(o.complete(error));
  BOOST_TEST((o.tls.mode == SslMode::verify_full));
  BOOST_TEST(o.tls_context);
}

BOOST_AUTO_TEST_CASE(where_nothing_is_encrypted_nothing_is_loaded) {
  for (const auto* dsn : {"host=/tmp sslmode=verify-full sslrootcert=/nowhere",
                          "host=h sslmode=disable sslrootcert=/nowhere"}) {
    ConnectOptions o = from(dsn);
    OptionError error;
    BOOST_TEST(o.complete(error), error.message());
    BOOST_TEST(!o.tls_context);
  }
}

BOOST_AUTO_TEST_CASE(a_file_that_is_not_there_is_said_not_to_be) {
  OptionError error;
  auto options = ConnectOptions::parse("host=db.test user=u sslcert=/nowhere/client.crt", error);
  BOOST_REQUIRE(options.has_value());
  BOOST_TEST(!options->complete(error));
  BOOST_TEST(error.message() ==
             "option \"sslcert\": could not read certificate file \"/nowhere/client.crt\": No such file or "
             "directory");
}

BOOST_AUTO_TEST_SUITE_END()
