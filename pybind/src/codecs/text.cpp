// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/text.hpp"

#include <cstring>

#include "pgstride/protocol/ascii.hpp"
#include "pgstride/pybind/src/codecs/conversions.hpp"

namespace pgstride::python {
namespace {

bool utf8_of(PyObject* object, Bytes& utf8) {
  if (!PyUnicode_Check(object)) {
    PyErr_Format(PyExc_TypeError, "expected str, got %s", type_name(object));
    return false;
  }
  Py_ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(object, &size);
  if (data == nullptr) return false;
  utf8 = as_bytes({data, static_cast<std::size_t>(size)});
  return true;
}

bool fits(Bytes bytes) {
  if (bytes.size() <= max_outgoing_message) return true;
  PyErr_Format(PyExc_OverflowError, "value of %zu bytes is too large", bytes.size());
  return false;
}

bool append(Bytes bytes, WriteBuffer& out) {
  if (!fits(bytes)) return false;
  out.bytes(bytes);
  return true;
}

}  // namespace

PyObject* make_ascii(const char* text, std::size_t size) {
  PyObject* string = PyUnicode_New(static_cast<Py_ssize_t>(size), 127);
  if (string != nullptr) std::memcpy(PyUnicode_1BYTE_DATA(string), text, size);
  return string;
}

PyObject* make_text(Bytes utf8) {
  const std::string_view text = as_text(utf8);
  // The decoder has the empty string and all strings of one character ready.
  if (text.size() > 1 && is_ascii(utf8)) return make_ascii(text.data(), text.size());
  return PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr);
}

PyObject* decode_text(Bytes bytes, const TypeCodec&) { return make_text(bytes); }

bool encode_text(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  Bytes utf8;
  return utf8_of(object, utf8) && append(utf8, out);
}

PyObject* decode_versioned_text(Bytes bytes, const TypeCodec& codec) {
  Bytes text;
  if (!parse_versioned_text(bytes, text)) return malformed(bytes, codec);
  return make_text(text);
}

bool encode_versioned_text(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  Bytes utf8;
  if (!utf8_of(object, utf8) || !fits(utf8)) return false;
  write_versioned_text(out, as_text(utf8));
  return true;
}

PyObject* decode_bytea(Bytes bytes, const TypeCodec&) {
  return PyBytes_FromStringAndSize(as_text(bytes).data(), static_cast<Py_ssize_t>(bytes.size()));
}

bool encode_bytea(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  Py_buffer buffer;
  if (PyObject_GetBuffer(object, &buffer, PyBUF_SIMPLE) != 0) return false;
  const bool appended =
      append(as_bytes({static_cast<const char*>(buffer.buf), static_cast<std::size_t>(buffer.len)}), out);
  PyBuffer_Release(&buffer);
  return appended;
}

}  // namespace pgstride::python
