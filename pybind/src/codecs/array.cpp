// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/array.hpp"

#include <span>

#include "pgstride/pybind/src/codecs/array_shape.hpp"
#include "pgstride/pybind/src/codecs/conversions.hpp"
#include "pgstride/pybind/src/registry.hpp"

namespace pgstride::python {
namespace {

/// What one value's elements are read with.
struct Source {
  ArrayElements elements;
  Bytes value;
  const TypeCodec& codec;
  const TypeCodec& element;

  PyObject* next() {
    const Field field = elements.next();
    if (!elements.ok()) return malformed(value, codec);
    return field.null ? Py_NewRef(Py_None) : element.decode(field.bytes, element);
  }
};

/// parse() has made sure that there are bytes for all the elements.
PyObject* read_list(std::span<const ArrayDimension> dimensions, Source& source) {
  const Py_ssize_t size = dimensions.front().size;
  Ref list = Ref::steal(PyList_New(size));
  if (!list) return nullptr;
  const auto inner = dimensions.subspan(1);
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject* item = inner.empty() ? source.next() : read_list(inner, source);
    if (item == nullptr) return nullptr;
    PyList_SET_ITEM(list.get(), i, item);
  }
  return list.release();
}

PyObject* read_array(const ArrayView& array, Bytes bytes, const TypeCodec& codec, const TypeCodec& element) {
  if (array.count() == 0) return PyList_New(0);
  Source source{ArrayElements(array), bytes, codec, element};
  Ref list = Ref::steal(read_list(array.dimensions(), source));
  if (list && !source.elements.done()) return malformed(bytes, codec);
  return list.release();
}

/// The server takes nothing for one of these but one dimension that begins with 0.
bool is_vector(Oid type) noexcept { return type == oid::int2vector || type == oid::oidvector; }

bool write_array(const ArrayShape& shape, WriteBuffer& out, const TypeCodec& codec) {
  const TypeCodec& element = *codec.element;
  const ArrayDimension vector{static_cast<std::int32_t>(shape.elements().size()), 0};
  ArrayWriter array(out, element.type, is_vector(codec.type) ? std::span(&vector, 1) : shape.dimensions());
  Py_ssize_t index = 0;
  for (const Ref& item : shape.elements()) {
    if (item.get() == Py_None) {
      array.null();
    } else {
      const ValueLength length(out);
      if (!element.encode(item.get(), out, element)) {
        blame_element(shape.dimensions().size() == 1 ? index : -1);
        return false;
      }
    }
    ++index;
  }
  return true;
}

}  // namespace

// The header's element type is not compared with the codec's: varchar[] cast to text[] still says
// varchar there, and arrays of a domain say so after a cast to its base type.
PyObject* decode_array(Bytes bytes, const TypeCodec& codec) {
  ArrayView array;
  if (!array.parse(bytes)) return malformed(bytes, codec);
  return read_array(array, bytes, codec, *codec.element);
}

// Columns of pg_stats are of the pseudo-type anyarray; only the values know what is in them.
PyObject* decode_any_array(Bytes bytes, const TypeCodec& codec) {
  ArrayView array;
  if (!array.parse(bytes)) return malformed(bytes, codec);
  const CodecRef element = codec_of_binary(array.element_type(), codec.registry);
  if (!element) {
    const Ref type = PyErr_Occurred() ? Ref() : exception_type("InternalClientError");
    if (!type) return nullptr;
    return PyErr_Format(type.get(), "no decoder for array elements of type OID %u",
                        unsigned{array.element_type()});
  }
  return read_array(array, bytes, codec, *element);
}

bool encode_array(PyObject* object, WriteBuffer& out, const TypeCodec& codec) {
  ArrayShape shape;
  if (!shape.measure(object)) return false;
  const auto start = out.position();
  if (write_array(shape, out, codec)) return true;
  out.truncate(start);
  return false;
}

}  // namespace pgstride::python
