// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/codec/hstore.hpp"

#include "tests/support/backend_writer.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

std::string sized(std::string_view text) {
  return int32(static_cast<std::int64_t>(text.size())) + std::string(text);
}

/// "key=value key=NULL", or "malformed".
std::string read(const std::string& value) {
  HstoreView pairs;
  if (!pairs.parse(as_bytes(value))) return "malformed";
  std::string words;
  for (std::size_t i = 0; i < pairs.count(); ++i) {
    const HstorePair pair = pairs.next();
    if (!pairs.ok()) return "malformed";
    words.append(words.empty() ? "" : " ").append(as_text(pair.key)).append("=");
    words.append(pair.value.null ? "NULL" : as_text(pair.value.bytes));
  }
  return pairs.done() ? words : "malformed";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(codec_hstore)

BOOST_AUTO_TEST_CASE(pairs) {
  BOOST_TEST(read(int32(0)) == "");
  BOOST_TEST(read(int32(2) + sized("a") + sized("1") + sized("b") + int32(-1)) == "a=1 b=NULL");
}

BOOST_AUTO_TEST_CASE(lies) {
  BOOST_TEST(read("") == "malformed");
  BOOST_TEST(read(int32(-1)) == "malformed");
  BOOST_TEST(read(int32(0x7fffffff)) == "malformed");
  BOOST_TEST(read(int32(1) + sized("a")) == "malformed");
  BOOST_TEST(read(int32(1) + int32(-1) + sized("1")) == "malformed");
  BOOST_TEST(read(int32(1) + sized("a") + int32(-2)) == "malformed");
  BOOST_TEST(read(int32(1) + int32(100) + sized("1")) == "malformed");
  BOOST_TEST(read(int32(1) + sized("a") + sized("1") + "x") == "malformed");
  BOOST_TEST(read(int32(0) + "x") == "malformed");
}

BOOST_AUTO_TEST_SUITE_END()
