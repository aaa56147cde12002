// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What a type is called in another file than the test's.
#pragma once

#include <set>
#include <string_view>

namespace pgstride::test {

/// cpp_name of a std::set<long>.
std::string_view spelled_elsewhere();

}  // namespace pgstride::test
