// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/composite.hpp"

#include <string>
#include <string_view>

#include "pgstride/protocol/oid.hpp"
#include "pgstride/pybind/src/codecs/conversions.hpp"
#include "pgstride/pybind/src/codecs/derived.hpp"
#include "pgstride/pybind/src/record.hpp"

namespace pgstride::python {
namespace {

/// The layout is not what it was when the type was looked up.
PyObject* refuse_outdated(const CompositeCodec& codec, const Ref& message, Py_ssize_t position) {
  const Ref type = exception_type("OutdatedSchemaCacheError");
  const Ref args = type && message ? Ref::steal(PyTuple_Pack(1, message.get())) : Ref();
  const Ref details =
      args ? Ref::steal(Py_BuildValue("{ssss}", "schema", codec.schema, "data_type", codec.name)) : Ref();
  if (!details) return nullptr;
  if (position >= 0) {
    const Ref number = Ref::steal(PyLong_FromSsize_t(position));
    if (!number || PyDict_SetItemString(details.get(), "position", number.get()) != 0) return nullptr;
  }
  const Ref error = Ref::steal(PyObject_Call(type.get(), args.get(), details.get()));
  if (error) PyErr_SetObject(type.get(), error.get());
  return nullptr;
}

/// The name, quoted, of what is built in; the number of any other type.
std::string shown(Oid type) {
  const std::string_view name = pgstride::type_name(type);
  return name.empty() ? std::to_string(type) : "'" + std::string(name) + "'";
}

PyObject* read_fields(CompositeView& fields, Bytes bytes, const CompositeCodec& codec, PyObject* record) {
  for (std::size_t i = 0; i < codec.parts.size(); ++i) {
    const CompositeField field = fields.next();
    if (!fields.ok()) return malformed(bytes, codec);
    if (field.type != codec.types[i]) {
      const auto position = static_cast<Py_ssize_t>(i);
      return refuse_outdated(codec,
                             Ref::steal(PyUnicode_FromFormat(
                                 "unexpected data type of composite type attribute %zd: %s, expected %s",
                                 position, shown(field.type).c_str(), shown(codec.types[i]).c_str())),
                             position);
    }
    const TypeCodec& part = *codec.parts[i];
    PyObject* value = field.value.null ? Py_NewRef(Py_None) : part.decode(field.value.bytes, part);
    if (value == nullptr) return nullptr;
    set_item(record, static_cast<Py_ssize_t>(i), value);
  }
  return fields.done() ? record : malformed(bytes, codec);
}

bool write_field(Oid type, PyObject* value, const TypeCodec& part, WriteBuffer& out) {
  out.u32(type);
  if (value == Py_None) {
    out.i32(-1);
    return true;
  }
  const ValueLength length(out);
  if (part.encode != nullptr) return part.encode(value, out, part);
  PyErr_Format(PyExc_TypeError, "values of type %s cannot be sent", part.name);
  return false;
}

/// The values in the order of the attributes; those that a mapping does not name are NULL.
Ref values_of_mapping(PyObject* mapping, const CompositeCodec& codec) {
  const Py_ssize_t count = PyTuple_GET_SIZE(codec.names.get());
  Ref values = Ref::steal(PyList_New(count));
  if (!values) return {};
  for (Py_ssize_t i = 0; i < count; ++i) PyList_SET_ITEM(values.get(), i, Py_NewRef(Py_None));
  const Ref keys = Ref::steal(PySequence_List(mapping));
  for (Py_ssize_t k = 0; keys && k < PyList_GET_SIZE(keys.get()); ++k) {
    PyObject* key = PyList_GET_ITEM(keys.get(), k);
    const Py_ssize_t position = PySequence_Index(codec.names.get(), key);
    if (position < 0) {
      PyErr_Clear();
      PyErr_Format(PyExc_ValueError, "%R is not a valid element of composite type %s", key, codec.name);
      return {};
    }
    PyObject* value = PyObject_GetItem(mapping, key);
    if (value == nullptr || PyList_SetItem(values.get(), position, value) != 0) return {};
  }
  return keys ? std::move(values) : Ref();
}

Ref values_of(PyObject* object, const CompositeCodec& codec) {
  const int mapping = is_mapping(object);
  if (mapping < 0) return {};
  if (mapping != 0) return values_of_mapping(object, codec);
  if (PyObject_Length(object) < 0) return {};
  return Ref::steal(PySequence_List(object));
}

}  // namespace

PyObject* decode_composite(Bytes bytes, const TypeCodec& type) {
  const auto& codec = static_cast<const CompositeCodec&>(type);
  const Nesting nesting;
  CompositeView fields;
  if (nesting.too_deep() || !fields.parse(bytes)) return malformed(bytes, codec);
  if (fields.count() != codec.parts.size()) {
    return refuse_outdated(codec,
                           Ref::steal(PyUnicode_FromFormat(
                               "unexpected number of attributes of composite type: %zu, expected %zu",
                               fields.count(), codec.parts.size())),
                           -1);
  }
  Ref record =
      Ref::steal(new_record(record_type(), codec.layout.get(), static_cast<Py_ssize_t>(fields.count())));
  if (!record || read_fields(fields, bytes, codec, record.get()) == nullptr) return nullptr;
  track_record(record.get());
  return record.release();
}

bool encode_composite(PyObject* object, WriteBuffer& out, const TypeCodec& type) {
  const auto& codec = static_cast<const CompositeCodec&>(type);
  const Ref values = values_of(object, codec);
  if (!values) return false;
  const auto count = static_cast<std::size_t>(PyList_GET_SIZE(values.get()));
  write_composite_header(out, count);
  for (std::size_t i = 0; i < count; ++i) {
    if (i == codec.parts.size()) {
      PyErr_SetString(PyExc_IndexError, "tuple index out of range");
      return false;
    }
    const Ref value = Ref::borrow(PyList_GET_ITEM(values.get(), static_cast<Py_ssize_t>(i)));
    if (!write_field(codec.types[i], value.get(), *codec.parts[i], out)) return false;
  }
  return true;
}

}  // namespace pgstride::python
