// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The codecs of the built-in types, made at compile time from the list of types in protocol/oid.hpp.
// Arrays come from their elements, and what has no form of its own here travels as text.
#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

#include "pgstride/protocol/oid.hpp"
#include "pgstride/pybind/src/codecs/array_shape.hpp"
#include "pgstride/pybind/src/codecs/conversions.hpp"

namespace pgstride::python {
namespace {

constexpr std::size_t type_count = std::size(builtin_types);

struct Conversion {
  Oid type;
  TypeCodec::Decode decode;
  TypeCodec::Encode encode;
};

constexpr Conversion binary_conversions[] = {
    {oid::bool_, decode_bool, encode_bool},
    {oid::int2, decode_int2, encode_int2},
    {oid::int4, decode_int4, encode_int4},
    {oid::int8, decode_int8, encode_int8},
    {oid::oid, decode_uint4, encode_uint4},
    {oid::xid, decode_uint4, encode_uint4},
    {oid::cid, decode_uint4, encode_uint4},
    {oid::xid8, decode_uint8, encode_uint8},
    {oid::pg_lsn, decode_int8, encode_int8},
    {oid::float4, decode_float4, encode_float4},
    {oid::float8, decode_float8, encode_float8},
    {oid::numeric, decode_numeric, encode_numeric},
    {oid::text, decode_text, encode_text},
    {oid::varchar, decode_text, encode_text},
    {oid::bpchar, decode_text, encode_text},
    {oid::name, decode_text, encode_text},
    {oid::xml, decode_text, encode_text},
    {oid::json, decode_text, encode_text},
    {oid::unknown, decode_text, encode_text},
    {oid::cstring, decode_text, encode_text},
    {oid::jsonb, decode_versioned_text, encode_versioned_text},
    {oid::jsonpath, decode_versioned_text, encode_versioned_text},
    {oid::char_, decode_bytea, encode_bytea},
    {oid::bytea, decode_bytea, encode_bytea},
    {oid::pg_mcv_list, decode_bytea, encode_bytea},
    {oid::pg_brin_bloom_summary, decode_bytea, encode_bytea},
    {oid::pg_brin_minmax_multi_summary, decode_bytea, encode_bytea},
    {oid::uuid, decode_uuid, encode_uuid},
    {oid::date, decode_date, encode_date},
    {oid::timestamp, decode_timestamp, encode_timestamp},
    {oid::timestamptz, decode_timestamptz, encode_timestamptz},
    {oid::time, decode_time, encode_time},
    {oid::timetz, decode_timetz, encode_timetz},
    {oid::interval, decode_interval, encode_interval},
    {oid::inet, decode_inet, encode_inet},
    {oid::cidr, decode_inet, encode_cidr},
    {oid::tid, decode_tid, encode_tid},
    {oid::pg_snapshot, decode_snapshot, encode_snapshot},
    {oid::txid_snapshot, decode_snapshot, encode_snapshot},
    {oid::bit, decode_bits, encode_bits},
    {oid::varbit, decode_bits, encode_bits},
    {oid::point, decode_point, encode_point},
    {oid::lseg, decode_segment, encode_segment},
    {oid::box, decode_box, encode_box},
    {oid::line, decode_line, encode_line},
    {oid::circle, decode_circle, encode_circle},
    {oid::path, decode_path, encode_path},
    {oid::polygon, decode_polygon, encode_polygon},
    {oid::record, decode_record, nullptr},
    {oid::void_, decode_void, encode_void},
};

/// Never sent. The server takes no anonymous records, and of the others neither bytes nor text.
constexpr Oid read_only[] = {oid::pg_node_tree,
                             oid::gtsvector,
                             oid::anyenum,
                             oid::pg_brin_bloom_summary,
                             oid::pg_brin_minmax_multi_summary,
                             oid::record};

/// Objects that refer to others, or that a user can hang others on: ipaddress's have a __dict__.
constexpr Oid with_parts[] = {oid::record, oid::inet,   oid::cidr, oid::lseg,
                              oid::box,    oid::circle, oid::path, oid::polygon};

constexpr bool has_parts(Oid type) noexcept {
  return std::find(std::begin(with_parts), std::end(with_parts), type) != std::end(with_parts);
}

constexpr const Conversion* binary_conversion(Oid type) noexcept {
  for (const Conversion& conversion : binary_conversions) {
    if (conversion.type == type) return &conversion;
  }
  return nullptr;
}

constexpr bool is_read_only(Oid type) noexcept {
  return std::find(std::begin(read_only), std::end(read_only), type) != std::end(read_only);
}

/// What the other pseudo-types are, only the server knows.
constexpr bool has_codec(const BuiltinType& type) noexcept {
  if (type.kind == TypeKind::array) return has_codec(*find_builtin_type(type.element));
  return type.kind != TypeKind::pseudo || binary_conversion(type.oid) != nullptr || is_read_only(type.oid);
}

constexpr std::size_t position_of(Oid type) noexcept {
  return static_cast<std::size_t>(find_builtin_type(type) - builtin_types);
}

struct Table {
  TypeCodec rows[type_count];  // in the order of builtin_types
};
extern const Table codecs;

constexpr void make_scalar(TypeCodec& codec) noexcept {
  const Conversion* conversion = binary_conversion(codec.type);
  codec.format = conversion != nullptr ? Format::binary : Format::text;
  codec.decode = conversion != nullptr ? conversion->decode : decode_text;
  if (!is_read_only(codec.type)) codec.encode = conversion != nullptr ? conversion->encode : encode_text;
  codec.atomic = !has_parts(codec.type);
}

constexpr void make_array(TypeCodec& codec, const TypeCodec& element) noexcept {
  const bool is_binary = element.format == Format::binary;
  codec.format = element.format;
  codec.decode = is_binary ? decode_array : decode_array_literal;
  // Nested lists that stand for an array of arrays would be taken for one with more dimensions.
  const bool is_nested = find_builtin_type(element.type)->kind == TypeKind::array;
  if (!is_nested && !is_read_only(element.type))
    codec.encode = is_binary ? encode_array : encode_array_literal;
  codec.kind = "array";
}

constexpr void make_range(TypeCodec& codec) noexcept {
  codec.decode = decode_range;
  codec.encode = encode_range;
  codec.kind = "range";
}

constexpr void make_multirange(TypeCodec& codec) noexcept {
  codec.decode = decode_multirange;
  codec.encode = encode_multirange;
  codec.kind = "multirange";
}

constexpr void make_codec(TypeCodec& codec, const BuiltinType& type, const TypeCodec* part) noexcept {
  switch (type.kind) {
    case TypeKind::array: make_array(codec, *part); break;
    case TypeKind::range: make_range(codec); break;
    case TypeKind::multirange: make_multirange(codec); break;
    default: return make_scalar(codec);
  }
  codec.element = &codecs.rows[position_of(part->type)];
  codec.atomic = false;
}

/// How many types have to be made before this one: those that it consists of.
constexpr int level_of(const BuiltinType& type) noexcept {
  return type.element == 0 ? 0 : 1 + level_of(*find_builtin_type(type.element));
}

constexpr Table make_codecs() noexcept {
  Table table;
  auto& rows = table.rows;
  constexpr int last_level = 3;  // arrays of multiranges of ranges of bounds
  for (int level = 0; level <= last_level; ++level) {
    for (std::size_t i = 0; i < type_count; ++i) {
      const BuiltinType& type = builtin_types[i];
      if (level_of(type) != level) continue;
      rows[i].type = type.oid;
      rows[i].name = type.name.data();
      if (has_codec(type)) make_codec(rows[i], type, level > 0 ? &rows[position_of(type.element)] : nullptr);
    }
  }
  rows[position_of(oid::int2vector)].name = "int2vector[]";
  rows[position_of(oid::oidvector)].name = "oidvector[]";
  rows[position_of(oid::box)].delimiter = ';';
  TypeCodec& any_array = rows[position_of(oid::anyarray)];
  any_array.decode = decode_any_array;
  any_array.atomic = false;
  return table;
}

constinit const Table codecs = make_codecs();

constexpr Oid last_oid = builtin_types[type_count - 1].oid;
static_assert(type_count < 256 && last_oid < 8192);

/// By oid, the position in the table plus one.
constexpr auto positions = [] {
  std::array<std::uint8_t, last_oid + 1> table{};
  for (std::size_t i = 0; i < type_count; ++i) table[builtin_types[i].oid] = static_cast<std::uint8_t>(i + 1);
  return table;
}();

constexpr TypeCodec text = {oid::unspecified, "text", Format::text, decode_text, encode_text, nullptr, true};

}  // namespace

const TypeCodec* find_codec(Oid type) noexcept {
  if (type >= positions.size() || positions[type] == 0) return nullptr;
  const TypeCodec& codec = codecs.rows[positions[type] - 1U];
  return codec.decode != nullptr ? &codec : nullptr;
}

const TypeCodec& text_codec() noexcept { return text; }

bool prepare_codecs() {
  return prepare_numeric() && prepare_timestamps() && prepare_times() && prepare_net() && prepare_arrays();
}

Ref exception_type(const char* name) {
  const Ref module = Ref::steal(PyImport_ImportModule("pgstride.exceptions"));
  return module ? attribute(module.get(), name) : Ref();
}

PyObject* malformed(Bytes value, const TypeCodec& codec) {
  return PyErr_Format(PyExc_ValueError, "malformed %s value of %zu bytes", codec.name, value.size());
}

PyObject* types_class(const char* name, PyObject*& kept) {
  if (kept == nullptr) {
    const Ref module = Ref::steal(PyImport_ImportModule("pgstride.types"));
    kept = module ? PyObject_GetAttrString(module.get(), name) : nullptr;
  }
  return kept;
}

const char* type_name(PyObject* object) noexcept {
  const char* name = Py_TYPE(object)->tp_name;  // of types written in C with the module in front
  const char* point = std::strrchr(name, '.');
  return point != nullptr ? point + 1 : name;
}

}  // namespace pgstride::python
