// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Bytes in tests: written as text with escapes, compared so that a difference can be read.
#pragma once

#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/bytes.hpp"

namespace pgstride::test {

/// Printable characters as they are, others as \xNN.
inline std::string visible(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\\') {
      text += c;
    } else {
      text.append("\\x").append(1, digits[byte / 16]).append(1, digits[byte % 16]);
    }
  }
  return text;
}

/// `expected` is a literal; the zeros in it count.
template <std::size_t N>
void assert_bytes(Bytes actual, const char (&expected)[N]) {
  BOOST_TEST(visible(as_text(actual)) == visible({expected, N - 1}));
}

inline void assert_bytes(Bytes actual, const std::string& expected) {
  BOOST_TEST(visible(as_text(actual)) == visible(expected));
}

}  // namespace pgstride::test
