// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Proves R-P1.
#include <cmath>

#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/bytes.hpp"

namespace pgstride::test {
namespace {

using namespace std::literals;

}  // namespace

BOOST_AUTO_TEST_SUITE(bytes)

BOOST_AUTO_TEST_CASE(integers_are_big_endian) {
  Reader in(as_bytes("\x01\x02\x03\xff\xfe\x80\x00\x00\x00\x12\x34\x56\x78\x9a\xbc\xde\xf0"sv));
  BOOST_TEST(in.u8() == 1);
  BOOST_TEST(in.u16() == 0x0203);
  BOOST_TEST(in.i16() == -2);
  BOOST_TEST(in.i32() == INT32_MIN);
  BOOST_TEST(in.u64() == 0x123456789abcdef0u);
  BOOST_TEST(in.done());
}

BOOST_AUTO_TEST_CASE(floats) {
  Reader in(as_bytes("\x3f\xc0\x00\x00\xc0\x04\x00\x00\x00\x00\x00\x00\x7f\xc0\x00\x00"sv));
  BOOST_TEST(in.f32() == 1.5f);
  BOOST_TEST(in.f64() == -2.5);
  BOOST_TEST(std::isnan(in.f32()));
  BOOST_TEST(in.done());
}

BOOST_AUTO_TEST_CASE(loads_and_stores_are_each_others_inverse) {
  std::byte memory[9] = {};
  for (const std::int64_t v :
       {std::int64_t{0}, std::int64_t{-1}, INT64_MIN, INT64_MAX, std::int64_t{0x0123456789abcdef}}) {
    store_big_endian(memory + 1, v);  // unaligned on purpose
    BOOST_TEST(load_big_endian<std::int64_t>(memory + 1) == v);
    store_big_endian(memory + 1, static_cast<std::int32_t>(v));
    BOOST_TEST(load_big_endian<std::int32_t>(memory + 1) == static_cast<std::int32_t>(v));
    store_big_endian(memory + 1, static_cast<std::int16_t>(v));
    BOOST_TEST(load_big_endian<std::int16_t>(memory + 1) == static_cast<std::int16_t>(v));
  }
}

BOOST_AUTO_TEST_CASE(a_short_read_sticks) {
  Reader in(as_bytes("abc"sv));
  BOOST_TEST(in.i32() == 0);
  BOOST_TEST(!in.ok());
  BOOST_TEST(in.empty());
  BOOST_TEST(in.u8() == 0);
  BOOST_TEST(in.take(1).empty());
  BOOST_TEST(in.cstr() == "");
  BOOST_TEST(in.rest().empty());
  BOOST_TEST(!in.done());
}

BOOST_AUTO_TEST_CASE(every_width_at_the_very_end) {
  BOOST_TEST(Reader(Bytes()).u8() == 0);
  for (std::size_t size = 0; size < 8; ++size) {
    const Bytes some = as_bytes("\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f"sv).first(size);
    Reader a(some), b(some), c(some), d(some);
    a.u8(), b.u16(), c.u32(), d.u64();
    BOOST_TEST(a.ok() == (size >= 1));
    BOOST_TEST(b.ok() == (size >= 2));
    BOOST_TEST(c.ok() == (size >= 4));
    BOOST_TEST(d.ok() == false);
  }
}

BOOST_AUTO_TEST_CASE(strings_end_at_their_nul) {
  Reader in(as_bytes("one\0\0two\0unterminated"sv));
  BOOST_TEST(in.cstr() == "one");
  BOOST_TEST(in.cstr() == "");
  BOOST_TEST(in.cstr() == "two");
  BOOST_TEST(in.ok());
  BOOST_TEST(in.cstr() == "");
  BOOST_TEST(!in.ok());
}

BOOST_AUTO_TEST_CASE(takes_no_more_than_there_is) {
  Reader in(as_bytes("abcdef"sv));
  BOOST_TEST(as_text(in.take(0)) == "");
  BOOST_TEST(as_text(in.take(2)) == "ab");
  BOOST_TEST(in.remaining() == 4u);
  Reader all = in;
  BOOST_TEST(as_text(all.rest()) == "cdef");
  BOOST_TEST(all.done());
  BOOST_TEST(in.take(5).empty());
  BOOST_TEST(!in.ok());
  Reader huge(as_bytes("abcdef"sv));
  BOOST_TEST(huge.take(SIZE_MAX).empty());
  BOOST_TEST(!huge.ok());
}

BOOST_AUTO_TEST_CASE(a_parser_may_find_a_value_unacceptable) {
  Reader in(as_bytes("abc"sv));
  in.fail();
  BOOST_TEST(!in.ok());
  BOOST_TEST(in.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
