// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The key that the server gave us for cancelling. Anybody who knows it can cancel: treated as a secret.
#pragma once

#include <cstdint>

#include "pgstride/protocol/secret.hpp"

namespace pgstride::inline v0 {

struct CancelKey {
  std::int32_t pid = 0;  // opaque: poolers send random ones, also negative
  Secret key;
  /// False when the server sent no BackendKeyData, and so cannot be asked to cancel.
  bool known() const noexcept { return !key.empty(); }
};

}  // namespace pgstride::inline v0
