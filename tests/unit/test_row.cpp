// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/row.hpp"

#include "tests/support/backend_writer.hpp"

namespace pgstride::test {
namespace {

bool well_formed(const std::string& body, std::size_t columns) {
  return DataRow::well_formed(as_bytes(body), columns);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(row)

BOOST_AUTO_TEST_CASE(values_in_wire_order) {
  const std::string body = data_row({"one", null, "", "four"}).substr(5);
  BOOST_REQUIRE(well_formed(body, 4));
  DataRow row(as_bytes(body));
  BOOST_TEST(row.size() == 4);
  const Field one = row.next();
  BOOST_TEST(!one.null);
  BOOST_TEST(as_text(one.bytes) == "one");
  BOOST_TEST(row.next().null);
  const Field empty = row.next();
  BOOST_TEST(!empty.null);
  BOOST_TEST(empty.bytes.empty());
  BOOST_TEST(as_text(row.rest()) == int32(4) + "four");
  BOOST_TEST(as_text(row.next().bytes) == "four");
  BOOST_TEST(row.rest().empty());
}

BOOST_AUTO_TEST_CASE(the_count_must_be_that_of_the_description) {
  const std::string body = data_row({"one", null}).substr(5);
  BOOST_TEST(well_formed(body, 2));
  BOOST_TEST(!well_formed(body, 1));
  BOOST_TEST(!well_formed(body, 3));
  BOOST_TEST(!well_formed(body, 0));
  BOOST_TEST(well_formed(int16(0), 0));
}

BOOST_AUTO_TEST_CASE(every_byte_must_belong_to_a_value) {
  const std::string body = data_row({"one", null, ""}).substr(5);
  for (std::size_t size = 0; size < body.size(); ++size) BOOST_TEST(!well_formed(body.substr(0, size), 3));
  BOOST_TEST(!well_formed(body + "x", 3));
  BOOST_TEST(!well_formed("", 0));
  BOOST_TEST(!well_formed(int16(0) + "x", 0));
}

BOOST_AUTO_TEST_CASE(minus_one_is_the_only_negative_length) {
  BOOST_TEST(well_formed(int16(1) + int32(-1), 1));
  BOOST_TEST(!well_formed(int16(1) + int32(-2), 1));
  BOOST_TEST(!well_formed(int16(1) + int32(INT32_MIN), 1));
  BOOST_TEST(!well_formed(int16(1) + int32(INT32_MAX) + "xyz", 1));
}

BOOST_AUTO_TEST_CASE(counts_are_unsigned) {
  std::string body = int16(65535);
  for (int i = 0; i < 65535; ++i) body += int32(-1);
  BOOST_TEST(well_formed(body, 65535));
  BOOST_TEST(DataRow(as_bytes(body)).size() == 65535);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
