// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// UUID: what uuid columns are read as. A subclass of uuid.UUID that holds sixteen bytes instead of an
// int, so that making one costs an allocation and nothing else.
#pragma once

#include "pgstride/protocol/codec/uuid.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

PyObject* new_uuid(const Uuid& value) noexcept;

/// The bytes of one of ours; null for any other object, uuid.UUID included.
const Uuid* as_uuid(PyObject* object) noexcept;

/// Every spelling that the constructor takes: 32 hexadecimal digits with dashes anywhere among them.
/// False with a Python error set.
bool uuid_from_str(PyObject* text, Uuid& value);

/// Creates the type and adds it to `module`; false with a Python error set.
bool add_uuid_type(PyObject* module);

}  // namespace pgstride::python
