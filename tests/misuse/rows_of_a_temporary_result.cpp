// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// error: use of deleted function|call to deleted|invokes a deleted function
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

Result ask();

Result::iterator misuse() { return ask().begin(); }
