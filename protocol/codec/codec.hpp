// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// How a C++ type travels as a PostgreSQL value: the customisation point Codec<T>.
//
// Types that users and extensions have made have bases to derive from: EnumCodec (enumeration.hpp),
// CompositeCodec and DomainCodec (named.hpp); Range<T> and arrays come by themselves.
//
// A codec is a stateless description; it knows one value's bytes, never a message, a statement or a
// connection. For a type of your own, specialise it:
//
//   struct Cents { std::int64_t count; };
//   template <>
//   struct pgstride::Codec<Cents> : pgstride::BinaryType<pgstride::oid::money> {
//     static void encode(const Cents& value, pgstride::WriteBuffer& out) { out.i64(value.count); }
//     static bool decode(pgstride::Oid, pgstride::Bytes bytes, Cents& value) {
//       pgstride::Reader in(bytes);
//       value.count = in.i64();
//       return in.done();
//     }
//   };
//
// All members are static. BinaryType brings oid, array_oid, format and accepts().
//
//   member                                needed for      meaning
//   Oid oid                               parameters      the type to declare; 0: the server infers it
//   Format format                         parameters      how encode() writes
//   void encode(const T&, WriteBuffer&)   parameters      writes the body; calls WriteBuffer::fail() for a
//                                                         value that the type cannot hold
//   bool accepts(Oid)                     columns         columns of this type can be read into a T
//   bool decode(Oid, Bytes, T&)           columns         reads a binary value of an accepted type; false if
//                                                         malformed or not fitting (T is then unspecified)
//   Oid array_oid                         std::vector<T>  the array over it; 0: the server infers it
//   bool is_null(const T&)                NULL            sent as NULL; encode() is not called then
//   void set_null(T&)                     NULL            without it, NULL cannot be read into a T
//   bool is_view                          views           true: T points to bytes that are not its own
//   std::string_view type_name            named types     what load_types() looks up; oid is 0 then
//   Oid base_oid                          domains         beside type_name: the type its values have, too
//   bool is_composite                     composites      beside type_name: load_types() checks the members
//   std::string_view element_type_name    arrays          of named types: the element's type_name
//
// Both optional, for values inside arrays, composites and ranges, which are always binary there:
//
//   void encode_binary(const T&, Oid, WriteBuffer&)       the body, as a value of this type; else encode()
//   Oid binary_oid(const WriteBuffer&)                    the type to declare; else oid, or text if that is 0
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <string_view>

#include "pgstride/protocol/bytes.hpp"
#include "pgstride/protocol/oid.hpp"
#include "pgstride/protocol/row.hpp"
#include "pgstride/protocol/type_names.hpp"
#include "pgstride/protocol/write_buffer.hpp"

