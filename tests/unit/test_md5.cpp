// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <string>

#include <boost/test/unit_test.hpp>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "pgstride/protocol/md5.hpp"

using namespace pgstride;

BOOST_AUTO_TEST_SUITE(md5)

// PostgreSQL 15 stored md56fad8bbc431764f407609e07fdb7e19b for role g and password pencil; the answers
// are md5sum of those digits and the salt.
BOOST_AUTO_TEST_CASE(answers_as_postgresql_expects) {
  BOOST_TEST(md5_password("g", Secret("pencil"), as_bytes("\x01\x02\x03\x04")).value() ==
             "md593dd624802344ba629a61e9a731facb8");
  BOOST_TEST(md5_password("g", Secret("pencil"), as_bytes(std::string_view("\0\xFF\0\xFE", 4))).value() ==
             "md53c61afbec75b3d79bbc44eada778e2e3");
}

BOOST_AUTO_TEST_CASE(every_input_counts) {
  const auto answer = md5_password("g", Secret("pencil"), as_bytes("salt"));
  BOOST_TEST((md5_password("h", Secret("pencil"), as_bytes("salt")) != answer));
  BOOST_TEST((md5_password("g", Secret("Pencil"), as_bytes("salt")) != answer));
  BOOST_TEST((md5_password("g", Secret("pencil"), as_bytes("Salt")) != answer));
  BOOST_TEST((md5_password("gpencil", Secret(""), as_bytes("salt")) != answer));
  BOOST_TEST((md5_password("", Secret("pencilg"), as_bytes("salt")) == answer));  // the protocol's weakness
}

// "fips=yes" without a FIPS provider leaves this program with no digest at all, as far as new
// fetches go: what a FIPS build does to MD5.
BOOST_AUTO_TEST_CASE(no_md5_is_an_answer_too) {
  ERR_clear_error();
  BOOST_REQUIRE(EVP_set_default_properties(nullptr, "fips=yes") == 1);
  const auto answer = md5_password("g", Secret("pencil"), as_bytes("salt"));
  BOOST_REQUIRE(EVP_set_default_properties(nullptr, "") == 1);
  BOOST_TEST(!answer.has_value());
  BOOST_TEST(ERR_peek_error() == 0UL);
}

BOOST_AUTO_TEST_SUITE_END()
