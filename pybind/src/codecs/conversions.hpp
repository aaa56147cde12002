// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The functions that the table of built-in codecs is made of, one pair for each family of types, and
// what they share. Private to codecs/.
#pragma once

#include <cstdint>
#include <type_traits>

#include "pgstride/pybind/src/codec.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

using DecodeFunction = std::remove_pointer_t<TypeCodec::Decode>;
using EncodeFunction = std::remove_pointer_t<TypeCodec::Encode>;

/// Sets ValueError: these bytes are no value of the codec's type. Returns null.
PyObject* malformed(Bytes value, const TypeCodec& codec);

/// A class of pgstride.exceptions; null with a Python error set.
Ref exception_type(const char* name);

/// A class of pgstride.types, imported when first needed and kept for ever; null with a Python error
/// set. `kept` is the caller's place for it.
PyObject* types_class(const char* name, PyObject*& kept);

/// Counts how deep values lie within each other, on the stack.
class Nesting {
 public:
  Nesting() noexcept { ++depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;
  ~Nesting() { --depth_; }

  /// Nobody nests like that; whoever does is after the stack.
  bool too_deep() const noexcept { return depth_ > 64; }

 private:
  static inline int depth_ = 0;  // guarded by the GIL
};

/// Sized and iterable, but neither a string of any sort nor a mapping: -1 with a Python error set.
int is_container(PyObject* object);
/// collections.abc.Mapping: -1 with a Python error set.
int is_mapping(PyObject* object);

/// type(object).__name__, for error texts.
const char* type_name(PyObject* object) noexcept;

// scalar.cpp
DecodeFunction decode_bool, decode_int2, decode_int4, decode_int8, decode_uint4, decode_uint8;
DecodeFunction decode_float4, decode_float8, decode_void;
EncodeFunction encode_bool, encode_int2, encode_int4, encode_int8, encode_uint4, encode_uint8;
EncodeFunction encode_float4, encode_float8, encode_void;

/// An int, or whatever int() would make one of; OverflowError when it does not fit.
template <class Int>
bool to_integer(PyObject* object, Int& value);
extern template bool to_integer(PyObject*, std::int32_t&);
extern template bool to_integer(PyObject*, std::int64_t&);

// text.cpp
DecodeFunction decode_text, decode_versioned_text, decode_bytea;
EncodeFunction encode_text, encode_versioned_text, encode_bytea;

/// A str of UTF-8, strictly; and one of ASCII, which is not checked again.
PyObject* make_text(Bytes utf8);
PyObject* make_ascii(const char* text, std::size_t size);

// numeric.cpp
DecodeFunction decode_numeric, decode_numeric_text;
EncodeFunction encode_numeric, encode_numeric_text;
bool prepare_numeric();

// uuid.cpp
DecodeFunction decode_uuid;
EncodeFunction encode_uuid;

// timestamp.cpp
DecodeFunction decode_date, decode_timestamp, decode_timestamptz;
EncodeFunction encode_date, encode_timestamp, encode_timestamptz;
bool prepare_timestamps();

// time.cpp
DecodeFunction decode_time, decode_timetz, decode_interval;
EncodeFunction encode_time, encode_timetz, encode_interval;
bool prepare_times();

// system.cpp
DecodeFunction decode_tid, decode_snapshot;
EncodeFunction encode_tid, encode_snapshot;

// net.cpp
DecodeFunction decode_inet;
EncodeFunction encode_inet, encode_cidr;
bool prepare_net();

// bits.cpp
DecodeFunction decode_bits;
EncodeFunction encode_bits;

// geometry.cpp
DecodeFunction decode_point, decode_segment, decode_box, decode_line, decode_circle, decode_path,
    decode_polygon;
EncodeFunction encode_point, encode_segment, encode_box, encode_line, encode_circle, encode_path,
    encode_polygon;

// range.cpp: bounds by codec.element, a multirange's ranges likewise
DecodeFunction decode_range, decode_multirange;
EncodeFunction encode_range, encode_multirange;

// record.cpp: anonymous ones, whose fields say of which types they are
DecodeFunction decode_record;

// hstore.cpp: keys and values by codec.element
DecodeFunction decode_hstore;
EncodeFunction encode_hstore;

// composite.cpp: by CompositeCodec
DecodeFunction decode_composite;
EncodeFunction encode_composite;

// array.cpp and array_literal.cpp: elements by codec.element
DecodeFunction decode_array, decode_any_array, decode_array_literal;
EncodeFunction encode_array, encode_array_literal;

}  // namespace pgstride::python
