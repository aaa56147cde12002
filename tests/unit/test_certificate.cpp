// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Whom a certificate is made out to (R-T5, TA-M2), and what a login binds itself to.
#include <array>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <openssl/evp.h>

#include "pgstride/driver/net/certificate.hpp"

#include "tests/support/tls_server.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::string_literals;

namespace {

AlternativeName dns(std::string name) { return {AlternativeName::dns, std::move(name)}; }
AlternativeName ip(std::string bytes) { return {AlternativeName::ip, std::move(bytes)}; }

const std::string loopback("\x7f\0\0\x01", 4);
const std::string loopback_6 = std::string(15, '\0') + '\x01';

struct Row {
  const char* what;
  std::string common_name;
  std::vector<AlternativeName> names;
  std::string host;
  bool matches;
};

const Row rows[] = {
    {"CN only", "db.test", {}, "db.test", true},
    {"CN only, other case", "db.test", {}, "DB.Test", true},
    {"CN only, for an address", "db.test", {}, "127.0.0.1", false},
    {"another CN", "other.test", {}, "db.test", false},
    {"SAN", "", {dns("db.test")}, "db.test", true},
    {"SAN, other case", "", {dns("db.test")}, "DB.TEST", true},
    {"SAN, trailing dot", "", {dns("db.test")}, "db.test.", false},
    {"one of several", "", {dns("a.test"), dns("db.test")}, "db.test", true},
    {"SAN makes CN not count", "db.test", {dns("other.test")}, "db.test", false},
    {"wildcard", "", {dns("*.test")}, "db.test", true},
    {"wildcard, other case", "", {dns("*.TEST")}, "db.test", true},
    {"wildcard in CN", "*.test", {}, "db.test", true},
    {"wildcard for one label only", "", {dns("*.test")}, "a.db.test", false},
    {"wildcard for a label, not for none", "", {dns("*.test")}, ".test", false},
    {"wildcard needs a label", "", {dns("*.test")}, "test", false},
    {"deeper wildcard", "", {dns("*.deep.test")}, "db.test", false},
    {"wildcard within a label", "", {dns("d*.test")}, "db.test", false},
    {"wildcard further in", "", {dns("db.*")}, "db.test", false},
    {"bare wildcard", "", {dns("*")}, "db", false},
    {"wildcard and dot", "", {dns("*.")}, "db.", false},
    {"wildcard for an address", "", {dns("*.0.0.1")}, "127.0.0.1", false},
    {"address", "", {ip(loopback)}, "127.0.0.1", true},
    {"address, for a name", "ignored", {ip(loopback)}, "db.test", false},
    {"address SAN leaves CN to names", "db.test", {ip(loopback)}, "db.test", true},
    {"address SAN and CN", "db.test", {ip(loopback)}, "127.0.0.1", true},
    {"another address", "127.0.0.1", {ip("\x7f\0\0\x02"s)}, "127.0.0.1", false},
    {"address in CN", "127.0.0.1", {}, "127.0.0.1", true},
    {"address written as a name", "", {dns("127.0.0.1")}, "127.0.0.1", true},
    {"IPv6", "", {ip(loopback_6)}, "::1", true},
    {"IPv6, written otherwise", "", {ip(loopback_6)}, "0:0:0:0:0:0:0:1", true},
    {"IPv4 is not IPv6", "", {ip(loopback)}, "::ffff:127.0.0.1", false},
    {"address of no size", "", {ip("\x7f\0\0"s)}, "127.0.0.1", false},
    {"no names at all", "", {}, "db.test", false},
    {"no names at all, for an address", "", {}, "127.0.0.1", false},
    {"NUL in a SAN", "", {dns("db.test\0.evil"s)}, "db.test", false},
    {"NUL in another SAN", "", {dns("db.test"), dns("a\0b"s)}, "db.test", false},
    {"NUL in CN", "db.test\0.evil"s, {}, "db.test", false},
    {"no host", "db.test", {}, "", false},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(certificate)

BOOST_AUTO_TEST_CASE(whom_it_is_made_out_to) {
  for (const Row& row : rows) {
    const SelfSigned made(row.common_name, row.names);
    const std::string mismatch = certificate_mismatch(made.certificate(), row.host);
    BOOST_TEST(mismatch.empty() == row.matches, row.what << ": " << mismatch);
  }
}

BOOST_AUTO_TEST_CASE(a_mismatch_is_explained) {
  const auto mismatch = [](const SelfSigned& made) {
    return certificate_mismatch(made.certificate(), "db.test");
  };
  BOOST_TEST(mismatch(SelfSigned("other.test")) ==
             "the server's certificate is for \"other.test\", not for host \"db.test\"");
  BOOST_TEST(mismatch(SelfSigned("", {dns("a\nb"), ip(loopback)})) ==
             "the server's certificate is for \"a?b\" (and 1 other names), not for host \"db.test\"");
  BOOST_TEST(mismatch(SelfSigned("")) ==
             "the server's certificate holds no name to compare with host \"db.test\"");
  BOOST_TEST(mismatch(SelfSigned("a\0b"s)) == "a name in the server's certificate contains a NUL");
}

BOOST_AUTO_TEST_CASE(what_a_login_binds_itself_to) {
  const SelfSigned made("db.test");
  const std::string der = made.der();
  std::array<unsigned char, 32> hash{};
  EVP_Digest(der.data(), der.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
  const std::string expected(reinterpret_cast<const char*>(hash.data()), hash.size());
  BOOST_TEST(certificate_end_point(made.certificate()) == expected);
  BOOST_TEST(certificate_end_point(as_bytes(der)) == expected);
  BOOST_TEST(certificate_end_point(as_bytes("no certificate")) == "");
}

BOOST_AUTO_TEST_CASE(an_ed25519_signature_has_no_hash_to_bind_to) {
  BOOST_TEST(certificate_end_point(SelfSigned("db.test", {}, SelfSigned::Key::ed25519).certificate()) == "");
}

BOOST_AUTO_TEST_SUITE_END()
