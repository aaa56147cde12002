// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/exception.hpp"
#include "pgstride/driver/result.hpp"
#include "pgstride/driver/typed_query.hpp"
#include "pgstride/protocol/codec/scalar.hpp"
#include "pgstride/protocol/codec/text.hpp"

#include "tests/support/backend_writer.hpp"

using namespace pgstride;

static_assert(std::ranges::random_access_range<const Result&>);
static_assert(std::ranges::sized_range<const Result&>);

template <class R>
concept GivesRows = requires(R&& result) { std::forward<R>(result).begin(); } || requires(R&& result) {
  std::forward<R>(result)[0];
} || requires(R&& result) { std::forward<R>(result).front(); };
static_assert(GivesRows<const Result&>);
static_assert(!GivesRows<Result>, "rows of a Result that is about to go would dangle");

namespace {

/// An int4 that counts how often any has been moved.
struct Moving {
  Moving() = default;
  Moving(Moving&& other) noexcept : value(other.value) { ++moves; }
  static inline int moves = 0;
  int value = 0;
};

}  // namespace

template <>
struct pgstride::Codec<Moving> : pgstride::BinaryType<pgstride::oid::int4> {
  static bool decode(Oid type, Bytes bytes, Moving& moving) {
    return Codec<int>::decode(type, bytes, moving.value);
  }
};

