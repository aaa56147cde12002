// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Arrays of several dimensions as C++ lists in each other, and what is said of those that do not fit.
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/exception.hpp"
#include "pgstride/driver/result.hpp"
#include "pgstride/driver/row_type.hpp"
#include "pgstride/protocol/codec/array_value.hpp"
#include "pgstride/protocol/codec/named.hpp"
#include "pgstride/protocol/codec/scalar.hpp"
#include "pgstride/protocol/codec/text.hpp"

#include "tests/support/golden_values.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

template <class T>
using Two = std::vector<std::vector<T>>;
template <class T>
using Three = std::vector<Two<T>>;
using Six = Three<Three<int>>;

struct Street {
  std::string name;
};
struct Matrix {
  std::array<std::array<double, 2>, 2> cells{};
  int id = 0;
};

template <class T>
std::string encoded(const T& values) {
  WriteBuffer out;
  Codec<T>::encode(values, out);
  BOOST_TEST(!out.failed());
  return std::string(as_text(out.pending()));
}

template <class T>
std::optional<T> decoded(std::string_view bytes, Oid type = Codec<T>::oid) {
  T values{};
  if (!Codec<T>::decode(type, as_bytes(bytes), values)) return std::nullopt;
  return values;
}

template <class T>
void survives(const T& values) {
  const std::optional<T> again = decoded<T>(encoded(values));
  BOOST_TEST((again == values));
}

template <class T>
std::string why_refused(const T& values) {
  WriteBuffer out;
  Codec<T>::encode(values, out);
  BOOST_TEST(out.failed());
  return out.why_failed();
}

/// A result of one row and column.
Result result_of(Oid type, std::string_view bytes) {
  auto columns = std::make_shared<Columns>(1);
  columns->front().name = "grid";
  columns->front().type = type;
  WriteBuffer row;
  {
    const ValueLength length(row);
    row.text(bytes);
  }
  RowArena rows;
  rows.append(row.pending());
  return Result(std::move(columns), std::move(rows), Completion());
}

template <class T>
std::string misfit(const Result& result) {
  try {
    (void)result[0].get<T>(0);
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

}  // namespace

template <>
struct pgstride::Codec<Street> : pgstride::CompositeCodec<Street, "street"> {};

BOOST_AUTO_TEST_SUITE(array_dimensions)

static_assert(Codec<Two<int>>::oid == oid::int4_array && Codec<Six>::oid == oid::int4_array);
static_assert(Encodable<Six> && Decodable<Six>);
static_assert(!Encodable<std::vector<Six>> && !Decodable<std::vector<Six>>);  // a seventh dimension
static_assert(!Encodable<std::vector<std::optional<std::vector<int>>>>);      // a part cannot be NULL
static_assert(Encodable<std::optional<Two<int>>> && Decodable<std::optional<Two<int>>>);
static_assert(Codec<Two<std::byte>>::oid == oid::bytea_array &&
              Codec<Three<std::byte>>::oid == oid::bytea_array);
static_assert(Encodable<std::span<const std::vector<int>>> && Encodable<std::vector<std::span<const int>>>);
static_assert(!Decodable<std::span<const int>> && !Decodable<std::vector<std::span<const int>>>);
static_assert(Encodable<std::array<int, 3>> && !Encodable<std::array<char, 3>>);
static_assert(is_view<Two<std::string_view>> && !is_view<Two<std::string>>);
static_assert(Codec<Two<Street>>::element_type_name == "street");
// A row that is a std::array has a column for each element; a member that is one is one column.
static_assert(RowReader<std::array<int, 3>>::size == 3 && RowReader<Matrix>::size == 2);
static_assert(RowReader<std::tuple<std::array<int, 3>>>::size == 1);

BOOST_AUTO_TEST_CASE(lists_in_each_other_survive) {
  survives<Two<int>>({{1, 2, 3}, {4, 5, 6}});
  survives<Two<std::optional<int>>>({{1, std::nullopt}, {std::nullopt, 4}});
  survives<Three<double>>({{{0.5}, {1}}, {{2}, {3}}});
  survives<Two<bool>>({{true, false}});
  survives<Six>({{{{{{1, 2}}}}, {{{{3, 4}}}}}});
  survives<std::array<std::array<int, 2>, 3>>({{{1, 2}, {3, 4}, {5, 6}}});
  survives<std::vector<std::array<int, 2>>>({{1, 2}, {3, 4}});
  survives<std::array<std::vector<int>, 2>>({{{1, 2}, {3, 4}}});
}

BOOST_AUTO_TEST_CASE(all_kinds_of_lists_are_sent_alike) {
  const Two<int> vectors{{1, 2}, {3, 4}};
  const std::string expected = encoded(vectors);
  BOOST_TEST(expected == from_hex("00000002 00000000 00000017 00000002 00000001 00000002 "
                                  "00000001 00000004 00000001 00000004 00000002 00000004 "
                                  "00000003 00000004 00000004"));
  BOOST_TEST(encoded(std::span(vectors)) == expected);
  BOOST_TEST(encoded(std::vector<std::span<const int>>{vectors[0], vectors[1]}) == expected);
  const std::array<std::array<int, 2>, 2> arrays{{{1, 2}, {3, 4}}};
  BOOST_TEST(encoded(arrays) == expected);
  BOOST_TEST(encoded(std::span(arrays)) == expected);
}

BOOST_AUTO_TEST_CASE(an_array_without_elements_has_no_dimensions) {
  const std::string empty = encoded(std::vector<int>());
  BOOST_TEST(encoded(Two<int>()) == empty);
  BOOST_TEST(encoded(Two<int>(3)) == empty);
  BOOST_TEST(encoded(Three<int>{{}, {}}) == empty);
  BOOST_TEST(encoded(Two<std::string>(2)) == "{}");
  BOOST_TEST(encoded(std::array<std::vector<int>, 2>()) == empty);
  BOOST_TEST(decoded<Two<int>>(empty)->empty());
  BOOST_TEST((decoded<std::vector<std::array<int, 2>>>(empty)->empty()));
  BOOST_TEST((decoded<std::array<std::vector<int>, 2>>(empty) == std::array<std::vector<int>, 2>()));
  BOOST_TEST((!decoded<std::array<std::array<int, 2>, 2>>(empty)));
  // A dimension of size 0 is no reason to believe another one's.
  const std::string huge = from_hex("00000002 00000000 00000017 7fffffff 00000001 00000000 00000001");
  BOOST_TEST(decoded<Two<int>>(huge)->empty());
  Two<int> old{{1}};
  BOOST_TEST(Codec<Two<int>>::decode(oid::int4_array, as_bytes(std::string_view(empty)), old));
  BOOST_TEST(old.empty());
}

BOOST_AUTO_TEST_CASE(strings_are_a_literal_of_literals) {
  BOOST_TEST(encoded(Two<std::string>{{"a", "b,c"}, {"{}", "\""}}) == R"({{"a","b,c"},{"{}","\""}})");
  BOOST_TEST(encoded(Three<std::optional<std::string>>{{{"x"}}, {{std::nullopt}}}) ==
             R"({{{"x"}},{{NULL}}})");
  const Two<std::string> texts{{"a", ""}, {"b", "c"}};
  WriteBuffer out;
  encode_binary_body(texts, oid::text_array, out);
  BOOST_TEST((decoded<Two<std::string>>(as_text(out.pending()), oid::text_array) == texts));
}

