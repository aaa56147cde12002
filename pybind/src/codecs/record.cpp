// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/composite.hpp"
#include "pgstride/pybind/src/codecs/conversions.hpp"
#include "pgstride/pybind/src/registry.hpp"

namespace pgstride::python {
namespace {

PyObject* decode_field(const CompositeField& field, std::size_t position, Registry* registry) {
  if (field.value.null) return Py_NewRef(Py_None);
  const CodecRef codec = codec_of_binary(field.type, registry);
  if (codec) return codec->decode(field.value.bytes, *codec);
  const Ref type = PyErr_Occurred() ? Ref() : exception_type("InternalClientError");
  if (!type) return nullptr;
  return PyErr_Format(type.get(), "no decoder for composite type element in position %zu of type OID %u",
                      position, unsigned{field.type});
}

}  // namespace

/// An anonymous record is a plain tuple: its fields have no names.
PyObject* decode_record(Bytes bytes, const TypeCodec& codec) {
  const Nesting nesting;
  CompositeView fields;
  if (nesting.too_deep() || !fields.parse(bytes)) return malformed(bytes, codec);
  Ref tuple = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(fields.count())));
  if (!tuple) return nullptr;
  for (std::size_t i = 0; i < fields.count(); ++i) {
    const CompositeField field = fields.next();
    if (!fields.ok()) return malformed(bytes, codec);
    PyObject* value = decode_field(field, i, codec.registry);
    if (value == nullptr) return nullptr;
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), value);
  }
  if (!fields.done()) return malformed(bytes, codec);
  return tuple.release();
}

}  // namespace pgstride::python
