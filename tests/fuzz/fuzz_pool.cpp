// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What a pool decides, the input choosing its limits and then the events: connections that come and go,
// people who wait and walk away, time that passes. The model beside it has the invariants.
// Proves FZ-11 (PM-1, PM-2, PM-3, PM-6, PM-7, PM-8, PM-9).
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/support/pool_walk.hpp"

using namespace pgstride;
using namespace pgstride::test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteDice dice({reinterpret_cast<const std::byte*>(data), size});
  const std::string complaint = PoolWalk(dice).run(400);
  if (complaint.empty()) return 0;
  std::fprintf(stderr, "%s\n", complaint.c_str());
  std::abort();
}
