// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The files in which libpq's users keep passwords and connection parameters.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pgstride/driver/dsn.hpp"
#include "pgstride/protocol/secret.hpp"

namespace pgstride::inline v0 {

/// A password file: lines of host:port:database:user:password, where * matches anything and \ takes
/// the next character as it is.
class PasswordFile {
 public:
  /// A file that is missing or cannot be read is empty. So is one that others may read, or that is
  /// no file at all; then `warning` says so.
  PasswordFile(const std::string& path, std::string& warning);

  /// The password of the first line that matches; empty when there is none.
  Secret find(std::string_view host, std::string_view port, std::string_view database,
              std::string_view user) const;

 private:
  Secret text_;
};

/// A section [name] of a service file.
struct Service {
  Service() = default;

  bool is_defined = false;
  std::vector<std::pair<std::string, Secret>> settings;  // keyword and value, in the file's order
};

/// Not defined when the file does not exist, or has no such section; nothing, and why, when it is malformed.
std::optional<Service> read_service(const std::string& path, std::string_view name, OptionError& error);

}  // namespace pgstride::inline v0
