// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/bits.hpp"

#include "pgstride/pybind/src/codecs/conversions.hpp"

namespace pgstride::python {
namespace {

PyObject* bit_string_class() {
  static PyObject* kept = nullptr;
  return types_class("BitString", kept);
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
  return bytes && count ? call_method(type, "frombytes", bytes.get(), count.get()).release() : nullptr;
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
