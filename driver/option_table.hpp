// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The options that have a name: libpq's keywords, their environment variables, and what each does
// to ConnectOptions. A new option is a new row.
#pragma once

#include <span>
#include <string_view>

#include "pgstride/driver/options.hpp"

namespace pgstride::inline v0 {

struct OptionRow {
  std::string_view keyword;
  const char* variable;  // of the environment; may be null
  /// Takes a value that is neither empty nor holds a NUL. Returns what is wrong with it, or null.
  const char* (*apply)(ConnectOptions&, std::string_view value);
  /// Still at its default, so that the environment may set it; null: nothing is stored.
  bool (*is_default)(const ConnectOptions&);
};

std::span<const OptionRow> option_table() noexcept;

/// A variable of the environment that sets a run-time parameter, for which libpq has no option.
struct SessionVariable {
  const char* variable;
  const char* setting;
};

std::span<const SessionVariable> session_variables() noexcept;

}  // namespace pgstride::inline v0
