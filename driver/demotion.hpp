// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A server may change its role while a pool is connected to it: a primary becomes a standby, or takes no
// writes any more. Known from the parameters that it reports (PostgreSQL 14 and newer).
#pragma once

#include "pgstride/protocol/parameters.hpp"

namespace pgstride::inline v0 {

class Demotion {
 public:
  Demotion() = default;
  /// Of a server that reports these when the connection is made.
  explicit Demotion(const Parameters& parameters) noexcept
      : was_standby_(is_standby(parameters)), was_read_only_(is_read_only(parameters)) {}

  /// By what it reports now.
  bool has_happened(const Parameters& parameters) const noexcept {
    return (!was_standby_ && is_standby(parameters)) || (!was_read_only_ && is_read_only(parameters));
  }

 private:
  static bool is_standby(const Parameters& parameters) noexcept {
    return parameters.get("in_hot_standby") == "on";
  }
  static bool is_read_only(const Parameters& parameters) noexcept {
    return parameters.get("default_transaction_read_only") == "on";
  }

  bool was_standby_ = false;
  bool was_read_only_ = false;
};

}  // namespace pgstride::inline v0
