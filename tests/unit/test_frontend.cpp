// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Byte for byte as the protocol's "Message Formats" has them.
#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/frontend.hpp"

#include "tests/support/assert_bytes.hpp"
#include "tests/support/frontend_words.hpp"

namespace pgstride::test {
namespace {

template <class Write, std::size_t N>
void writes(Write write, const char (&expected)[N]) {
  WriteBuffer out;
  write(out);
  assert_bytes(out.pending(), expected);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(frontend_messages)

BOOST_AUTO_TEST_CASE(queries) {
  writes([](WriteBuffer& out) { frontend::query(out, "select 1"); }, "Q\0\0\0\x0dselect 1\0");
  const Oid types[] = {23, 0};
  writes([&](WriteBuffer& out) { frontend::parse(out, "s1", "select", types); },
         "P\0\0\0\x18s1\0select\0\0\x02\0\0\0\x17\0\0\0\0");
  writes([](WriteBuffer& out) { frontend::describe_statement(out, "s1"); }, "D\0\0\0\x08Ss1\0");
  writes([](WriteBuffer& out) { frontend::execute(out, "p", 0x01020304); }, "E\0\0\0\x0ap\0\x01\x02\x03\x04");
  writes([](WriteBuffer& out) { frontend::close_statement(out, "s1"); }, "C\0\0\0\x08Ss1\0");
  writes([](WriteBuffer& out) { frontend::close_portal(out, ""); }, "C\0\0\0\x06P\0");
  writes([](WriteBuffer& out) { frontend::sync(out); }, "S\0\0\0\x04");
  writes([](WriteBuffer& out) { frontend::execute_all_and_sync(out); }, "E\0\0\0\x09\0\0\0\0\0S\0\0\0\x04");
  writes([](WriteBuffer& out) { frontend::terminate(out); }, "X\0\0\0\x04");
  writes([](WriteBuffer& out) { frontend::copy_fail(out, "no"); }, "f\0\0\0\x07no\0");
}

BOOST_AUTO_TEST_CASE(a_one_shot_statement) {
  WriteBuffer out;
  frontend::one_shot(out, "begin");
  BOOST_TEST(in_words(out.pending()) == "Parse(, begin) Bind( ->) Execute");
}

BOOST_AUTO_TEST_CASE(start_up) {
  const std::pair<std::string_view, std::string_view> parameters[] = {{"user", "me"}, {"database", ""}};
  writes([&](WriteBuffer& out) { frontend::startup(out, frontend::protocol_3_0, parameters); },
         "\0\0\0\x1b\0\x03\0\0user\0me\0database\0\0\0");
  writes([](WriteBuffer& out) { frontend::password(out, "secret"); }, "p\0\0\0\x0bsecret\0");
  writes([](WriteBuffer& out) { frontend::sasl_initial_response(out, "SCRAM-SHA-256", "n,,"); },
         "p\0\0\0\x19SCRAM-SHA-256\0\0\0\0\x03n,,");
  writes([](WriteBuffer& out) { frontend::sasl_response(out, "c=biws"); },
         "p\0\0\0\x0a"
         "c=biws");
}

BOOST_AUTO_TEST_CASE(cancel_requests_echo_the_key) {
  writes([](WriteBuffer& out) { frontend::cancel_request(out, -2, as_bytes("\x01\x02\x03\xff")); },
         "\0\0\0\x10\x04\xd2\x16\x2e\xff\xff\xff\xfe\x01\x02\x03\xff");
}

BOOST_AUTO_TEST_CASE(a_nul_is_found) {  // R-E2
  BOOST_TEST(!frontend::has_nul("select 1"));
  BOOST_TEST(frontend::has_nul(std::string_view("select\0 1", 9)));
}

BOOST_AUTO_TEST_CASE(too_many_types) {  // R-E1
  WriteBuffer out;
  frontend::parse(out, "", "", std::vector<Oid>(65535));
  BOOST_TEST(!out.failed());
  frontend::parse(out, "", "", std::vector<Oid>(65536));
  BOOST_TEST(out.failed());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
