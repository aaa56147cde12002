// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The two ways to write a connection string: a URL, and libpq's "keyword=value" pairs. Syntax only:
// what the keywords mean, and which exist, is decided in options.
//
// A connection string may hold a password, and a malformed one may hold it anywhere. So an error names
// a known option and a position, never a piece of the input.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pgstride/protocol/secret.hpp"

namespace pgstride::inline v0 {

/// Why a connection string or an option was refused; free of anything secret.
struct OptionError {
  OptionError() = default;
  OptionError(std::string option_name, std::size_t at, std::string why)
      : option(std::move(option_name)), position(at), reason(std::move(why)) {}

  std::string option;        // the keyword or environment variable; may be empty
  std::size_t position = 0;  // in the connection string, in bytes from 1; 0: did not come from one
  std::string reason;

  /// One line for a person.
  std::string message() const;
};

/// One keyword of a connection string, under its libpq name.
struct DsnSetting {
  DsnSetting(std::string key_, Secret value_, std::size_t position_)
      : key(std::move(key_)), value(std::move(value_)), position(position_) {}

  std::string key;
  Secret value;
  std::size_t position;
  bool key_is_showable = true;  // false where the key may be a piece of a badly quoted password
};

/// The settings in the order written. False, and why, when malformed.
[[nodiscard]] bool parse_dsn(std::string_view dsn, std::vector<DsnSetting>&, OptionError&);

}  // namespace pgstride::inline v0
