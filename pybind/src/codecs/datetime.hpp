// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// CPython's C API of datetime. Each translation unit has a PyDateTimeAPI of its own, to be filled by
// PyDateTime_IMPORT. Private to codecs/.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <datetime.h>
