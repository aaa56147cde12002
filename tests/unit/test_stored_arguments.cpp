// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/stored_arguments.hpp"
#include "pgstride/protocol/codec/array_value.hpp"
#include "pgstride/protocol/codec/named.hpp"
#include "pgstride/protocol/codec/scalar.hpp"
#include "pgstride/protocol/codec/text.hpp"

using namespace pgstride;

namespace {

struct Point {
  int x;
  int y;
};

struct Unlucky {};

std::string written(const Arguments& arguments, std::size_t expected) {
  WriteBuffer out;
  BOOST_TEST(arguments.write(out) == expected);
  BOOST_TEST(!out.failed());
  return std::string(as_text(out.pending()));
}

}  // namespace

template <>
struct pgstride::Codec<Point> : pgstride::CompositeCodec<Point, "point2"> {};
template <>
struct pgstride::Codec<Unlucky> : pgstride::BinaryType<pgstride::oid::int4> {
  static void encode(const Unlucky&, WriteBuffer&) { throw std::runtime_error("unlucky"); }
};

BOOST_AUTO_TEST_SUITE(stored_arguments)

BOOST_AUTO_TEST_CASE(nothing_of_the_callers_is_held_on_to) {
  std::string expected;
  const auto store = [&] {
    const std::string text(100, 'x');
    const std::string_view view = text;
    const std::vector<int> numbers{1, 2, 3};
    const int seven = 7;
    const ArgumentsOf given(seven, view, numbers, std::nullopt);
    expected = written(given, 4);
    return std::make_unique<StoredArguments>(given, nullptr);
  };
  const auto stored = store();
  BOOST_TEST(stored->size() == 4u);
  BOOST_TEST(stored->types().oids[0] == oid::int4);
  BOOST_TEST(written(*stored, 4) == expected);
  BOOST_TEST(written(*stored, 4) == expected);
}

BOOST_AUTO_TEST_CASE(what_is_known_by_name_is_asked_for_at_once) {
  const std::vector<Point> points{Point{1, 2}};
  const int one = 1;
  const ArgumentsOf given(one, points);
  TypeNames types;
  types.add("point2", {0x11170, 0x11171, {oid::int4, oid::int4}});
  const StoredArguments stored(given, &types);
  types.clear();
  const std::string_view number = "\x01\x11\x70";
  BOOST_TEST(written(stored, 2).find(number) != std::string::npos);
  BOOST_TEST(written(StoredArguments(given, &types), 2).find(number) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_an_encoder_throws_comes_out_when_it_is_written) {
  const Unlucky unlucky;
  const ArgumentsOf given(unlucky);
  const StoredArguments stored(given, nullptr);
  WriteBuffer out;
  BOOST_CHECK_THROW((void)stored.write(out), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()