BOOST_AUTO_TEST_CASE(lists_of_different_lengths_are_refused) {
  const std::string why = "the lists in it are not equally long";
  BOOST_TEST(why_refused(Two<int>{{1, 2}, {3}}) == why);
  BOOST_TEST(why_refused(Two<int>{{}, {3}}) == why);
  BOOST_TEST(why_refused(Three<int>{{}, {{3}}}) == why);
  BOOST_TEST(why_refused(Three<int>{{{1}, {2}}, {{3}, {4, 5}}}) == why);
  BOOST_TEST(why_refused(Two<std::string>{{"a"}, {}}) == why);
}

BOOST_AUTO_TEST_CASE(named_elements_are_declared_in_all_dimensions) {
  TypeNames types;
  types.add("street", {0x11170, 0x11171, {oid::text}});
  WriteBuffer out;
  out.set_types(&types);
  Codec<Two<Street>>::encode({{Street{"a"}}, {Street{"b"}}}, out);
  const std::string_view number("\0\x01\x11\x70", 4);
  BOOST_TEST(as_text(out.pending()).find(number) == 8U);
  BOOST_TEST((Codec<Two<Street>>::binary_oid(out) == 0x11171U));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_says_why) {
  const std::string column = "column \"grid\" (int4[]) holds an array ";
  const Result two = result_of(oid::int4_array, encoded(Two<int>{{1, 2}, {3, 4}, {5, 6}}));
  const Result one = result_of(oid::int4_array, encoded(std::vector{1, 2}));
  const Result none = result_of(oid::int4_array, encoded(std::vector<int>()));
  const Result null = result_of(oid::int4_array, encoded(std::vector<std::optional<int>>{1, std::nullopt}));
  using Vector = std::vector<int>;
  const std::string vector(cpp_name<Vector>);
  const std::string vectors(cpp_name<Two<int>>);
  BOOST_TEST(misfit<Vector>(two) ==
             column + "of 2 dimensions, and " + vector + " has 1; nest one std::vector for each dimension");
  BOOST_TEST(misfit<Two<int>>(one) ==
             column + "of 1 dimension, and " + vectors + " has 2; nest one std::vector for each dimension");
  BOOST_TEST(misfit<Vector>(null) == column + "with a NULL in it, for which " + vector +
                                         " has no room; make its elements std::optional");
  using Square = std::array<std::array<int, 2>, 2>;
  const std::string not_of_that_size =
      " elements, and " + std::string(cpp_name<Square>) + " is not of that size; read it into std::vector";
  BOOST_TEST(misfit<Square>(two) == column + "of 3 by 2" + not_of_that_size);
  BOOST_TEST(misfit<Square>(none) == column + "of 0" + not_of_that_size);
  BOOST_TEST(misfit<std::optional<Vector>>(two).find("of 2 dimensions") != std::string::npos);
  BOOST_TEST(misfit<Vector>(result_of(oid::int4_array, "broken")) ==
             "column \"grid\" (int4[]) holds a value that does not fit into " + vector);
  BOOST_TEST((two[0].get<Two<int>>(0)[2] == Vector{5, 6}));
}

BOOST_AUTO_TEST_CASE(members_that_are_arrays_are_told_as_well) {
  using Pair = std::tuple<std::array<double, 2>>;
  const Result two = result_of(oid::float8_array, encoded(std::vector{0.5, 1.5}));
  RowReader<Pair> reader;
  reader.bind(two.columns());
  WriteBuffer row;
  encode_value(std::vector{0.5, 1.5}, row);
  BOOST_TEST((reader.read(row.pending()) == Pair({0.5, 1.5})));
  std::string what;
  try {
    WriteBuffer shorter;
    encode_value(std::vector{0.5}, shorter);
    (void)reader.read(shorter.pending());
  } catch (const Error& e) {
    what = e.what();
  }
  BOOST_TEST(what.starts_with("column \"grid\" (float8[]) holds an array of 1 elements, and std::array<"),
             what);
}

BOOST_AUTO_TEST_SUITE_END()