namespace pgstride::inline v0 {

template <class T>
struct Codec;

/// T can be a parameter.
template <class T>
concept Encodable = requires(const T& value, WriteBuffer& out) {
  { Codec<T>::oid } -> std::convertible_to<Oid>;
  { Codec<T>::format } -> std::convertible_to<Format>;
  Codec<T>::encode(value, out);
};

/// A column can be read into T.
template <class T>
concept Decodable = requires(Oid type, Bytes bytes, T& value) {
  { Codec<T>::accepts(type) } -> std::same_as<bool>;
  { Codec<T>::decode(type, bytes, value) } -> std::same_as<bool>;
};

/// A T points to bytes that are not its own: when it was decoded, those it was decoded from.
template <class T>
inline constexpr bool is_view = [] {
  if constexpr (requires { Codec<T>::is_view; }) {
    return Codec<T>::is_view;
  } else {
    return false;
  }
}();
template <>
inline constexpr bool is_view<Bytes> = true;
template <class T>
inline constexpr bool is_view<std::optional<T>> = is_view<T>;

/// The part of a codec that is the same for every type with one binary form.
template <Oid Type>
struct BinaryType {
  static constexpr Oid oid = Type;
  static constexpr Oid array_oid = array_of(Type);
  static constexpr Format format = Format::binary;
  static constexpr bool accepts(Oid type) noexcept { return type == Type; }
};

/// It is sent as NULL.
template <Encodable T>
bool is_sent_as_null(const T& value) {
  if constexpr (requires { Codec<T>::is_null(value); }) {
    return Codec<T>::is_null(value);
  } else {
    return false;
  }
}

/// A parameter as Bind carries it: length and body, or the length −1 that means NULL.
template <Encodable T>
void encode_value(const T& value, WriteBuffer& out) {
  if (is_sent_as_null(value)) return out.i32(-1);
  ValueLength length(out);
  Codec<T>::encode(value, out);
}

/// The database knows the type by its name only; its number is in TypeNames once it was looked up.
template <class T>
concept NamedType = requires {
  { Codec<T>::type_name } -> std::convertible_to<std::string_view>;
};

/// What the binary form of a T is declared as where a type must be named: inside arrays and composites.
/// 0 when that has to be looked up first.
template <Encodable T>
Oid binary_oid(const WriteBuffer& out) noexcept {
  if constexpr (NamedType<T>) {
    const TypeNames::Entry* known = out.types() ? out.types()->find(Codec<T>::type_name) : nullptr;
    if (known) return known->oid;
    if constexpr (requires { Codec<T>::binary_oid(out); }) {  // a domain's values are of its base type, too
      return Codec<T>::binary_oid(out);
    } else {
      return oid::unspecified;
    }
  } else if constexpr (requires { Codec<T>::binary_oid(out); }) {
    return Codec<T>::binary_oid(out);
  } else {
    return Codec<T>::oid == oid::unspecified ? oid::text : Codec<T>::oid;
  }
}

/// The body of a value that is not NULL, in binary form, as one of this type.
template <Encodable T>
void encode_binary_body(const T& value, Oid type, WriteBuffer& out) {
  if constexpr (requires { Codec<T>::encode_binary(value, type, out); }) {
    Codec<T>::encode_binary(value, type, out);
  } else {
    Codec<T>::encode(value, out);
  }
}

/// As encode_value(), but always in binary form, as a value of this type.
template <Encodable T>
void encode_binary_value(const T& value, Oid type, WriteBuffer& out) {
  if (is_sent_as_null(value)) return out.i32(-1);
  ValueLength length(out);
  encode_binary_body(value, type, out);
}

/// A value as DataRow carries it. NULL is refused (false) by a T that has no room for it.
template <Decodable T>
[[nodiscard]] bool decode_value(Oid type, const Field& field, T& value) {
  if (field.null) {
    if constexpr (requires { Codec<T>::set_null(value); }) {
      Codec<T>::set_null(value);
      return true;
    } else {
      return false;
    }
  }
  return Codec<T>::decode(type, field.bytes, value);
}

/// NULL or a T; the numbers and the types accepted are T's.
template <class T>
  requires Encodable<T> || Decodable<T>
struct Codec<std::optional<T>> : Codec<T> {
  static bool is_null(const std::optional<T>& value) {
    if constexpr (Encodable<T>) {
      return !value.has_value() || is_sent_as_null(*value);
    } else {
      return !value.has_value();
    }
  }
  static void set_null(std::optional<T>& value) noexcept { value.reset(); }

  static void encode(const std::optional<T>& value, WriteBuffer& out)
    requires Encodable<T>
  {
    Codec<T>::encode(*value, out);
  }
  static void encode_binary(const std::optional<T>& value, Oid type, WriteBuffer& out)
    requires Encodable<T>
  {
    encode_binary_body(*value, type, out);
  }
  static bool decode(Oid type, Bytes bytes, std::optional<T>& value)
    requires Decodable<T>
  {
    return Codec<T>::decode(type, bytes, value.emplace());
  }
};

/// Always NULL, of whatever type the server infers.
template <>
struct Codec<std::nullopt_t> {
  static constexpr Oid oid = oid::unspecified;
  static constexpr Format format = Format::text;
  static bool is_null(std::nullopt_t) noexcept { return true; }
  static void encode(std::nullopt_t, WriteBuffer&) noexcept {}
};

template <>
struct Codec<std::nullptr_t> : Codec<std::nullopt_t> {
  static bool is_null(std::nullptr_t) noexcept { return true; }
  static void encode(std::nullptr_t, WriteBuffer&) noexcept {}
};

}  // namespace pgstride::inline v0
