// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The whole C++ interface: connections and what is done with them, the types that values have, and
// the coroutines that wait. Loops are included separately: driver/loop/uv.hpp has the one for programs
// without a loop of their own.
#pragma once

#include "pgstride/driver/connection.hpp"
#include "pgstride/driver/coro/generator.hpp"
#include "pgstride/driver/coro/run.hpp"
#include "pgstride/driver/coro/task.hpp"
#include "pgstride/driver/credentials.hpp"
#include "pgstride/driver/exception.hpp"
#include "pgstride/driver/listen.hpp"
#include "pgstride/driver/load_types.hpp"
#include "pgstride/driver/pool.hpp"
#include "pgstride/driver/sqlstate.hpp"
#include "pgstride/driver/transact.hpp"
#include "pgstride/protocol/codec/array_value.hpp"
#include "pgstride/protocol/codec/chrono.hpp"
#include "pgstride/protocol/codec/enumeration.hpp"
#include "pgstride/protocol/codec/geometry.hpp"
#include "pgstride/protocol/codec/named.hpp"
#include "pgstride/protocol/codec/numeric.hpp"
#include "pgstride/protocol/codec/range_value.hpp"
#include "pgstride/protocol/codec/scalar.hpp"
#include "pgstride/protocol/codec/system.hpp"
#include "pgstride/protocol/codec/text.hpp"
#include "pgstride/protocol/codec/uuid.hpp"
