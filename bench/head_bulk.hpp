// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What the C++ head does in bulk: COPY, and many tasks on few connections.
#pragma once

#include "pgstride/bench/client.hpp"
#include "pgstride/driver/pgstride.hpp"

namespace bench {

pgstride::Task<Digest> copy_in(pgstride::Connection& connection, const Work& work);
pgstride::Task<Digest> copy_out(pgstride::Connection& connection, const Work& work);
pgstride::Task<Digest> ask_on_pool(pgstride::Pool& pool, const Work& work);

}  // namespace bench
