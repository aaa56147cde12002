// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// One PostgreSQL type's way from bytes to a Python object and back. Offsets and counts are
// protocol/codec's business; what is here only builds objects from its views.
#pragma once

#include <memory>

#include "pgstride/protocol/row.hpp"
#include "pgstride/protocol/write_buffer.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

class Registry;

struct TypeCodec {
  /// A new reference; null with a Python error set.
  using Decode = PyObject* (*)(Bytes value, const TypeCodec& codec);
  /// Writes the value's body (the caller writes the length). False with a Python error set; then the
  /// caller's caller takes back the whole request.
  using Encode = bool (*)(PyObject* object, WriteBuffer& out, const TypeCodec& codec);

  Oid type = 0;
  const char* name = "";               // pg_type.typname
  Format format = Format::binary;      // on the wire, both ways
  Decode decode = nullptr;             // null: values of this type cannot be read
  Encode encode = nullptr;             // null: values of this type cannot be sent
  const TypeCodec* element = nullptr;  // of an array, of a range its bounds', of a multirange the range's
  /// Its objects refer to no other objects, so a Record of them can be in no reference cycle and
  /// need not be tracked by the garbage collector.
  bool atomic = true;
  const char* schema = "pg_catalog";
  const char* kind = "scalar";  // of pgstride.types.Type
  char delimiter = ',';         // between elements of this type in the text of an array
  /// Of the types whose values say themselves of which types their parts are: who knows those.
  Registry* registry = nullptr;
};

/// Keeps a codec alive that was made while running; built-in ones live for ever.
using CodecRef = std::shared_ptr<const TypeCodec>;

/// (oid, name, kind, schema), for pgstride.types.Type: a domain has the number of its own and the rest of its base type.
inline PyObject* describe_type(Oid type, const TypeCodec& codec) {
  return Py_BuildValue("(Isss)", type, codec.name, codec.kind, codec.schema);
}

/// The codec of a built-in type; null when there is none (unknown types are read and sent as text:
/// see text_codec()). Arrays of built-in types are built-in.
const TypeCodec* find_codec(Oid type) noexcept;

/// str in text format: what is done with types that nobody knows.
const TypeCodec& text_codec() noexcept;

/// Imports what the codecs need (decimal, datetime, uuid, …). Once, at module initialisation; false
/// with a Python error set.
bool prepare_codecs();

}  // namespace pgstride::python
