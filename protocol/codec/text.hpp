// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Values that are their own bytes: the text family, json and jsonb, bytea.
//
// A string parameter is sent in text format with no type declared, so the server reads it as
// whatever the statement needs there: a varchar, an enum, a date. Views (string_view, Bytes) point
// into the bytes that they were read from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pgstride/protocol/codec/codec.hpp"

namespace pgstride::inline v0 {

/// Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] bool is_utf8(Bytes bytes) noexcept;

/// Types whose binary form is the text itself. Types that users created are taken for one, because
/// enums, domains over text and citext are; what is not valid text fails when it is read.
constexpr bool is_text(Oid type) noexcept {
  switch (type) {
    case oid::text:
    case oid::varchar:
    case oid::bpchar:
    case oid::name:
    case oid::json:
    case oid::xml:
    case oid::char_:
    case oid::unknown:
    case oid::cstring:
    case oid::refcursor:
    case oid::pg_node_tree: return true;
    default: return type >= oid::first_user_type;
  }
}

/// Types whose binary form is a version number, 1, and then text.
constexpr bool is_versioned_text(Oid type) noexcept { return type == oid::jsonb || type == oid::jsonpath; }

/// What follows the version byte; its value is not looked at otherwise.
[[nodiscard]] inline bool parse_versioned_text(Bytes bytes, Bytes& text) noexcept {
  Reader in(bytes);
  const auto version = in.u8();
  text = in.rest();
  return in.done() && version == 1;
}

inline void write_versioned_text(WriteBuffer& out, std::string_view text) {
  out.u8(1);
  out.text(text);
}

/// The text of a value of any is_text() or is_versioned_text() type.
[[nodiscard]] bool parse_text(Oid type, Bytes bytes, std::string_view& text) noexcept;

/// What every kind of C++ string has in common.
struct InferredText {
  static constexpr Oid oid = oid::unspecified;
  static constexpr Oid array_oid = oid::unspecified;
  static constexpr Format format = Format::text;
  static constexpr bool accepts(Oid type) noexcept { return is_text(type) || is_versioned_text(type); }
  static void encode(std::string_view value, WriteBuffer& out) { out.text(value); }
};

template <>
struct Codec<std::string_view> : InferredText {
  static bool decode(Oid type, Bytes bytes, std::string_view& value) noexcept {
    return parse_text(type, bytes, value);
  }
};

template <>
inline constexpr bool is_view<std::string_view> = true;

template <>
struct Codec<std::string> : InferredText {
  static bool decode(Oid type, Bytes bytes, std::string& value);
};

/// String literals and the like are parameters only.
template <>
struct Codec<const char*> : InferredText {
  static bool is_null(const char* value) noexcept { return value == nullptr; }
};
template <>
struct Codec<char*> : Codec<const char*> {};
template <>
inline constexpr bool is_view<const char*> = true;
template <>
inline constexpr bool is_view<char*> = true;
template <std::size_t Size>
struct Codec<char[Size]> : InferredText {
  /// Up to its NUL, which it need not have.
  static void encode(const char (&value)[Size], WriteBuffer& out) {
    const std::string_view all(value, Size);
    out.text(all.substr(0, all.find('\0')));
  }
};

/// A JSON document, unparsed. Sent as jsonb, which json columns take as well; read from both.
struct Json {
  // Not an aggregate: g++ 12 destroys a temporary one twice when it is written inside a co_await.
  Json() = default;
  explicit Json(std::string text_) : text(std::move(text_)) {}

  std::string text;
  friend bool operator==(const Json&, const Json&) = default;
};

template <>
struct Codec<Json> : BinaryType<oid::jsonb> {
  static void encode(const Json& value, WriteBuffer& out) { write_versioned_text(out, value.text); }
  static constexpr bool accepts(Oid type) noexcept { return type == oid::jsonb || type == oid::json; }
  static bool decode(Oid type, Bytes bytes, Json& value) {
    return Codec<std::string>::decode(type, bytes, value.text);
  }
};

template <>
struct Codec<Bytes> : BinaryType<oid::bytea> {
  static void encode(Bytes value, WriteBuffer& out) { out.bytes(value); }
  static bool decode(Oid, Bytes bytes, Bytes& value) noexcept {
    value = bytes;
    return true;
  }
};

template <>
struct Codec<std::vector<std::byte>> : BinaryType<oid::bytea> {
  static void encode(const std::vector<std::byte>& value, WriteBuffer& out) { out.bytes(value); }
  static bool decode(Oid type, Bytes bytes, std::vector<std::byte>& value);
};

}  // namespace pgstride::inline v0
