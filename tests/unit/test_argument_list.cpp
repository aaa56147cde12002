// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/argument_list.hpp"
#include "pgstride/driver/exception.hpp"
#include "pgstride/driver/stored_arguments.hpp"
#include "pgstride/protocol/codec/enumeration.hpp"
#include "pgstride/protocol/codec/named.hpp"
#include "pgstride/protocol/codec/scalar.hpp"
#include "pgstride/protocol/codec/text.hpp"

#include "tests/support/failing_allocations.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

struct Street {
  std::string name;
  int number = 0;
};
enum class Mood { sad, happy };
struct Unlucky {};

std::string written(const Arguments& arguments, const TypeNames* types = nullptr) {
  WriteBuffer out;
  out.set_types(types);
  BOOST_TEST(arguments.write(out) == arguments.size());
  BOOST_TEST(!out.failed());
  return std::string(as_text(out.pending()));
}

template <class Body>
std::string error_of(Body&& body) {
  try {
    body();
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

}  // namespace

template <>
struct pgstride::Codec<Street> : pgstride::CompositeCodec<Street, "street"> {};
template <>
struct pgstride::Codec<Mood> : pgstride::EnumCodec<Mood, "mood"> {};
template <>
struct pgstride::Codec<Unlucky> : pgstride::BinaryType<pgstride::oid::int4> {
  static void encode(const Unlucky&, WriteBuffer& out) {
    out.i32(7);
    throw std::runtime_error("unlucky");
  }
};

BOOST_AUTO_TEST_SUITE(argument_list)

static_assert(Argument<ArgumentList> && Argument<int> && !Encodable<ArgumentList> && !Argument<void*>);
static_assert(!std::copy_constructible<ArgumentList> && std::is_nothrow_move_constructible_v<ArgumentList>);

BOOST_AUTO_TEST_CASE(what_was_added_is_what_a_pack_is) {
  const std::string text = "seven";
  const std::vector<int> numbers{1, 2};
  const std::optional<double> none;
  const Street street{"Rue X", 5};
  const std::vector<Street> streets{street, street};
  const Mood mood = Mood::happy;
  const int seven = 7;
  TypeNames types;
  types.add("street", {0x11170, 0x11171, {oid::varchar, oid::int4}});
  types.add("mood", {0x11180, 0x11181, {}});

  ArgumentList list;
  BOOST_TEST(list.add(seven) == "$1");
  BOOST_TEST(list.add(street, text, std::span(streets)) == "$2, $3, $4");
  BOOST_TEST(list.add(none, std::nullopt, nullptr, "seven", numbers, mood, std::optional<Street>()) ==
             "$5, $6, $7, $8, $9, $10, $11");
  const std::nullptr_t null = nullptr;
  const std::optional<Street> no_street;
  const ArgumentsOf pack(seven, street, text, streets, none, std::nullopt, null, "seven", numbers, mood,
                         no_street);
  const ArgumentsOf arguments(list);
  BOOST_REQUIRE(arguments.size() == pack.size());
  for (std::size_t i = 0; i < pack.size(); ++i) {
    BOOST_TEST(arguments.types().oid(i, types) == pack.types().oid(i, types));
    BOOST_TEST((arguments.types().parameters[i].format == pack.types().parameters[i].format));
    if (i != 3) BOOST_TEST(arguments.types().parameters[i].cpp_type == pack.types().parameters[i].cpp_type);
  }
  BOOST_TEST(arguments.types().any_named);
  BOOST_TEST(written(arguments, &types) == written(pack, &types));
  BOOST_TEST(written(arguments) == written(pack));  // and again, by who knows no types
  BOOST_TEST(written(arguments, &types) != written(pack));
}

BOOST_AUTO_TEST_CASE(nothing_of_the_callers_is_held_on_to) {
  ArgumentList list;
  std::string expected;
  {
    const std::string text(100, 'x');
    const std::string_view view = text;
    const std::vector<Street> streets{Street{text, 1}};
    const auto all = std::span(streets);
    list.add(view, text.c_str(), all);
    const ArgumentsOf pack(view, view, streets);
    expected = written(pack);
  }
  BOOST_TEST(written(ArgumentsOf(list)) == expected);
}

BOOST_AUTO_TEST_CASE(a_list_is_moved) {
  ArgumentList list;
  BOOST_TEST(list.empty());
  BOOST_TEST(written(ArgumentsOf(list)).empty());
  list.add(1, "two");
  const std::string expected = written(ArgumentsOf(list));
  ArgumentList moved = std::move(list);
  BOOST_TEST(written(ArgumentsOf(moved)) == expected);
  BOOST_TEST(list.empty());
  BOOST_TEST(list.add(5) == "$1");
  list = std::move(moved);
  BOOST_TEST(list.add(5) == "$3");
}

BOOST_AUTO_TEST_CASE(what_is_stored_of_a_list_does_not_follow_it) {
  TypeNames types;
  types.add("street", {0x11170, 0x11171, {oid::varchar, oid::int4}});
  std::unique_ptr<StoredArguments> stored;
  std::string expected;
  {
    ArgumentList list;
    list.add(1, Street{"a", 2});
    stored = std::make_unique<StoredArguments>(ArgumentsOf(list), &types);
    expected = written(ArgumentsOf(list), &types);
    for (int i = 0; i < 1000; ++i) list.add("more");
  }
  BOOST_TEST(stored->size() == 2U);
  BOOST_TEST(stored->types().oids[0] == oid::int4);
  BOOST_TEST(stored->types().oid(1, types) == 0x11170U);
  BOOST_TEST(written(*stored) == expected);
}

BOOST_AUTO_TEST_CASE(a_value_that_can_not_be_sent_is_refused_when_it_is_added) {
  ArgumentList list;
  list.add(1);
  const std::string before = written(ArgumentsOf(list));
  const auto huge = static_cast<std::size_t>(-1);
  BOOST_TEST(error_of([&] { list.add(2, huge); }) == "invalid argument: parameter $3: this " +
                                                         std::string(cpp_name<std::size_t>) +
                                                         " cannot be sent as int8");
  using Numbers = std::vector<std::vector<int>>;
  const Numbers ragged{{1}, {2, 3}};
  BOOST_TEST(error_of([&] { list.add(ragged); }) ==
             "invalid argument: parameter $2: this " + std::string(cpp_name<Numbers>) +
                 " cannot be sent as int4[]: the lists in it are not equally long");
  BOOST_TEST(
      error_of([&] { list.add(static_cast<Mood>(7)); }).starts_with("invalid argument: parameter $2: this "));
  BOOST_CHECK_THROW(list.add(2, Street{"a", 2}, Unlucky()), std::runtime_error);
  BOOST_TEST(list.size() == 1U);
  BOOST_TEST(!ArgumentsOf(list).types().any_named);
  BOOST_TEST(written(ArgumentsOf(list)) == before);
  BOOST_TEST(list.add("good") == "$2");
}

BOOST_AUTO_TEST_CASE(what_is_encoded_when_it_is_sent_fails_then) {
  ArgumentList list;
  const std::vector<std::vector<Street>> ragged{{Street{"a", 1}}, {}};
  list.add(1, ragged, 2);
  WriteBuffer out;
  BOOST_TEST(ArgumentsOf(list).write(out) == 1U);
  BOOST_TEST(out.failed());
  WriteBuffer stored;
  BOOST_TEST(StoredArguments(ArgumentsOf(list), nullptr).write(stored) == 1U);
  BOOST_TEST(std::string_view(stored.why_failed()) == "the lists in it are not equally long");
}

BOOST_AUTO_TEST_CASE(as_many_as_the_protocol_counts) {
  ArgumentList list;
  for (std::size_t i = 0; i + 1 < most_arguments; ++i) list.add(i);
  BOOST_TEST(error_of([&] { list.add(1, 2); }) ==
             "a query takes 65535 arguments at most, and 65536 would be in the list");
  BOOST_TEST(list.add(1) == "$65535");
  BOOST_TEST(error_of([&] { list.add(1); }) ==
             "a query takes 65535 arguments at most, and 65536 would be in the list");
  BOOST_TEST(list.size() == most_arguments);
}

BOOST_AUTO_TEST_CASE(memory_that_runs_out_leaves_the_list_as_it_was) {
  ArgumentList list;
  list.add(1, Street{"a", 2});
  const std::string before = written(ArgumentsOf(list));
  const std::string text(10'000, 'x');
  const Street street{text, 1};
  int failed = 0;
  for (int nth = 1; nth < 100; ++nth) {
    OneFails one(nth);
    if (one.attempt([&] { list.add(street, text, text); })) break;
    ++failed;
    BOOST_REQUIRE(list.size() == 2U);
    BOOST_REQUIRE(written(ArgumentsOf(list)) == before);
  }
  BOOST_TEST(failed > 2);
  BOOST_TEST(list.size() == 5U);
}

BOOST_AUTO_TEST_SUITE_END()
