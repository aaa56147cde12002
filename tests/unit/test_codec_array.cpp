// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Proves R-P5.
#include <initializer_list>
#include <optional>
#include <span>
#include <string>

#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/codec/array_value.hpp"
#include "pgstride/protocol/codec/numeric.hpp"
#include "pgstride/protocol/codec/scalar.hpp"
#include "pgstride/protocol/codec/text.hpp"

#include "tests/support/failing_allocations.hpp"
#include "tests/support/golden_values.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

template <class T>
std::optional<std::vector<T>> decode(Oid type, std::string_view hex) {
  const std::string bytes = from_hex(hex);
  std::vector<T> values;
  if (!Codec<std::vector<T>>::accepts(type)) return std::nullopt;
  if (!Codec<std::vector<T>>::decode(type, as_bytes(bytes), values)) return std::nullopt;
  return values;
}

template <class T>
Bytes encode(const std::vector<T>& values, WriteBuffer& out) {
  Codec<std::vector<T>>::encode(values, out);
  BOOST_TEST(!out.failed());
  return out.pending();
}

template <class T>
void survives(Oid type, const std::vector<T>& values) {
  WriteBuffer out;
  const auto again = decode<T>(type, to_hex(encode(values, out)));
  BOOST_TEST((again == values));
}

std::string literal(const std::vector<std::optional<std::string>>& values) {
  WriteBuffer out;
  return std::string(as_text(encode(values, out)));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(codec_array)

static_assert(Codec<std::vector<int>>::oid == oid::int4_array);
static_assert(Codec<std::vector<std::optional<double>>>::oid == oid::float8_array);
static_assert(Codec<std::optional<std::vector<bool>>>::oid == oid::bool_array);
static_assert(Codec<std::vector<std::byte>>::oid == oid::bytea);
static_assert(Codec<std::vector<std::vector<std::byte>>>::oid == oid::bytea_array);
static_assert(Codec<std::vector<std::string>>::format == Format::text);
static_assert(!Encodable<std::vector<std::optional<char>>> && !Encodable<std::optional<std::vector<char>>>);
static_assert(Encodable<std::vector<const char*>> && !Decodable<std::vector<const char*>>);

BOOST_AUTO_TEST_CASE(vectors_survive) {
  survives<int>(oid::int4_array, {});
  survives<int>(oid::int4_array, {1, -2, 3});
  survives<bool>(oid::bool_array, {true, false});
  survives<double>(oid::float8_array, {0.5});
  survives<std::optional<std::int64_t>>(oid::int8_array, {1, std::nullopt, 3});
  survives<Numeric>(oid::numeric_array, {Numeric(1), *Numeric::from_text("-0.50")});
  survives<std::vector<std::byte>>(oid::bytea_array, {{}, {std::byte{0}, std::byte{255}}});
}

BOOST_AUTO_TEST_CASE(elements_widen) {
  const std::string int2s = "00000001 00000000 00000015 00000002 00000001 00000002 0001 00000002 ffff";
  BOOST_TEST((*decode<std::int64_t>(oid::int2_array, int2s) == std::vector<std::int64_t>{1, -1}));
  BOOST_TEST((*decode<std::int64_t>(oid::int2vector, int2s) == std::vector<std::int64_t>{1, -1}));
  BOOST_TEST((*decode<std::int64_t>(oid::anyarray, int2s) == std::vector<std::int64_t>{1, -1}));
  BOOST_TEST(!decode<std::int64_t>(oid::int4_array, int2s));  // not the element type that was described
  BOOST_TEST(!decode<bool>(oid::anyarray, int2s));
  BOOST_TEST(!Codec<std::vector<std::int16_t>>::accepts(oid::int4_array));
  BOOST_TEST(!Codec<std::vector<std::int32_t>>::accepts(oid::int4));
}

BOOST_AUTO_TEST_CASE(null_elements_need_room) {
  const std::string one_null = "00000001 00000001 00000017 00000001 00000001 ffffffff";
  BOOST_TEST(!decode<int>(oid::int4_array, one_null));
  BOOST_TEST(!decode<std::optional<int>>(oid::int4_array, one_null)->front().has_value());
}

BOOST_AUTO_TEST_CASE(only_one_dimension_fits_a_vector) {
  const std::string two = "00000002 00000000 00000017 00000001 00000001 00000001 00000001 00000004 00000007";
  ArrayView array;
  const std::string bytes = from_hex(two);
  BOOST_TEST(array.parse(as_bytes(bytes)));
  BOOST_TEST(!decode<int>(oid::int4_array, two));
}

BOOST_AUTO_TEST_CASE(strings_are_read_from_every_kind_of_text) {
  const std::string texts = "00000001 00000001 00000019 00000002 00000001 00000001 61 ffffffff";
  const auto values = decode<std::optional<std::string>>(oid::text_array, texts);
  BOOST_REQUIRE(values);
  BOOST_TEST(*values->at(0) == "a");
  BOOST_TEST(!values->at(1).has_value());
  const std::string enums = "00000001 00000000 00004001 00000001 00000001 00000001 61";
  BOOST_TEST(decode<std::string>(16386, enums)->at(0) == "a");
}

BOOST_AUTO_TEST_CASE(strings_are_sent_as_a_literal) {
  BOOST_TEST(literal({}) == "{}");
  BOOST_TEST(literal({"a", "b"}) == R"({"a","b"})");
  BOOST_TEST(literal({"", std::nullopt, "NULL"}) == R"({"",NULL,"NULL"})");
  BOOST_TEST(literal({R"(say "hi")", R"(back\slash)", "{,}", R"(\")"}) ==
             R"({"say \"hi\"","back\\slash","{,}","\\\""})");
}

