// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/composite.hpp"
#include "pgstride/pybind/src/codecs/conversions.hpp"

namespace pgstride::python {
namespace {

// Nobody nests records like that; what does is after the stack.
constexpr int max_depth = 64;

class Depth {
 public:
  explicit Depth(int& depth) noexcept : depth_(depth) { ++depth_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;
  ~Depth() { --depth_; }

 private:
  int& depth_;
};

PyObject* decode_field(const CompositeField& field, std::size_t position) {
  if (field.value.null) return Py_NewRef(Py_None);
  const TypeCodec* codec = find_codec(field.type);
  if (codec != nullptr && codec->format == Format::binary) return codec->decode(field.value.bytes, *codec);
  const Ref type = exception_type("InternalClientError");
  if (!type) return nullptr;
  return PyErr_Format(type.get(), "no decoder for composite type element in position %zu of type OID %u",
                      position, unsigned{field.type});
}

}  // namespace

/// An anonymous record is a plain tuple: its fields have no names.
PyObject* decode_record(Bytes bytes, const TypeCodec& codec) {
  static int open_records = 0;  // guarded by the GIL
  const Depth depth(open_records);
  CompositeView fields;
  if (open_records > max_depth || !fields.parse(bytes)) return malformed(bytes, codec);
  Ref tuple = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(fields.count())));
  if (!tuple) return nullptr;
  for (std::size_t i = 0; i < fields.count(); ++i) {
    const CompositeField field = fields.next();
    if (!fields.ok()) return malformed(bytes, codec);
    PyObject* value = decode_field(field, i);
    if (value == nullptr) return nullptr;
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), value);
  }
  if (!fields.done()) return malformed(bytes, codec);
  return tuple.release();
}

}  // namespace pgstride::python
