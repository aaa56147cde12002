// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/codecs/probe.hpp"

#include <new>

#include "pgstride/pybind/src/codec.hpp"

namespace pgstride::python {
namespace {

const TypeCodec* codec_of(PyObject* type) {
  const unsigned long oid = PyLong_AsUnsignedLong(type);
  if (oid == static_cast<unsigned long>(-1) && PyErr_Occurred()) return nullptr;
  const TypeCodec* codec = find_codec(static_cast<Oid>(oid));
  return codec != nullptr ? codec : &text_codec();
}

/// The codec of the first of two arguments.
const TypeCodec* codec_of(const char* function, PyObject* const* args, Py_ssize_t count) {
  if (count == 2) return codec_of(args[0]);
  PyErr_Format(PyExc_TypeError, "%s() takes exactly two arguments (%zd given)", function, count);
  return nullptr;
}

PyObject* decode(PyObject*, PyObject* const* args, Py_ssize_t count) {
  const TypeCodec* codec = codec_of("_decode", args, count);
  Py_buffer buffer;
  if (codec == nullptr || PyObject_GetBuffer(args[1], &buffer, PyBUF_SIMPLE) != 0) return nullptr;
  const Bytes bytes(static_cast<const std::byte*>(buffer.buf), static_cast<std::size_t>(buffer.len));
  PyObject* value = nullptr;
  try {
    value = codec->decode(bytes, *codec);
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  }
  PyBuffer_Release(&buffer);
  return value;
}

PyObject* encode(PyObject*, PyObject* const* args, Py_ssize_t count) {
  const TypeCodec* codec = codec_of("_encode", args, count);
  if (codec == nullptr) return nullptr;
  if (codec->encode == nullptr) return PyErr_Format(PyExc_TypeError, "%s cannot be encoded", codec->name);
  try {
    WriteBuffer out;
    const bool encoded = codec->encode(args[1], out, *codec);
    const std::string_view bytes = as_text(out.pending());
    if (encoded && !out.failed()) {
      return PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size()));
    }
    if (encoded || out.failed() || !bytes.empty()) {
      return PyErr_Format(PyExc_AssertionError, "the encoder of %s left something behind", codec->name);
    }
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  }
  return nullptr;
}

PyObject* codec_format(PyObject*, PyObject* type) {
  const TypeCodec* codec = codec_of(type);
  return codec != nullptr ? PyUnicode_FromString(codec->format == Format::binary ? "binary" : "text")
                          : nullptr;
}

PyMethodDef functions[] = {
    {"_decode", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(decode)), METH_FASTCALL,
     "A value of the type with this OID, from the bytes of a DataRow."},
    {"_encode", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(encode)), METH_FASTCALL,
     "The bytes that Bind would carry."},
    {"_codec_format", codec_format, METH_O, "Whether these bytes are \"binary\" or \"text\"."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool add_codec_probe(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace pgstride::python
