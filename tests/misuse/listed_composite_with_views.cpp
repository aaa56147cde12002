// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: this one points to what may be gone then
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

struct Street {
  std::string_view name;
};

template <>
struct pgstride::Codec<Street> : pgstride::CompositeCodec<Street, "street"> {};

void misuse(ArgumentList& list) { list.add(std::vector<Street>{Street{std::string("gone")}}); }
