// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/cpp_name.hpp"

#include "tests/support/spelled_elsewhere.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

template <class T>
using Grid = std::vector<std::vector<T>>;
template <class T>
using Ordered = std::set<T>;

// Through a template whose argument was deduced, as what a query takes.
template <class T>
std::string_view name_of(const T&) {
  return cpp_name<T>;
}

bool is_whole(std::string_view name) {
  return name.starts_with("std::set<long") && name.ends_with('>') &&
         std::ranges::count(name, '<') == std::ranges::count(name, '>') && name.find('\0') == name.npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(names_of_types)

BOOST_AUTO_TEST_CASE(an_alias_brings_no_allocators_along) {
  std::string name(name_of(Grid<short>()));
  std::erase(name, ' ');
  BOOST_TEST((name == "std::vector<std::vector<short>>" || name == "std::vector<std::vector<shortint>>"),
             name);
}

// g++ spells it with all its arguments here, and shorter there.
BOOST_AUTO_TEST_CASE(a_type_that_is_spelled_in_two_ways_is_whole_in_both) {
  BOOST_TEST(is_whole(name_of(Ordered<long>())), name_of(Ordered<long>()));
  BOOST_TEST(is_whole(spelled_elsewhere()), spelled_elsewhere());
}

BOOST_AUTO_TEST_SUITE_END()
