// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Which authentication methods are accepted (libpq's require_auth).
#pragma once

#include <cstdint>
#include <string_view>

namespace pgstride::inline v0 {

/// In the order of auth_method_names.
enum class AuthMethod : std::uint8_t { none, password, md5, gss, sspi, scram_sha_256, oauth };

inline constexpr std::string_view auth_method_names[] = {"none", "password",      "md5",  "gss",
                                                         "sspi", "scram-sha-256", "oauth"};

class AuthMethods {
 public:
  /// All of them.
  AuthMethods() = default;

  /// Reads a list such as "scram-sha-256,none", or "!password,!md5" for all but these. Returns what is
  /// wrong with it, or null.
  const char* parse(std::string_view list) noexcept;

  bool allows(AuthMethod method) const noexcept { return (allowed_ & bit(method)) != 0; }
  /// Named in the list, not merely not excluded.
  bool names(AuthMethod method) const noexcept { return (named_ & bit(method)) != 0; }

 private:
  static constexpr std::uint8_t all = 0x7f;
  static std::uint8_t bit(AuthMethod method) noexcept {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(method));
  }

  std::uint8_t allowed_ = all;
  std::uint8_t named_ = 0;
};

}  // namespace pgstride::inline v0
