// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/coro/task.hpp"
#include "pgstride/driver/exception.hpp"
#include "pgstride/driver/row_type.hpp"
#include "pgstride/protocol/codec/enumeration.hpp"
#include "pgstride/protocol/codec/named.hpp"
#include "pgstride/protocol/codec/range_value.hpp"
#include "pgstride/protocol/codec/scalar.hpp"
#include "pgstride/protocol/codec/time.hpp"
#include "pgstride/protocol/codec/uuid.hpp"
#include "pgstride/protocol/reflect.hpp"

using namespace pgstride;

// A user's functions, which take anything and are called like some of reflect.hpp and row_type.hpp.
namespace greedy {

struct Spot {
  int x = 0;
};
struct Row {
  int id = 0;
  Spot spot;
};
template <auto I, class T>
void get(T&&);
void refer_to(auto&&...);
void members(auto&&...);
void elements(auto&&...);
void parts(auto&&...);

static_assert(reflect::member_names<Row>[1] == "spot");

}  // namespace greedy

namespace {

struct Many {
  int id;
  std::optional<std::string> Name_2;
  std::vector<int> list;
  Uuid uuid;
  bool last;
};
enum class Mood { sad, ok = 5, happy };
struct Spot {
  int x = 0;
  std::optional<std::string> name;
  friend bool operator==(const Spot&, const Spot&) = default;
};
struct Two {
  int a = 0;
  std::string b;
};

static_assert(reflect::member_count<Many> == 5);
static_assert(reflect::member_names<Many>[1] == "Name_2");
static_assert(reflect::member_names<Many>[4] == "last");
static_assert(reflect::enumerator_name<Mood, Mood::ok>() == "ok");
static_assert(reflect::enumerator_name<Mood, static_cast<Mood>(3)>().empty());
struct Größe {
  int größe = 0;
};
enum class Farbe { grün, weiß };
struct Nullable {
  std::optional<std::string> text;
  friend bool operator==(const Nullable&, const Nullable&) = default;
};

static_assert(reflect::member_names<Größe>[0] == "größe");
static_assert(reflect::enumerator_name<Farbe, Farbe::weiß>() == "weiß");
static_assert(detail::has_view<std::tuple<int, std::optional<std::string_view>>>());
static_assert(detail::has_view<std::vector<Bytes>>());
static_assert(!detail::has_view<Many>());

}  // namespace

template <>
struct pgstride::Codec<Mood> : pgstride::EnumCodec<Mood, "mood"> {};
template <>
struct pgstride::Codec<Spot> : pgstride::CompositeCodec<Spot, "spot"> {};
template <>
struct pgstride::Codec<Nullable> : pgstride::DomainCodec<Nullable, "nullable"> {};

