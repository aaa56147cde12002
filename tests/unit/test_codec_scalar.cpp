// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <optional>
#include <string>

#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/codec/scalar.hpp"
#include "pgstride/protocol/codec/system.hpp"
#include "pgstride/protocol/codec/text.hpp"
#include "pgstride/protocol/codec/uuid.hpp"

#include "tests/support/golden_values.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

template <class T>
std::optional<T> decode(Oid type, std::string_view hex) {
  const std::string bytes = from_hex(hex);
  T value{};
  if (!Codec<T>::accepts(type) || !Codec<T>::decode(type, as_bytes(bytes), value)) return std::nullopt;
  return value;
}

template <class T>
std::string encode(const T& value) {
  WriteBuffer out;
  encode_value(value, out);
  BOOST_TEST(!out.failed());
  return to_hex(out.pending());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(codec_scalar)

static_assert(Codec<bool>::oid == 16 && Codec<bool>::array_oid == 1000);
static_assert(Codec<short>::oid == oid::int2 && Codec<int>::oid == oid::int4);
static_assert(Codec<long>::oid == oid::int8 && Codec<long long>::oid == oid::int8);
static_assert(Codec<std::optional<int>>::oid == oid::int4);
static_assert(Codec<std::string>::oid == 0 && Codec<std::string>::format == Format::text);
static_assert(Encodable<const char*> && !Decodable<const char*>);
static_assert(Encodable<char[4]> && !Decodable<char[4]>);
static_assert(!Encodable<char> && !Encodable<unsigned short> && !Encodable<void*>);
static_assert(!Encodable<std::optional<char>> && !Decodable<std::optional<char>>);
static_assert(Encodable<std::optional<const char*>> && !Decodable<std::optional<const char*>>);
static_assert(Encodable<std::nullopt_t> && Encodable<std::nullptr_t>);

BOOST_AUTO_TEST_CASE(types_are_named_and_related) {
  BOOST_TEST(type_name(oid::int4) == "int4");
  BOOST_TEST(type_name(oid::int4_array) == "int4[]");
  BOOST_TEST(type_name(99999).empty());
  BOOST_TEST(array_of(oid::timestamptz) == oid::timestamptz_array);
  BOOST_TEST(element_of(oid::timestamptz_array) == oid::timestamptz);
  BOOST_TEST(element_of(oid::int2vector) == oid::int2);
  BOOST_TEST(element_of(oid::point) == 0);  // has coordinates, but is no array
  BOOST_TEST(find_builtin_type(oid::daterange)->element == oid::date);
  BOOST_TEST(find_builtin_type(oid::datemultirange)->element == oid::daterange);
  for (const BuiltinType& type : builtin_types) {
    if (type.array != 0) BOOST_TEST(element_of(type.array) == type.oid);
  }
}

BOOST_AUTO_TEST_CASE(integers_widen) {
  BOOST_TEST(*decode<std::int64_t>(oid::int2, "8000") == -32768);
  BOOST_TEST(*decode<std::int64_t>(oid::int4, "80000000") == std::numeric_limits<std::int32_t>::min());
  BOOST_TEST(*decode<std::int64_t>(oid::oid, "ffffffff") == 4294967295);
  BOOST_TEST(*decode<std::int32_t>(oid::int2, "ffff") == -1);
  BOOST_TEST(*decode<std::uint64_t>(oid::oid, "ffffffff") == 4294967295U);
  BOOST_TEST(*decode<double>(oid::float4, "3fc00000") == 1.5);
}

BOOST_AUTO_TEST_CASE(integers_do_not_narrow) {
  BOOST_TEST(!Codec<std::int16_t>::accepts(oid::int4));
  BOOST_TEST(!Codec<std::int32_t>::accepts(oid::int8));
  BOOST_TEST(!Codec<std::int32_t>::accepts(oid::oid));
  BOOST_TEST(!Codec<std::uint32_t>::accepts(oid::int4));
  BOOST_TEST(!Codec<std::uint64_t>::accepts(oid::int4));
  BOOST_TEST(!Codec<float>::accepts(oid::float8));
  BOOST_TEST(!Codec<double>::accepts(oid::numeric));
  BOOST_TEST(!Codec<bool>::accepts(oid::int2));
  BOOST_TEST(!Codec<std::string>::accepts(oid::int4));
}

// HS-131: every wrong length from 0 to 16.
BOOST_AUTO_TEST_CASE(wrong_lengths_are_refused) {
  const auto try_all = [](auto sample, Oid type, std::size_t right) {
    using T = decltype(sample);
    for (std::size_t size = 0; size <= 17; ++size) {
      const auto decoded = decode<T>(type, std::string(2 * size, '0'));
      BOOST_TEST(decoded.has_value() == (size == right), type_name(type) << " of " << size);
    }
  };
  try_all(false, oid::bool_, 1);
  try_all(std::int16_t{}, oid::int2, 2);
  try_all(std::int32_t{}, oid::int4, 4);
  try_all(std::int64_t{}, oid::int8, 8);
  try_all(std::int64_t{}, oid::int4, 4);
  try_all(std::int64_t{}, oid::int2, 2);
  try_all(std::int64_t{}, oid::oid, 4);
  try_all(std::uint32_t{}, oid::regclass, 4);
  try_all(std::uint64_t{}, oid::int8, 8);
  try_all(std::uint64_t{}, oid::xid8, 8);
  try_all(FullTransactionId{}, oid::xid8, 8);
  try_all(float{}, oid::float4, 4);
  try_all(double{}, oid::float8, 8);
  try_all(double{}, oid::float4, 4);
  try_all(Uuid{}, oid::uuid, 16);
}

BOOST_AUTO_TEST_CASE(a_bool_is_zero_or_one) { BOOST_TEST(!decode<bool>(oid::bool_, "02")); }

BOOST_AUTO_TEST_CASE(a_size_is_an_int8_that_is_not_negative) {
  BOOST_TEST(encode(std::size_t{5}) == "000000080000000000000005");
  BOOST_TEST(decode<std::size_t>(oid::int8, "7fffffffffffffff").value() == 9223372036854775807U);
  BOOST_TEST(!decode<std::size_t>(oid::int8, "ffffffffffffffff"));
  BOOST_TEST(decode<std::size_t>(oid::xid8, "ffffffffffffffff").value() == 18446744073709551615U);
  WriteBuffer out;
  encode_value(std::size_t{1} << 63, out);
  BOOST_TEST(out.take_failure());
}

BOOST_AUTO_TEST_CASE(values_are_written_with_their_length) {
  BOOST_TEST(encode(true) == "0000000101");
  BOOST_TEST(encode(std::int16_t{-2}) == "00000002fffe");
  BOOST_TEST(encode(1) == "0000000400000001");
  BOOST_TEST(encode(1LL) == "000000080000000000000001");
  BOOST_TEST(encode(1U) == "0000000400000001");
  BOOST_TEST(encode(1.5F) == "000000043fc00000");
  BOOST_TEST(encode(1.5) == "000000083ff8000000000000");
  BOOST_TEST(encode("ab") == "000000026162");
  BOOST_TEST(encode(std::string("ab")) == "000000026162");
}

BOOST_AUTO_TEST_CASE(null_is_a_length_of_minus_one) {
  BOOST_TEST(encode(std::optional<int>()) == "ffffffff");
  BOOST_TEST(encode(std::optional<int>(1)) == "0000000400000001");
  BOOST_TEST(encode(std::nullopt) == "ffffffff");
  BOOST_TEST(encode(nullptr) == "ffffffff");
  BOOST_TEST(encode(static_cast<const char*>(nullptr)) == "ffffffff");
}

BOOST_AUTO_TEST_CASE(null_needs_room) {
  int number = 7;
  BOOST_TEST(!decode_value(oid::int4, Field{}, number));
  std::optional<int> maybe = 7;
  BOOST_TEST(decode_value(oid::int4, Field{}, maybe));
  BOOST_TEST(!maybe.has_value());
  const std::string five = from_hex("00000005");
  BOOST_TEST(decode_value(oid::int4, Field{as_bytes(five), false}, maybe));
  BOOST_TEST(*maybe == 5);
}

BOOST_AUTO_TEST_SUITE_END()
