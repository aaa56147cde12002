// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Proves R-K1.
#include <cstring>
#include <memory>
#include <new>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/secret.hpp"

using namespace pgstride;

namespace {

constexpr std::string_view canary = "canary-3f9a";  // short enough to live inside a string object
const std::string long_canary(1000, 'c');

}  // namespace

BOOST_AUTO_TEST_SUITE(secret)

BOOST_AUTO_TEST_CASE(prints_nothing_of_itself) {
  std::ostringstream out;
  std::wostringstream wide;
  out << Secret(canary);
  wide << Secret(canary);
  BOOST_TEST(out.str() == "***");
  BOOST_TEST((wide.str() == L"***"));
}

BOOST_AUTO_TEST_CASE(behaves_like_a_value) {
  BOOST_TEST(Secret().empty());
  for (const std::string& text : {std::string(canary), long_canary}) {
    Secret first(text);
    Secret copy = first;
    BOOST_TEST(copy.reveal() == text);
    Secret moved = std::move(first);
    BOOST_TEST(moved.reveal() == text);
    BOOST_TEST(first.empty());  // NOLINT(bugprone-use-after-move): that is the point
    copy = Secret("other");
    BOOST_TEST(copy.reveal() == "other");
    copy = std::move(moved);
    BOOST_TEST(copy.reveal() == text);
    copy = std::as_const(copy);
    BOOST_TEST(copy.reveal() == text);
  }
}

BOOST_AUTO_TEST_CASE(a_string_moved_in_leaves_nothing_behind) {
  std::string text(canary);
  const char* characters = text.data();
  const Secret secret(std::move(text));
  BOOST_TEST(secret.reveal() == canary);
  BOOST_TEST(std::string_view(characters, canary.size()) ==
             std::string_view("\0\0\0\0\0\0\0\0\0\0\0", canary.size()));
}

BOOST_AUTO_TEST_CASE(wiped_when_it_goes) {
  alignas(Secret) unsigned char storage[sizeof(Secret)] = {};
  auto* secret = new (storage) Secret(canary);
  const auto holds_canary = [&storage] {
    return std::string_view(reinterpret_cast<const char*>(storage), sizeof storage).find(canary) !=
           std::string_view::npos;
  };
  BOOST_REQUIRE(holds_canary());
  std::destroy_at(secret);
  BOOST_TEST(!holds_canary());

  alignas(SecretBytes<32>) unsigned char key_storage[32];
  auto* key = new (key_storage) SecretBytes<32>;
  key->fill(std::byte{7});
  std::destroy_at(key);
  BOOST_TEST(std::memchr(key_storage, 7, sizeof key_storage) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_container_wipes_what_it_outgrows) {
  std::vector<char, WipingAllocator<char>> text(canary.begin(), canary.end());
  text.reserve(4096);
  BOOST_TEST(std::string_view(text.data(), text.size()) == canary);
}

BOOST_AUTO_TEST_SUITE_END()