namespace {

Column column(std::string name, Oid type) {
  Column made;
  made.name = std::move(name);
  made.type = type;
  return made;
}

std::shared_ptr<const Columns> id_and_name() {
  return std::make_shared<const Columns>(Columns{column("id", oid::int4), column("name", oid::text)});
}

/// The values of a DataRow, without their count.
std::string values(std::int32_t id, std::optional<std::string_view> name) {
  WriteBuffer out;
  encode_value(id, out);
  encode_value(name, out);
  return std::string(as_text(out.pending()));
}

Result people() {
  RowArena rows;
  rows.append(as_bytes(values(1, "Ada")));
  rows.append(as_bytes(values(2, std::nullopt)));
  rows.append(as_bytes(values(3, "Grace")));
  Completion completion;
  completion.add(CommandTag("SELECT 3"));
  return Result(id_and_name(), std::move(rows), std::move(completion));
}

template <class Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(result)

BOOST_AUTO_TEST_CASE(arena_keeps_what_it_was_given) {
  RowArena arena;
  std::vector<std::string> rows;
  for (std::size_t i = 0; i < 1000; ++i) rows.emplace_back((i * 37) % 211, static_cast<char>('a' + i % 26));
  for (const auto& row : rows) arena.append(as_bytes(row));
  BOOST_REQUIRE(arena.size() == rows.size());
  const RowArena moved = std::move(arena);
  for (std::size_t i = 0; i < rows.size(); ++i) BOOST_TEST(as_text(moved[i]) == rows[i]);
}

BOOST_AUTO_TEST_CASE(what_is_in_an_arena_stays_where_it_is) {
  RowArena arena;
  std::vector<Bytes> views;
  for (int i = 0; i < 1000; ++i) {
    arena.append(as_bytes(std::string(100, 'a')));
    views.push_back(arena[arena.size() - 1]);
  }
  const RowArena moved = std::move(arena);
  for (std::size_t i = 0; i < views.size(); ++i) BOOST_REQUIRE(moved[i].data() == views[i].data());
  BOOST_TEST(arena.size() == 0U);  // NOLINT: what is left of it
  arena.append(as_bytes(std::string_view("new")));
  BOOST_TEST(as_text(arena[0]) == "new");
}

BOOST_AUTO_TEST_CASE(arena_takes_one_row_that_is_larger_than_all) {
  RowArena arena;
  const std::string small = "x";
  const std::string large(100'000, 'y');
  arena.append(as_bytes(small));
  arena.append(as_bytes(large));
  arena.append(as_bytes(std::string_view()));
  arena.append(as_bytes(small));
  BOOST_TEST(as_text(arena[0]) == small);
  BOOST_TEST((as_text(arena[1]) == large));
  BOOST_TEST(arena[2].empty());
  BOOST_TEST(as_text(arena[3]) == small);
  arena.clear();
  BOOST_TEST(arena.size() == 0U);
  arena.append(as_bytes(large));
  BOOST_TEST((as_text(arena[0]) == large));
}

BOOST_AUTO_TEST_CASE(rows_by_position_name_and_tuple) {
  const Result result = people();
  BOOST_TEST(result.size() == 3U);
  BOOST_TEST(result[0].get<int>(0) == 1);
  BOOST_TEST(result[0].get<std::string_view>("name") == "Ada");
  BOOST_TEST(result[0].get<std::int64_t>("id") == 1);
  BOOST_TEST(result[1].is_null("name"));
  BOOST_TEST(!result[1].is_null(0));
  BOOST_TEST(!result[1].get<std::optional<std::string>>(1));
  BOOST_TEST((result[2].as<int, std::string>() == std::tuple(3, std::string("Grace"))));
  BOOST_TEST(result.value<int>() == 1);
  BOOST_TEST(people().value<int>() == 1);
}

BOOST_AUTO_TEST_CASE(columns_in_any_order) {
  const Result result = people();
  const Row row = result[2];
  BOOST_TEST(row.get<std::string>(1) == "Grace");
  BOOST_TEST(row.get<int>(0) == 3);
  BOOST_TEST(row.get<int>(0) == 3);
  BOOST_TEST(row.get<std::string>(1) == "Grace");
  BOOST_TEST(row.get<std::string>(1) == "Grace");
}

BOOST_AUTO_TEST_CASE(iterates) {
  const Result result = people();
  int sum = 0;
  for (const Row row : result) sum += row.get<int>(0);
  BOOST_TEST(sum == 6);
  BOOST_TEST((result.end() - result.begin()) == 3);
  BOOST_TEST((*std::ranges::next(result.begin(), 2)).get<int>(0) == 3);
  BOOST_TEST(result.begin()[1].get<int>(0) == 2);
}

BOOST_AUTO_TEST_CASE(rows_survive_a_move_of_the_result) {
  Result result = people();
  const Row row = result[0];
  const Result moved = std::move(result);
  BOOST_TEST(row.get<std::string_view>(1) == "Ada");
  BOOST_TEST(moved.size() == 3U);
}

BOOST_AUTO_TEST_CASE(mistakes_name_column_and_types) {
  const Result result = people();
  BOOST_TEST(error_of([&] { result[0].get<bool>(0); }) ==
             "column \"id\" is int4, which cannot be read into bool");
  BOOST_TEST(error_of([&] { result[0].get<float>("id"); }) ==
             "column \"id\" is int4, which cannot be read into float");
  BOOST_TEST(error_of([&] { result[1].get<std::string>(1); }) ==
             "column \"name\" (text) is NULL, for which std::string has no room; read it into std::optional");
  BOOST_TEST(error_of([&] { result[0].get<int>(2); }) ==
             "the result has 2 columns, and column 2 (counted from 0) was asked for");
  BOOST_TEST(error_of([&] { result[0].get<int>("nmae"); }) == "the result has no column \"nmae\"");
  BOOST_TEST(error_of([&] { result[0].as<int>(); }) == "the result has 2 columns, and 1 types were named");
  BOOST_TEST(error_of([&] { Result().value<int>(); }) == "the query returned no row");
}

BOOST_AUTO_TEST_CASE(a_malformed_value_is_an_error) {
  RowArena rows;
  rows.append(as_bytes(std::string_view("\0\0\0\2\0\1\0\0\0\1x", 11)));  // an int4 of two bytes
  const Result result(id_and_name(), std::move(rows), Completion());
  BOOST_TEST(error_of([&] { result[0].get<int>(0); }) ==
             "column \"id\" (int4) holds a value that does not fit into int");
}

BOOST_AUTO_TEST_CASE(objects_are_seldom_moved_while_they_gather) {
  const Columns columns{column("x", oid::int4)};
  RowReader<Moving> reader;
  reader.bind(columns);
  WriteBuffer row;
  encode_value(std::int32_t{1}, row);
  AllRows<Moving> all;
  for (int i = 0; i < 4096; ++i) all.add(reader, row.pending());
  BOOST_TEST(Moving::moves < 2000);
  BOOST_TEST(all.take({}).size() == 4096U);
}

BOOST_AUTO_TEST_CASE(completion_of_one_command_and_of_many) {
  Completion none;
  BOOST_TEST(none.tag() == "");
  BOOST_TEST(none.affected_rows() == -1);
  Completion many;
  for (const char* tag : {"CREATE TABLE", "INSERT 0 5", "DELETE 2"}) many.add(CommandTag(tag));
  BOOST_TEST(many.tag() == "DELETE 2");
  BOOST_TEST(many.command() == "DELETE");
  BOOST_TEST(many.affected_rows() == 2);
  BOOST_TEST((many.earlier_tags() == std::vector<std::string>{"CREATE TABLE", "INSERT 0 5"}));
  BOOST_TEST(people().tag() == "SELECT 3");
}

BOOST_AUTO_TEST_CASE(no_more_remarks_are_kept_than_anybody_reads) {  // R-M4
  const Notice notice = ServerError::parse(as_bytes(test::notice_response("hello").substr(5)));
  Completion completion;
  for (int i = 0; i < 2000; ++i) completion.add(notice);
  BOOST_TEST(completion.notices().size() == 1024u);
}

BOOST_AUTO_TEST_SUITE_END()
