// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/uuid.hpp"

#include "pgstride/pybind/src/codecs/conversions.hpp"

namespace pgstride::python {
namespace {

/// Of a uuid.UUID, and of anything else that has sixteen of them.
bool uuid_from_attribute(PyObject* object, Uuid& value) {
  const Ref bytes = attribute(object, "bytes");
  Py_buffer buffer;
  if (!bytes || PyObject_GetBuffer(bytes.get(), &buffer, PyBUF_SIMPLE) != 0) return false;
  const Py_ssize_t size = buffer.len;
  const bool parsed =
      parse_uuid(as_bytes({static_cast<const char*>(buffer.buf), static_cast<std::size_t>(size)}), value);
  PyBuffer_Release(&buffer);
  if (!parsed) PyErr_Format(PyExc_ValueError, "16 bytes were expected, got %zd", size);
  return parsed;
}

}  // namespace

PyObject* decode_uuid(Bytes bytes, const TypeCodec& codec) {
  Uuid value;
  if (!parse_uuid(bytes, value)) return malformed(bytes, codec);
  return new_uuid(value);
}

bool encode_uuid(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  if (const Uuid* ours = as_uuid(object)) {
    write_uuid(out, *ours);
    return true;
  }
  Uuid value;
  if (!(PyUnicode_Check(object) ? uuid_from_str(object, value) : uuid_from_attribute(object, value)))
    return false;
  write_uuid(out, value);
  return true;
}

}  // namespace pgstride::python
