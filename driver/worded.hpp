// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Failures for where nothing may be thrown.
#pragma once

#include "pgstride/protocol/error.hpp"

namespace pgstride::inline v0 {

/// Says why in words, if there is memory for them; the code says enough.
inline Failure worded(Errc code, const char* why) noexcept {
  try {
    return {code, why};
  } catch (...) {
    return {code, {}};
  }
}

}  // namespace pgstride::inline v0
