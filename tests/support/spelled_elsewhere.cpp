// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/spelled_elsewhere.hpp"

#include "pgstride/driver/cpp_name.hpp"

namespace pgstride::test {

std::string_view spelled_elsewhere() { return cpp_name<std::set<long>>; }

}  // namespace pgstride::test
