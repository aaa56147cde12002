// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What must hold in a program that is no unit test: a fuzzer's, mostly, to which a crash is a finding.
#pragma once

#include <cstdlib>

namespace pgstride::test {

inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace pgstride::test
