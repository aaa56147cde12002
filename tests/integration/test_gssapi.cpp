// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The C++ head in a Kerberos realm of our own. More of it is in tests/python.
#include <cstdlib>
#include <string>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

bool there_is_a_realm(boost::unit_test::test_unit_id) { return is_expected("PGSTRIDE_TEST_REALM", "kdc"); }

struct Ticket : Database {
  Ticket() {
    const std::string realm = expected("PGSTRIDE_TEST_REALM");
    ::setenv("KRB5_CONFIG", (realm + "/krb5.conf").c_str(), 1);
    ::setenv("KRB5_CLIENT_KTNAME", ("FILE:" + realm + "/client.keytab").c_str(), 1);
    ::setenv("KRB5CCNAME", "MEMORY:pgstride", 1);
    options.hosts[0].name = "localhost";
    options.user = "pgstride_gss";
  }

  ConnectOptions options = server_options();
};

}  // namespace

BOOST_AUTO_TEST_SUITE(gssapi, *boost::unit_test::precondition(there_is_a_realm))

BOOST_FIXTURE_TEST_CASE(logs_in, Ticket) {
  BOOST_TEST((options.require_auth.parse("gss") == nullptr));
  Connection known = another(options);
  run(loop, [](Connection& c) -> Task<> {
    const Result result =
        co_await c.query("select principal from pg_stat_gssapi where pid = pg_backend_pid()");
    BOOST_TEST(result.value<std::string>() == "pgstride_gss@PGSTRIDE.TEST");
  }(known));
}

BOOST_FIXTURE_TEST_CASE(a_service_that_nobody_knows, Ticket) {
  options.kerberos_service = "nobody";
  const std::string text = error_of([&] { const Connection none = another(options); });
  BOOST_TEST(contains(text, "could not log in to nobody@localhost by GSSAPI"), text);
  BOOST_TEST(contains(text, "not found in Kerberos database"), text);
}

BOOST_AUTO_TEST_SUITE_END()
