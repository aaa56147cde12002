// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What the smaller views refuse; what they accept is in test_codec_golden.cpp.
#include <string>

#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/codec/bits.hpp"
#include "pgstride/protocol/codec/composite.hpp"
#include "pgstride/protocol/codec/geometry.hpp"
#include "pgstride/protocol/codec/net.hpp"
#include "pgstride/protocol/codec/range.hpp"
#include "pgstride/protocol/codec/system.hpp"

#include "tests/support/golden_values.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

/// No parser takes any of these.
template <class View>
void refuses(bool (*parse)(Bytes, View&) noexcept, std::initializer_list<const char*> values) {
  for (const char* hex : values) {
    const std::string bytes = from_hex(hex);
    View view;
    BOOST_TEST(!parse(as_bytes(bytes), view), hex);
  }
}

bool parse_multirange(Bytes bytes, MultirangeView& view) noexcept {
  if (!view.parse(bytes)) return false;
  RangeView range;
  for (std::size_t i = 0; i < view.count(); ++i) {
    if (!view.next(range)) return false;
  }
  return view.done();
}

bool parse_composite(Bytes bytes, CompositeView& view) noexcept {
  if (!view.parse(bytes)) return false;
  for (std::size_t i = 0; i < view.count(); ++i) view.next();
  return view.done();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(codec_malformed)

// HS-138
BOOST_AUTO_TEST_CASE(addresses) {
  refuses(parse_inet,
          {"", "02200004", "0020000401020304", "6320000401020304", "0221000401020304", "0220020401020304",
           "0220001001020304", "022000040102030405", "0220000401020304ff",
           "03200004"
           "01020304",
           "0381001000000000000000000000000000000001", "0220001000000000000000000000000000000001"});
  WriteBuffer out;
  const std::string five(5, '\0');
  write_inet(out, {false, 8, as_bytes(five)});
  BOOST_TEST(out.take_failure());
  write_inet(out, {false, 33, as_bytes(five).first(4)});
  BOOST_TEST(out.take_failure());
  BOOST_TEST(out.pending().empty());
}

// HS-134
BOOST_AUTO_TEST_CASE(bit_strings) {
  refuses(parse_bits, {"", "000000", "ffffffff", "7fffffff", "80000000", "00000001", "0000000900",
                       "0000000800ff", "00000000ff"});
  WriteBuffer out;
  write_bits(out, {9, Bytes{}});
  BOOST_TEST(out.failed());
}

// HS-135
BOOST_AUTO_TEST_CASE(ranges) {
  refuses(parse_range, {"", "20", "40", "80", "02", "18ff", "01ff", "02000000040000000100000004000000",
                        "08ffffffff", "08fffffffe", "080000000500000001", "0200000004000000017fffffff"});
  refuses(parse_multirange,
          {"", "ffffffff", "7fffffff", "00000001", "00000001ffffffff00", "0000000100000000ff",
           "000000010000000220ff", "00000000ff", "000000010000000101ff"});
}

// HS-136
BOOST_AUTO_TEST_CASE(composites) {
  refuses(parse_composite, {"", "ffffffff", "7fffffff", "00000001", "0000000100000017",
                            "0000000100000017fffffffe", "000000010000001700000004000000", "00000000ff",
                            "0000000100000017ffffffffff", "0000000200000017ffffffff"});
}

// HS-137
BOOST_AUTO_TEST_CASE(paths_and_snapshots) {
  refuses(parse_path, {"", "01", "017fffffff", "01ffffffff", "0100000001", "0200000000", "0100000000ff"});
  refuses(parse_polygon, {"", "7fffffff", "ffffffff", "80000000", "00000001", "00000000ff"});
  refuses(
      parse_snapshot,
      {"", "00000000", "7fffffff00000000000000010000000000000001", "ffffffff00000000000000010000000000000001",
       "0000000100000000000000010000000000000001", "0000000000000000000000010000000000000001ff"});
  refuses(parse_tid, {"", "00000000", "0000000000", "00000000000000"});
}

BOOST_AUTO_TEST_CASE(an_empty_range_has_no_bounds) {
  RangeView range;
  const std::string bytes = from_hex("01");
  BOOST_TEST(parse_range(as_bytes(bytes), range));
  BOOST_TEST(range.empty);
  BOOST_TEST(!range.has_lower);
  BOOST_TEST(!range.has_upper);
}

BOOST_AUTO_TEST_SUITE_END()
