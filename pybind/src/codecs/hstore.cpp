// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/hstore.hpp"

#include "pgstride/pybind/src/codecs/conversions.hpp"

namespace pgstride::python {
namespace {

bool write_pair(PyObject* key, PyObject* value, WriteBuffer& out, const TypeCodec& text) {
  if (key == Py_None) {
    PyErr_SetString(PyExc_ValueError, "null value not allowed in hstore key");
    return false;
  }
  {
    const ValueLength length(out);
    if (!text.encode(key, out, text)) return false;
  }
  if (value == Py_None) {
    out.i32(-1);
    return true;
  }
  const ValueLength length(out);
  return text.encode(value, out, text);
}

/// Pairs of a mapping, or of anything that yields pairs.
Ref pairs_of(PyObject* object) {
  const int mapping = is_mapping(object);
  if (mapping < 0) return {};
  const Ref items = mapping != 0 ? Ref::steal(PyMapping_Items(object)) : Ref::borrow(object);
  return items ? Ref::steal(PySequence_Tuple(items.get())) : Ref();
}

}  // namespace

PyObject* decode_hstore(Bytes bytes, const TypeCodec& codec) {
  HstoreView pairs;
  if (!pairs.parse(bytes)) return malformed(bytes, codec);
  const TypeCodec& text = *codec.element;
  Ref dict = Ref::steal(PyDict_New());
  for (std::size_t i = 0; dict && i < pairs.count(); ++i) {
    const HstorePair pair = pairs.next();
    if (!pairs.ok()) return malformed(bytes, codec);
    const Ref key = Ref::steal(text.decode(pair.key, text));
    const Ref value = !key              ? Ref()
                      : pair.value.null ? Ref::borrow(Py_None)
                                        : Ref::steal(text.decode(pair.value.bytes, text));
    if (!value || PyDict_SetItem(dict.get(), key.get(), value.get()) != 0) return nullptr;
  }
  return dict && !pairs.done() ? malformed(bytes, codec) : dict.release();
}

bool encode_hstore(PyObject* object, WriteBuffer& out, const TypeCodec& codec) {
  const Ref pairs = pairs_of(object);
  if (!pairs) return false;
  write_hstore_header(out, static_cast<std::size_t>(PyTuple_GET_SIZE(pairs.get())));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(pairs.get()); ++i) {
    const Ref pair = Ref::steal(PySequence_Tuple(PyTuple_GET_ITEM(pairs.get(), i)));
    if (!pair) return false;
    if (PyTuple_GET_SIZE(pair.get()) != 2) {
      PyErr_SetString(PyExc_ValueError, "pairs of key and value expected");
      return false;
    }
    if (!write_pair(PyTuple_GET_ITEM(pair.get(), 0), PyTuple_GET_ITEM(pair.get(), 1), out, *codec.element))
      return false;
  }
  return true;
}

}  // namespace pgstride::python
