// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/codec/numeric.hpp"

#include "tests/support/golden_values.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

/// Text to the wire and back to text; "refused" when it is not written.
std::string normalised(std::string_view text) {
  const auto number = Numeric::from_text(text);
  return number ? number->text() : "refused";
}

std::string shown(std::string_view hex) {
  const std::string bytes = from_hex(hex);
  NumericView view;
  return parse_numeric(as_bytes(bytes), view) ? to_string(view) : "refused";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(codec_numeric)

BOOST_AUTO_TEST_CASE(spellings) {
  const std::pair<const char*, const char*> cases[] = {
      {"0", "0"},
      {"-0", "0"},
      {"-0.00", "0.00"},
      {"+1", "1"},
      {"1.", "1"},
      {".5", "0.5"},
      {"-.5", "-0.5"},
      {"0001", "1"},
      {"00.10", "0.10"},
      {"1e3", "1000"},
      {"1E+3", "1000"},
      {"1.50e1", "15.0"},
      {"1.5e5", "150000"},
      {"1e-3", "0.001"},
      {"1.0E-2", "0.010"},
      {"12345.678e-2", "123.45678"},
      {"0e10", "0"},
      {"0e-3", "0.000"},
      {"0.00e1", "0.0"},
      {"1e0", "1"},
      {"99999999e-8", "0.99999999"},
      {"123456789e-4", "12345.6789"},
      {"NaN", "NaN"},
      {"nan", "NaN"},
      {"inf", "Infinity"},
      {"-INFINITY", "-Infinity"},
      {"+Infinity", "Infinity"},
  };
  for (const auto& [text, expected] : cases) BOOST_TEST(normalised(text) == expected, text);
}

BOOST_AUTO_TEST_CASE(no_numbers) {
  for (const char* text :
       {"",    "+",    "-",     ".",   "e1",    "1e",   "1e+",   "1e1.5",     "1 ",    " 1",
        "1,5", "0x10", "1_000", "--1", "1.2.3", "-nan", "infin", "infinityy", "1e1e1", "١"}) {
    WriteBuffer out;
    BOOST_TEST(!write_numeric(out, text), text);
    BOOST_TEST(out.failed(), text);
    BOOST_TEST(out.pending().empty(), text);
  }
}

BOOST_AUTO_TEST_CASE(scale_is_limited) {  // R-E6
  BOOST_TEST(normalised("1e-16383") == "0." + std::string(16382, '0') + "1");
  BOOST_TEST(normalised("1e-16384") == "refused");
  BOOST_TEST(normalised("0e-16384") == "refused");
  BOOST_TEST(normalised("0." + std::string(16383, '0')) == "0." + std::string(16383, '0'));
  BOOST_TEST(normalised("0." + std::string(16384, '0')) == "refused");
}

BOOST_AUTO_TEST_CASE(size_is_limited) {  // R-E6
  const std::string largest(131072, '9');
  BOOST_TEST((normalised(largest) == largest));
  BOOST_TEST((normalised("1e131071") == "1" + std::string(131071, '0')));
  BOOST_TEST(normalised("1e131072") == "refused");
  BOOST_TEST(normalised(largest + "0") == "refused");
  // More than 32767 groups of digits: the count is unsigned in effect.
  const std::string longest = largest + "." + std::string(16383, '9');
  BOOST_TEST((normalised(longest) == longest));
  // Zeros do not count, however they are spelled.
  BOOST_TEST(normalised(std::string(200000, '0') + "7") == "7");
  BOOST_TEST(normalised("0e999999999999999999999") == "0");
  BOOST_TEST(normalised("1e999999999999999999999") == "refused");
  BOOST_TEST(normalised("1e-999999999999999999999") == "refused");
}

BOOST_AUTO_TEST_CASE(digits_beyond_the_scale_are_cut_off) {
  BOOST_TEST(shown("0002000000000001000107d0") == "1.2");
  BOOST_TEST(shown("000200000000000100010929") == "1.2");  // 1.2345 shown with one decimal
  BOOST_TEST(shown("0001ffff4000000203e8") == "-0.10");
  BOOST_TEST(shown("0001ffff400000000929") == "0");  // no negative zero is left over
  BOOST_TEST(shown("0001ffff400000020001") == "0.00");
}

BOOST_AUTO_TEST_CASE(superfluous_zero_groups_are_not_shown) {
  BOOST_TEST(shown("00030001000000000000000c0000") == "12");
  BOOST_TEST(shown("00010000000000000000") == "0");
  BOOST_TEST(shown("00007fff00000000") == "0");
  BOOST_TEST(shown("0000800000000002") == "0.00");
}

// HS-132
BOOST_AUTO_TEST_CASE(malformed) {
  for (const char* hex :
       {"", "00", "00000000000000", "000000000000000000", "ffff000000000000", "0001000000000000",
        "000100000000000000", "00010000000000002710", "0001000000000000ffff", "0000000012340000",
        "0000000080000000", "0000000000004000", "000000000000ffff", "00010000c00000000001",
        "00010000d00000000001", "00010000f00000000001", "0001000000000000000100"}) {
    BOOST_TEST(shown(hex) == "refused", hex);
  }
}

BOOST_AUTO_TEST_CASE(extreme_weights_stay_bounded) {
  NumericView view;
  const std::string largest = from_hex("00017fff000000000001");
  BOOST_REQUIRE(parse_numeric(as_bytes(largest), view));
  BOOST_TEST(to_string(view).size() == 131069);
  BOOST_TEST(max_numeric_text_size(view) <= 131072 + 16383 + 9);
  const std::string smallest = from_hex("0001800000003fff0001");
  BOOST_REQUIRE(parse_numeric(as_bytes(smallest), view));
  BOOST_TEST(to_string(view) == "0." + std::string(16383, '0'));
}

BOOST_AUTO_TEST_CASE(values) {
  BOOST_TEST(Numeric().text() == "0");
  BOOST_TEST(Numeric(-42).text() == "-42");
  BOOST_TEST((*Numeric::from_text("1e1") == Numeric(10)));
  BOOST_TEST((*Numeric::from_text("1.0") != *Numeric::from_text("1.00")));
  BOOST_TEST(!Numeric::from_text("ten"));
  WriteBuffer out;
  encode_value(*Numeric::from_text("-12.50"), out);
  BOOST_TEST(to_hex(out.pending()) == "0000000c0002000040000002000c1388");
}

BOOST_AUTO_TEST_SUITE_END()
