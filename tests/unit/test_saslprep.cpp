// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/saslprep.hpp"
#include "pgstride/protocol/saslprep_table.hpp"

using namespace pgstride;

namespace {

std::string prepared(std::string_view password) { return std::string(saslprep(Secret(password)).reveal()); }

struct Pair {
  std::string_view password, expected;
};

void check(std::initializer_list<Pair> pairs) {
  for (const auto& [password, expected] : pairs) BOOST_TEST(prepared(password) == expected);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(saslprep_profile)

BOOST_AUTO_TEST_CASE(rfc_4013_section_3) {
  check({{"I\u00ADX", "IX"}, {"user", "user"}, {"USER", "USER"}, {"\u00AA", "a"}, {"\u2168", "IX"}});
  check({{"\u0007", "\u0007"}});    // prohibited, but PostgreSQL does not look at ASCII
  check({{"\u06271", "\u06271"}});  // right-to-left, but does not end so
}

BOOST_AUTO_TEST_CASE(ascii_is_left_alone) {
  std::string all;
  for (int c = 1; c < 128; ++c) all.push_back(static_cast<char>(c));
  BOOST_TEST(prepared(all) == all);
  BOOST_TEST(prepared("") == "");
}

BOOST_AUTO_TEST_CASE(mapping) {
  check({{"a\u00A0b\u3000c\u2003d\u1680e", "a b c d e"}});
  check({{"a\u200Bb", "a b"}});  // in both lists; PostgreSQL takes it as a space
  check({{"\u034Fa\u1806\uFE00\u2060\uFEFF", "a"}});
  check({{"\u00AD\u200D", "\u00AD\u200D"}});       // nothing would be left
  check({{"a\u00A0\U00010400", "a \U00010400"}});  // letters of four bytes
}

BOOST_AUTO_TEST_CASE(normalization) {
  check({{"cafe\u0301", "caf\u00E9"}, {"\u212B", "\u00C5"}, {"\uFB01", "fi"}, {"\u2460", "1"}});
  check({{"q\u0307\u0323", "q\u0323\u0307"}});             // marks in canonical order
  check({{"d\u0307\u0323", "\u1E0D\u0307"}});              // and composed after that
  check({{"a\u0328\u0301\u0301", "\u0105\u0301\u0301"}});  // the second mark is blocked
  check({{"a\u0301\u0328", "\u0105\u0301"}});              // the first of the order wins
  check({{"\u0958", "\u0915\u093C"}});                     // excluded from composition
  check({{"\u1112\u1161\u11AB", "\uD55C"}, {"\uD55C", "\uD55C"}, {"\uD558\u11AB", "\uD55C"}});
  check({{"a\u0331\u0301", "\u00E1\u0331"}});   // a mark of another class between does not block
  check({{"a\u030D\u0301", "a\u030D\u0301"}});  // one of the same class does
  check({{"\u05D0\u05B1\u05B0\u05D0", "\u05D0\u05B0\u05B1\u05D0"}});  // neighbouring classes
  check({{"\u0344", "\u0308\u0301"}, {"\u1FED", " \u0308\u0300"}});
  check({{"\u09C7x\u09BE", "\u09C7x\u09BE"}, {"\u09C7\u09BE", "\u09CB"}});
  check({{"\U0001D400\U0002F800", "A\u4E3D"}, {"\U0002F868", "\u36FC"}});
}

BOOST_AUTO_TEST_CASE(longest_decomposition) {
  const std::string one =
      "\u0635\u0644\u0649 \u0627\u0644\u0644\u0647 \u0639\u0644\u064A\u0647 \u0648\u0633\u0644\u0645";
  BOOST_TEST(prepared("\uFDFA") == one);
  std::string many, expected;
  for (int i = 0; i < 3000; ++i) {
    many += "\uFDFA";
    expected += one;
  }
  BOOST_TEST(prepared(many) == expected);
}

BOOST_AUTO_TEST_CASE(prohibited_characters_keep_a_password_raw) {
  for (const std::string_view bad :
       {"\x01",       "\x7F",       "\u0080",     "\u06DD",     "\u070F",     "\u180E",
        "\u2028",     "\uE000",     "\U000F0000", "\U0010FFFD", "\uFDD0",     "\uFFFE",
        "\U0001FFFF", "\uFFF9",     "\uFFFD",     "\u2FF0",     "\u0340",     "\u200E",
        "\u202A",     "\U000E0001", "\U000E0041", "\u0221",     "\U0001F600", "\U000E0080"})
    BOOST_TEST(prepared(std::string("\u00AA").append(bad)) == std::string("\u00AA").append(bad));
}

BOOST_AUTO_TEST_CASE(both_directions_in_one_password_keep_it_raw) {
  check({{"\u0627\uFEFB\u0628", "\u0627\u0644\u0627\u0628"}});
  check({{"\u06271\uFEFB", "\u06271\u0644\u0627"}});
  for (const std::string_view bad : {"\u0627\u00AA\u0628", "1\uFEFB", "\uFEFB1", "\uFEFB\u0308", "\u05D0a"})
    check({{bad, bad}});
}

BOOST_AUTO_TEST_CASE(what_is_not_utf8_stays_raw) {
  for (const std::string_view bad : {"\x80",
                                     "\xBF",
                                     "\xC0\x80",
                                     "\xC1\xBF",
                                     "\xC2",
                                     "\xC2\x20",
                                     "\xE0\x80\x80",
                                     "\xE0\x82\xAA",
                                     "\xF0\x80\x82\xAA",
                                     "\xE0\x9F\xBF",
                                     "\xE2\x85",
                                     "\xED\xA0\x80",
                                     "\xED\xBF\xBF",
                                     "\xF0\x80\x80\x80",
                                     "\xF0\x8F\xBF\xBF",
                                     "\xF0\x9D\x90",
                                     "\xF4\x90\x80\x80",
                                     "\xF5\x80\x80\x80",
                                     "\xF8\x88\x80\x80\x80",
                                     "\xFE",
                                     "\xFF"}) {
    const std::string password = std::string("\u00AA").append(bad);
    BOOST_TEST(prepared(password) == password);
    BOOST_TEST(prepared(password + "\u00AA") == password + "\u00AA");
  }
}

// The lookups rely on it.
BOOST_AUTO_TEST_CASE(tables_are_sorted_and_in_bounds) {
  using namespace saslprep_table;
  BOOST_TEST(treatments.front().first == 0U);
  BOOST_TEST(combining_classes.front().first == 0U);
  for (std::size_t i = 1; i < treatments.size(); ++i)
    BOOST_TEST(treatments[i - 1].first < treatments[i].first);
  for (std::size_t i = 1; i < combining_classes.size(); ++i)
    BOOST_TEST(combining_classes[i - 1].first < combining_classes[i].first);
  for (std::size_t i = 0; i < decompositions.size(); ++i) {
    const auto& run = decompositions[i];
    BOOST_TEST(run.offset + run.count * run.length <= static_cast<int>(decomposed.size()));
    if (i > 0) BOOST_TEST(decompositions[i - 1].first + decompositions[i - 1].count <= run.first);
  }
  for (std::size_t i = 1; i < compositions.size(); ++i) {
    const auto &before = compositions[i - 1], &here = compositions[i];
    BOOST_TEST((std::pair(before.first, before.second) < std::pair(here.first, here.second)));
  }
}

BOOST_AUTO_TEST_SUITE_END()