// The last byte of a literal may be the one that there is no room for.
BOOST_AUTO_TEST_CASE(memory_that_runs_out_in_a_literal_is_an_error) {
  const std::vector<std::string> none;
  int failed = 0;
  for (std::size_t before = 1; before < 10'000; ++before) {
    WriteBuffer out;
    out.grow(before);
    OneFails one(1);
    if (!one.attempt([&] { Codec<std::vector<std::string>>::encode(none, out); })) ++failed;
  }
  BOOST_TEST(failed >= 2);  // where nothing, and where one byte, was left
}

BOOST_AUTO_TEST_CASE(a_value_that_can_not_be_written_fails_the_array) {
  WriteBuffer out;
  ArrayWriter writer(out, oid::int4, std::vector<ArrayDimension>(7, ArrayDimension{1, 1}));
  BOOST_TEST(out.failed());
}

// HS-130
BOOST_AUTO_TEST_CASE(malformed) {
  const std::string flags_and_type = " 00000000 00000017";
  const std::string huge = " 7fffffff 00000001";
  for (const std::string& hex : std::initializer_list<std::string>{
           std::string(),
           "ffffffff" + flags_and_type,                                                   // ndim −1
           "00000007" + flags_and_type + huge + huge + huge + huge + huge + huge + huge,  // ndim 7
           "7fffffff" + flags_and_type,                                                   // ndim 2^31−1
           "00000001" + flags_and_type + huge,                                            // no data
           "00000001" + flags_and_type,                                                   // no dimension
           "00000006" + flags_and_type + huge + huge + huge + huge + huge + huge,         // product wraps
           "00000002" + flags_and_type + " 80000000 00000001 80000000 00000001",          // negative sizes
           "00000001" + flags_and_type + " ffffffff 00000001",
           "00000001" + flags_and_type + " 00000001 00000001 fffffffe",              // length −2
           "00000001" + flags_and_type + " 00000001 00000001 00000005 00000000",     // beyond the end
           "00000001" + flags_and_type + " 00000002 00000001 00000004 00000000",     // one too few
           "00000001" + flags_and_type + " 00000001 7fffffff 00000004 00000000 00",  // one byte too many
           "00000001" + flags_and_type + " 00000002 7fffffff ffffffff ffffffff",     // last subscript wraps
           "00000001 00000002 00000017 00000001 00000001 00000004 00000000",         // flags 2
           "00000000" + flags_and_type + " 00",                                      // empty with data
           "00000001" + flags_and_type + " 00000000 00000001 00000000",
       }) {
    BOOST_TEST(!decode<std::optional<int>>(oid::int4_array, hex), hex);
  }
}

BOOST_AUTO_TEST_CASE(an_element_of_the_wrong_size_is_refused) {
  BOOST_TEST(!decode<int>(oid::int4_array, "00000001 00000000 00000017 00000001 00000001 00000002 0001"));
}

BOOST_AUTO_TEST_CASE(what_is_too_large_says_so) {  // what is beyond the limit is not looked at
  const int number = 0;
  const volatile std::size_t too_many = std::size_t{1} << 31;  // volatile: or the compiler would warn of it
  WriteBuffer out;
  encode_value(std::span(&number, too_many), out);
  BOOST_TEST(out.failed_too_large());
  const char letter = 'x';
  BOOST_TEST(out.take_failure());
  encode_value(std::vector{std::string_view(&letter, max_outgoing_message + 1)}, out);
  BOOST_TEST(out.failed_too_large());
}

BOOST_AUTO_TEST_SUITE_END()
