// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Failures with a text, made where nothing may be thrown.
#pragma once

#include "pgstride/protocol/error.hpp"

namespace pgstride::inline v0 {

/// With the text if there is memory for it; without, the code has to do.
inline Failure worded(Errc code, const char* why) noexcept {
  try {
    return {code, why};
  } catch (...) {
    return {code, {}};
  }
}

}  // namespace pgstride::inline v0
