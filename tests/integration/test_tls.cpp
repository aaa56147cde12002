// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The C++ head under TLS. Which modes and certificates come to what is the business of tests/python.
#include <cstdlib>
#include <string>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

bool server_does_tls(boost::unit_test::test_unit_id) { return is_expected("PGSTRIDE_TEST_ROOT", "tls"); }

ConnectOptions verified() {
  ConnectOptions options = server_options();
  options.tls.mode = SslMode::verify_full;
  options.tls.root_certificate = expected("PGSTRIDE_TEST_ROOT");
  return options;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tls, *boost::unit_test::precondition(server_does_tls))

BOOST_FIXTURE_TEST_CASE(what_was_agreed_on_can_be_seen, Database) {
  const Connection encrypted = another(verified());
  BOOST_TEST(encrypted.is_encrypted());
  BOOST_REQUIRE(encrypted.tls().has_value());
  BOOST_TEST(encrypted.tls()->version == "TLSv1.3");
  BOOST_TEST(encrypted.tls()->cipher != "");
  BOOST_TEST(!connection.is_encrypted());
  BOOST_TEST(!connection.tls().has_value());
}

BOOST_FIXTURE_TEST_CASE(large_values_both_ways, Database) {
  Connection encrypted = another(verified());
  const std::string big(5'000'000, 'x');
  const Result result = run(loop, [](Connection& c, const std::string& value) -> Task<Result> {
    co_return co_await c.query("select $1::text || 'y', i from generate_series(1, 3) i", value);
  }(encrypted, big));
  BOOST_REQUIRE(result.size() == 3U);
  BOOST_TEST((result[2].get<std::string>(0) == big + "y"));
}

BOOST_FIXTURE_TEST_CASE(a_scram_login_is_bound_to_the_connection, Database) {
  ConnectOptions options = verified();
  options.user = "pgstride_scram";
  options.password = Secret("secret");
  options.channel_binding = BindingPolicy::require;
  const Connection bound = another(options);
  BOOST_TEST(bound.is_open());

  options.tls.mode = SslMode::disable;
  BOOST_TEST(
      contains(error_of([&] { const Connection none = another(options); }), "channel binding is required"));
}

BOOST_FIXTURE_TEST_CASE(a_statement_is_cancelled, Database) {
  Connection encrypted = another(verified());
  BOOST_TEST(contains(error_of([&] {
                        run(loop, [](Connection& c) -> Task<> {
                          co_await c.query("select pg_sleep(60)").timeout(200ms);
                        }(encrypted));
                      }),
                      "deadline passed"));
  run(loop, [](Connection& c) -> Task<> {
    const Result result = co_await c.query("select 1");
    BOOST_TEST(result.value<int>() == 1);
  }(encrypted));
}

BOOST_FIXTURE_TEST_CASE(tls_without_asking_first, Database) {
  ConnectOptions options = verified();
  options.tls.negotiation = SslNegotiation::direct;
  if (std::stoi(std::string(connection.parameter("server_version"))) < 17) {
    BOOST_TEST(contains(error_of([&] { const Connection none = another(options); }),
                        "before PostgreSQL 17 there is no direct TLS"));
    return;
  }
  Connection direct = another(options);
  BOOST_TEST(direct.tls().value().application == "postgresql");
  BOOST_TEST(contains(error_of([&] {
                        run(loop, [](Connection& c) -> Task<> {
                          co_await c.query("select pg_sleep(60)").timeout(200ms);
                        }(direct));
                      }),
                      "deadline passed"));
}

BOOST_AUTO_TEST_SUITE_END()
