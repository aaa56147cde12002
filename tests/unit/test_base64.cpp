// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/base64.hpp"

using namespace pgstride;

BOOST_AUTO_TEST_SUITE(base64)

BOOST_AUTO_TEST_CASE(rfc_4648_section_10) {
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [bytes, text] : vectors) {
    BOOST_TEST(encode_base64(as_bytes(bytes)) == text);
    const auto decoded = decode_base64(text);
    BOOST_REQUIRE(decoded);
    BOOST_TEST(*decoded == bytes);
  }
}

BOOST_AUTO_TEST_CASE(every_byte_in_every_place_survives) {
  std::string bytes;
  for (int size = 1; size <= 300; ++size) {
    bytes.push_back(static_cast<char>(size * 7));
    const auto decoded = decode_base64(encode_base64(as_bytes(bytes)));
    BOOST_REQUIRE(decoded);
    BOOST_TEST(*decoded == bytes);
  }
}

// Whatever is accepted is exactly what the encoder writes: tried for every quartet's second half and
// for every single character.
BOOST_AUTO_TEST_CASE(one_text_for_every_value) {
  int accepted = 0;
  for (int third = 0; third < 256; ++third) {
    for (int fourth = 0; fourth < 256; ++fourth) {
      const std::string text{'A', 'B', static_cast<char>(third), static_cast<char>(fourth)};
      const auto decoded = decode_base64(text);
      if (!decoded) continue;
      ++accepted;
      BOOST_TEST(encode_base64(as_bytes(*decoded)) == text);
    }
  }
  BOOST_TEST(accepted == 64 * 64 + 16);  // three bytes, or two; "AB==" has bits left over
}

BOOST_AUTO_TEST_CASE(anything_else_is_refused) {
  for (const std::string_view bad : {"A",
                                     "AA",
                                     "AAA",
                                     "AAAAA",
                                     "=",
                                     "==",
                                     "===",
                                     "====",
                                     "A===",
                                     "AA=A",
                                     "=AAA",
                                     "AA==AAAA",
                                     "AAAA====",
                                     "AAA\n",
                                     "AAAA\n",
                                     " AAA",
                                     "AA A",
                                     "AB==",
                                     "AAB=",
                                     "AAA-",
                                     "AAA_",
                                     "AAA\x80",
                                     "\xFF\xFF\xFF\xFF"})
    BOOST_TEST(!decode_base64(bad).has_value(), bad);
  BOOST_TEST(!decode_base64(std::string_view("AA\0A", 4)).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
