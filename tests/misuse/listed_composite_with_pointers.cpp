// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: this one points to what may be gone then
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

struct Street {
  const char* name;
  std::span<const int> numbers;
};

template <>
struct pgstride::Codec<Street> : pgstride::CompositeCodec<Street, "street"> {};

void misuse(ArgumentList& list, const std::string& name) { list.add(Street{name.c_str(), {}}); }
