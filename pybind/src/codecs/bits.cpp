// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/bits.hpp"

#include "pgstride/pybind/src/codecs/conversions.hpp"

namespace pgstride::python {
namespace {

PyObject* bit_string_class() {
  static PyObject* kept = nullptr;
  return types_class("BitString", kept);
}

// What BitString.frombytes() does, without running Python for each value.
PyObject* new_bit_string(PyObject* type, const Ref& bytes, const Ref& count) {
  static PyObject* bytes_name = nullptr;
  static PyObject* length_name = nullptr;
  if (bytes_name == nullptr) bytes_name = PyUnicode_InternFromString("_bytes");
  if (length_name == nullptr) length_name = PyUnicode_InternFromString("_length");
  const Ref nothing = Ref::steal(PyTuple_New(0));
  if (!nothing || bytes_name == nullptr || length_name == nullptr) return nullptr;
  Ref bits =
      Ref::steal(PyBaseObject_Type.tp_new(reinterpret_cast<PyTypeObject*>(type), nothing.get(), nullptr));
  if (!bits || PyObject_SetAttr(bits.get(), bytes_name, bytes.get()) != 0 ||
      PyObject_SetAttr(bits.get(), length_name, count.get()) != 0)
    return nullptr;
  return bits.release();
}

bool write_buffer(PyObject* object, Py_ssize_t bit_count, WriteBuffer& out) {
  Py_buffer buffer;
  if (PyObject_GetBuffer(object, &buffer, PyBUF_SIMPLE) != 0) return false;
  const Bytes bytes = as_bytes({static_cast<const char*>(buffer.buf), static_cast<std::size_t>(buffer.len)});
  const std::size_t count = bit_count < 0 ? bytes.size() * 8 : static_cast<std::size_t>(bit_count);
  write_bits(out, {count, bytes});
  PyBuffer_Release(&buffer);
  return true;
}

}  // namespace

PyObject* decode_bits(Bytes value, const TypeCodec& codec) {
  BitsView bits;
  if (!parse_bits(value, bits)) return malformed(value, codec);
  PyObject* type = bit_string_class();
  if (type == nullptr) return nullptr;
  const Ref bytes = Ref::steal(
      PyBytes_FromStringAndSize(as_text(bits.bytes).data(), static_cast<Py_ssize_t>(bits.bytes.size())));
  const Ref count = Ref::steal(PyLong_FromSize_t(bits.count));
  return bytes && count ? new_bit_string(type, bytes, count) : nullptr;
}

bool encode_bits(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  PyObject* type = bit_string_class();
  const int is_bit_string = type != nullptr ? PyObject_IsInstance(object, type) : -1;
  if (is_bit_string < 0) return false;
  if (is_bit_string == 0) return write_buffer(object, -1, out);
  const Ref bytes = attribute(object, "bytes");
  const Py_ssize_t count = bytes ? PyObject_Length(object) : -1;
  return count >= 0 && write_buffer(bytes.get(), count, out);
}

}  // namespace pgstride::python
