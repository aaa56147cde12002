// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: Encodable|constraints not satisfied
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

struct Unknown {
  int x;
};

void misuse(ArgumentList& list) { list.add(1, Unknown{1}); }
