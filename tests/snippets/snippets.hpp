// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "pgstride/driver/pgstride.hpp"

namespace snippets {

/// Snippets prove what they say.
inline void check(bool holds) {
  if (!holds) throw std::logic_error("a snippet does not do what it says");
}

pgstride::Task<> queries(pgstride::Connection& conn);
pgstride::Task<> user_types(pgstride::Connection& conn);
pgstride::Task<> control(pgstride::Loop& loop, std::string dsn);
pgstride::Task<> pools(pgstride::Loop& loop, std::string dsn);

}  // namespace snippets
