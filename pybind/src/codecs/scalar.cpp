// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/scalar.hpp"

#include <cmath>
#include <limits>
#include <type_traits>

#include "pgstride/protocol/codec/system.hpp"
#include "pgstride/pybind/src/codecs/conversions.hpp"

namespace pgstride::python {
namespace {

template <class Int>
PyObject* decode_integer(Bytes bytes, const TypeCodec& codec) {
  Int value = 0;
  if (!parse_integer(bytes, value)) [[unlikely]]
    return malformed(bytes, codec);
  if constexpr (std::is_unsigned_v<Int>) {
    return PyLong_FromUnsignedLongLong(value);
  } else if constexpr (sizeof(Int) <= sizeof(long)) {
    return PyLong_FromLong(value);
  } else {
    return PyLong_FromLongLong(value);
  }
}

template <class Int>
bool out_of_range() {
  constexpr const char* sign = std::is_unsigned_v<Int> ? "u" : "";
  PyErr_Format(PyExc_OverflowError, "value out of %sint%d range", sign, static_cast<int>(8 * sizeof(Int)));
  return false;
}

/// Floats and Decimals lose their fraction here, as with asyncpg.
Ref as_int(PyObject* object) {
  const PyNumberMethods* number = Py_TYPE(object)->tp_as_number;
  const bool has_int = number != nullptr && number->nb_int != nullptr;
  return Ref::steal(has_int ? PyNumber_Long(object) : PyNumber_Index(object));
}

template <class Int>
bool narrow(PyObject* integer, Int& value) {
  if constexpr (std::is_same_v<Int, std::uint64_t>) {
    value = PyLong_AsUnsignedLongLong(integer);
    if (value == std::numeric_limits<std::uint64_t>::max() && PyErr_Occurred()) return out_of_range<Int>();
    return true;
  } else {
    int overflow = 0;
    const long long wide = PyLong_AsLongLongAndOverflow(integer, &overflow);
    value = static_cast<Int>(wide);
    return (overflow == 0 && value == wide) || out_of_range<Int>();
  }
}

template <class Int>
bool encode_integer(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  Int value = 0;
  if (!to_integer(object, value)) return false;
  Codec<Int>::encode(value, out);
  return true;
}

bool to_double(PyObject* object, double& value) {
  value = PyFloat_AsDouble(object);
  return value != -1.0 || !PyErr_Occurred();
}

}  // namespace

template <class Int>
bool to_integer(PyObject* object, Int& value) {
  if (PyLong_CheckExact(object)) return narrow(object, value);
  const Ref integer = as_int(object);
  if (integer) return narrow(integer.get(), value);
  if (std::is_unsigned_v<Int> && PyErr_ExceptionMatches(PyExc_TypeError)) {
    PyErr_SetString(PyExc_TypeError, "an integer is required");
    return false;
  }
  // float("inf") has no int, because it is beyond every range.
  return PyErr_ExceptionMatches(PyExc_OverflowError) && out_of_range<Int>();
}

template bool to_integer(PyObject*, std::int32_t&);
template bool to_integer(PyObject*, std::int64_t&);

PyObject* decode_bool(Bytes bytes, const TypeCodec& codec) {
  bool value = false;
  if (!parse_bool(bytes, value)) return malformed(bytes, codec);
  return PyBool_FromLong(value);
}

bool encode_bool(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  if (!PyBool_Check(object)) {
    PyErr_Format(PyExc_TypeError, "a boolean is required (got type %s)", type_name(object));
    return false;
  }
  Codec<bool>::encode(object == Py_True, out);
  return true;
}

PyObject* decode_int2(Bytes bytes, const TypeCodec& codec) {
  return decode_integer<std::int16_t>(bytes, codec);
}
PyObject* decode_int4(Bytes bytes, const TypeCodec& codec) {
  return decode_integer<std::int32_t>(bytes, codec);
}
PyObject* decode_int8(Bytes bytes, const TypeCodec& codec) {
  return decode_integer<std::int64_t>(bytes, codec);
}
PyObject* decode_uint4(Bytes bytes, const TypeCodec& codec) {
  return decode_integer<std::uint32_t>(bytes, codec);
}
PyObject* decode_uint8(Bytes bytes, const TypeCodec& codec) {
  return decode_integer<std::uint64_t>(bytes, codec);
}

bool encode_int2(PyObject* object, WriteBuffer& out, const TypeCodec& codec) {
  return encode_integer<std::int16_t>(object, out, codec);
}
bool encode_int4(PyObject* object, WriteBuffer& out, const TypeCodec& codec) {
  return encode_integer<std::int32_t>(object, out, codec);
}
bool encode_int8(PyObject* object, WriteBuffer& out, const TypeCodec& codec) {
  return encode_integer<std::int64_t>(object, out, codec);
}
bool encode_uint4(PyObject* object, WriteBuffer& out, const TypeCodec& codec) {
  return encode_integer<std::uint32_t>(object, out, codec);
}
// An xid8: all of the bits, where Codec<std::uint64_t> stops at what an int8 holds.
bool encode_uint8(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  FullTransactionId id;
  if (!to_integer(object, id.value)) return false;
  Codec<FullTransactionId>::encode(id, out);
  return true;
}

PyObject* decode_float4(Bytes bytes, const TypeCodec& codec) {
  float value = 0;
  if (!parse_float4(bytes, value)) return malformed(bytes, codec);
  return PyFloat_FromDouble(static_cast<double>(value));
}

PyObject* decode_float8(Bytes bytes, const TypeCodec& codec) {
  double value = 0;
  if (!parse_float8(bytes, value)) return malformed(bytes, codec);
  return PyFloat_FromDouble(value);
}

bool encode_float4(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  double wide = 0;
  if (!to_double(object, wide)) return false;
  const auto value = static_cast<float>(wide);
  if (std::isinf(value) && !std::isinf(wide)) {
    PyErr_SetString(PyExc_ValueError, "value out of float32 range");
    return false;
  }
  Codec<float>::encode(value, out);
  return true;
}

bool encode_float8(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  double value = 0;
  if (!to_double(object, value)) return false;
  Codec<double>::encode(value, out);
  return true;
}

PyObject* decode_void(Bytes, const TypeCodec&) { return Py_NewRef(Py_None); }

bool encode_void(PyObject*, WriteBuffer&, const TypeCodec&) { return true; }

}  // namespace pgstride::python
