// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The codecs without a connection, for tests: _decode, _encode and _codec_format.
#pragma once

#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

/// Adds the functions to `module`; false with a Python error set.
bool add_codec_probe(PyObject* module);

}  // namespace pgstride::python