namespace {

template <class T>
bool survives(const T& value, Oid type, const TypeNames* types = nullptr) {
  WriteBuffer out;
  out.set_types(types);
  Codec<T>::encode(value, out);
  if (out.take_failure()) return false;
  T back{};
  return Codec<T>::decode(type, out.pending(), back) && back == value;
}

Columns columns(std::initializer_list<std::pair<const char*, Oid>> all) {
  Columns made;
  for (const auto& [name, type] : all) {
    Column column;
    column.name = name;
    column.type = type;
    made.push_back(column);
  }
  return made;
}

std::string bind_error(const Columns& columns) {
  RowReader<Two> reader;
  try {
    reader.bind(columns);
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reflection)

BOOST_AUTO_TEST_CASE(members_are_references) {
  Many many{};
  reflect::get<0>(reflect::members(many)) = 5;
  reflect::get<1>(reflect::members(many)) = "x";
  BOOST_TEST(many.id == 5);
  BOOST_TEST(many.Name_2.value() == "x");
}

BOOST_AUTO_TEST_CASE(enums) {
  BOOST_TEST(EnumLabels<Mood>::value.size() == 3U);
  for (const Mood mood : {Mood::sad, Mood::ok, Mood::happy}) BOOST_TEST(survives(mood, 20'000));
  BOOST_TEST(!survives(static_cast<Mood>(1), 20'000));
  Mood read{};
  BOOST_TEST(!Codec<Mood>::decode(20'000, as_bytes("furious"), read));
}

BOOST_AUTO_TEST_CASE(composites) {
  const Spot spot{7, "here"}, nameless{7, std::nullopt};
  BOOST_TEST(survives(spot, 20'000));
  BOOST_TEST(survives(nameless, 20'000));
  Spot read;
  WriteBuffer out;
  Codec<Spot>::encode(spot, out);
  for (std::size_t size = 0; size < out.pending().size(); ++size)
    BOOST_TEST(!Codec<Spot>::decode(20'000, out.pending().first(size), read));

  // Arrays name their element type, by 0 until it is known.
  const auto named_element = [&](const TypeNames* types) {
    WriteBuffer array;
    array.set_types(types);
    Codec<std::vector<Spot>>::encode({spot}, array);
    ArrayView view;
    return view.parse(array.pending()) ? view.element_type() : oid::unknown;
  };
  BOOST_TEST(named_element(nullptr) == 0U);
  TypeNames types;
  BOOST_TEST(named_element(&types) == 0U);
  types.add("spot", {20'000, 20'001, {oid::int4, oid::varchar}});
  const std::vector<Spot> spots{spot, nameless};
  BOOST_TEST(named_element(&types) == 20'000U);
  BOOST_TEST(survives(spots, 20'001, &types));
}

BOOST_AUTO_TEST_CASE(domains_of_what_can_be_null) {
  const auto sent = [](const auto& value) {
    WriteBuffer out;
    encode_value(value, out);
    encode_binary_value(value, oid::text, out);
    return std::string(as_text(out.pending()));
  };
  const std::string null(8, '\xff');
  BOOST_TEST(sent(Nullable()) == null);
  BOOST_TEST(sent(std::optional<Nullable>()) == null);
  BOOST_TEST(sent(std::optional(Nullable())) == null);
  BOOST_TEST(sent(Nullable{"x"}) == std::string("\0\0\0\1x\0\0\0\1x", 10));
  Nullable read{"x"};
  BOOST_TEST(decode_value(20'000, Field(), read));
  BOOST_TEST((read == Nullable()));
}

BOOST_AUTO_TEST_CASE(ranges) {
  static_assert(Codec<Range<int>>::oid == oid::int4range);
  static_assert(Codec<Multirange<std::int64_t>>::oid == oid::int8multirange);
  static_assert(Codec<Range<double>>::oid == oid::unspecified);
  const Range<int> closed(1, 5), below(std::nullopt, 5), all(std::nullopt, std::nullopt);
  for (const Range<int>& range : {closed, below, all, Range<int>::make_empty()})
    BOOST_TEST(survives(range, oid::int4range));
  BOOST_TEST(survives(Multirange<int>({closed, below}), oid::int4multirange));
  BOOST_TEST(survives(Range<std::string>("a", "b"), 20'000));
  Range<int> read;
  BOOST_TEST(!Codec<Range<int>>::decode(oid::int4range, as_bytes(std::string_view("\x20", 1)), read));
}

// g++ says in which frame, and has said all when the template is instantiated at the end of the file.
template <class T>
std::string name_of() {
  return std::string(cpp_name<T>);
}
BOOST_AUTO_TEST_CASE(what_a_coroutine_declares_has_its_own_name) {
  std::string name, names;
  const auto coroutine = [&]() -> Task<> {
    struct Row {};
    struct Key {
      struct Part {};
    };
    name = name_of<Row>();
    names = name_of<std::tuple<int, Row, Key::Part>>();
    co_return;
  };
  Task<> task = coroutine();
  task.start();
  BOOST_TEST(name == "Row");
  BOOST_TEST(names == "std::tuple<int, Row, Key::Part>");
}
BOOST_AUTO_TEST_CASE(ours_has_the_name_that_users_write) {
  BOOST_TEST(cpp_name<Range<int>> == "pgstride::Range<int>");
  BOOST_TEST(cpp_name<std::optional<Interval>> == "std::optional<pgstride::Interval>");
}

BOOST_AUTO_TEST_CASE(columns_find_their_members) {
  BOOST_TEST(bind_error(columns({{"a", oid::int4}, {"b", oid::text}})) == "");
  BOOST_TEST(bind_error(columns({{"b", oid::text}, {"a", oid::int4}})) == "");
  BOOST_TEST(bind_error(columns({{"b", oid::int4}, {"c", oid::int4}}))
                 .ends_with("Two: there is no column \"a\"; column \"b\" is int4, which cannot be read into "
                            "std::string; no member "
                            "takes column \"c\""));
  RowReader<std::array<int, 2>>().bind(columns({{"a", oid::int4}, {"b", oid::int4}}));
  BOOST_TEST(bind_error({}).ends_with("there is no column \"a\"; there is no column \"b\""));
}

BOOST_AUTO_TEST_SUITE_END()
