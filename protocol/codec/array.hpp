// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Arrays: a header with up to six dimensions, then the elements in row-major order.
//
// The header's numbers are the sender's claims. ArrayView::parse() checks them against the bytes present,
// so room for count() elements may be reserved.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pgstride/protocol/codec/codec.hpp"
#include "pgstride/protocol/codec/parts.hpp"

namespace pgstride::inline v0 {

inline constexpr int max_array_dimensions = 6;

struct ArrayDimension {
  std::int32_t size = 0;
  std::int32_t lower_bound = 1;
  friend bool operator==(const ArrayDimension&, const ArrayDimension&) = default;
};

class ArrayView {
 public:
  /// None: an empty array. A dimension of size 0 also makes one.
  std::span<const ArrayDimension> dimensions() const noexcept { return {dimensions_.data(), ndim_}; }
  Oid element_type() const noexcept { return element_type_; }
  /// A hint of the sender's: elements may be NULL.
  bool has_nulls() const noexcept { return has_nulls_; }
  /// Elements in all dimensions together; each has at least four bytes in the value.
  std::size_t count() const noexcept { return count_; }
  /// The elements as they lie on the wire, for ArrayElements.
  Bytes elements() const noexcept { return elements_; }

  [[nodiscard]] bool parse(Bytes bytes) noexcept;

 private:
  std::array<ArrayDimension, max_array_dimensions> dimensions_{};
  std::size_t ndim_ = 0;
  std::size_t count_ = 0;
  Oid element_type_ = 0;
  bool has_nulls_ = false;
  Bytes elements_;
};

/// Walks over the elements: next() count() times, then done() must hold.
class ArrayElements {
 public:
  explicit ArrayElements(const ArrayView& array) noexcept : in_(array.elements()) {}

  Field next() noexcept { return read_part(in_); }
  /// No element so far was malformed.
  bool ok() const noexcept { return in_.ok(); }
  /// … and the last one ended where the value ends.
  bool done() const noexcept { return in_.done(); }

 private:
  Reader in_;
};

/// Writes the header; the caller then writes the elements, each with its length or as null().
class ArrayWriter {
 public:
  ArrayWriter(WriteBuffer& out, Oid element_type, std::span<const ArrayDimension> dimensions);
  ArrayWriter(const ArrayWriter&) = delete;
  ArrayWriter& operator=(const ArrayWriter&) = delete;

  void null() {
    out_.i32(-1);
    out_.patch_i32(has_nulls_, 1);
  }

 private:
  WriteBuffer& out_;
  std::uint64_t has_nulls_ = 0;  // where the header says so
};

/// What separates elements in text format (pg_type.typdelim): a comma, except for boxes.
constexpr char array_delimiter(Oid element) noexcept { return element == oid::box ? ';' : ','; }

/// An array in text format, or one dimension of it: {"a","b",NULL}. Complete when it was closed.
class ArrayLiteral {
 public:
  explicit ArrayLiteral(WriteBuffer& out, char delimiter = ',') : out_(out), delimiter_(delimiter) {
    out_.u8('{');
  }
  ArrayLiteral(const ArrayLiteral&) = delete;
  ArrayLiteral& operator=(const ArrayLiteral&) = delete;

  void null();
  void element(std::string_view text);
  /// Another ArrayLiteral is about to be this one's next item.
  void nested() { separate(); }
  void close() { out_.u8('}'); }

 private:
  void separate();

  WriteBuffer& out_;
  char delimiter_;
  bool first_ = true;
};

/// T can be the element of an array.
template <class T>
concept ArrayElement = requires {
  { Codec<T>::array_oid } -> std::convertible_to<Oid>;
};

template <class T>
inline constexpr bool is_view<std::vector<T>> = is_view<T>;

namespace detail {

/// The name of a type that has no number, else empty.
template <class T>
constexpr std::string_view type_name_of() noexcept {
  if constexpr (NamedType<T>) {
    return Codec<T>::type_name;
  } else {
    return {};
  }
}

}  // namespace detail

/// One-dimensional arrays. An element that can be NULL needs std::vector<std::optional<T>>. Elements
/// that are sent as text (std::string) make the array be sent as text, of a type that the server
/// infers, like the element alone.
template <ArrayElement T>
struct Codec<std::vector<T>> {
  static constexpr Format format = Codec<T>::format;
  static constexpr Oid oid = Codec<T>::array_oid;
  static constexpr auto element_type_name = detail::type_name_of<T>();

  static void encode(const std::vector<T>& values, WriteBuffer& out)
    requires Encodable<T>
  {
    if constexpr (format == Format::binary) {
      encode_binary(values, oid, out);
    } else {
      encode_text(values, out);
    }
  }

  static Oid binary_oid(const WriteBuffer& out) noexcept
    requires Encodable<T>
  {
    if constexpr (NamedType<T>) {
      const TypeNames::Entry* known = out.types() ? out.types()->find(Codec<T>::type_name) : nullptr;
      return known ? known->array : array_of(pgstride::binary_oid<T>(out));
    } else {
      return array_of(pgstride::binary_oid<T>(out));
    }
  }
  static void encode_binary(const std::vector<T>& values, Oid type, WriteBuffer& out)
    requires Encodable<T>
  {
    encode_elements(values, type, out);
  }

  static constexpr bool accepts(Oid type) noexcept {
    if (const Oid element = element_of(type); element != 0) return Codec<T>::accepts(element);
    // The value itself names its element type, and decode() asks for that.
    return type >= oid::first_user_type || type == oid::anyarray;
  }

  static bool decode(Oid type, Bytes bytes, std::vector<T>& values)
    requires Decodable<T>
  {
    ArrayView array;
    if (!array.parse(bytes) || array.dimensions().size() > 1) return false;
    const Oid element_type = array.element_type();
    if (const Oid expected = element_of(type); expected != 0 && expected != element_type) return false;
    if (!Codec<T>::accepts(element_type)) return false;
    values.clear();
    values.reserve(array.count());
    ArrayElements elements(array);
    for (std::size_t i = 0; i < array.count(); ++i) {
      T value{};
      if (!decode_value(element_type, elements.next(), value) || !elements.ok()) return false;
      values.push_back(std::move(value));
    }
    return elements.done();
  }

 private:
  friend struct Codec<std::span<const T>>;

  template <class Elements>
  static void encode_elements(const Elements& values, Oid type, WriteBuffer& out) {
    if (values.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
      return out.fail_too_large();
    const ArrayDimension dimension{static_cast<std::int32_t>(values.size()), 1};
    const Oid named = element_of(type);
    // Of a type that was not looked up the number is 0. From PostgreSQL 14 on the server minds only when it
    // expects a built-in type there; earlier ones say "wrong element type".
    const Oid element = named != 0 ? named : pgstride::binary_oid<T>(out);
    ArrayWriter array(out, element, {&dimension, values.empty() ? 0U : 1U});
    for (const T& value : values) {
      if (is_sent_as_null(value)) {
        array.null();
      } else {
        encode_binary_value(value, element, out);
      }
    }
  }

  template <class Elements>
  static void encode_text(const Elements& values, WriteBuffer& out) {
    ArrayLiteral array(out);
    WriteBuffer element;
    for (const T& value : values) {
      if (is_sent_as_null(value)) {
        array.null();
        continue;
      }
      Codec<T>::encode(value, element);
      array.element(as_text(element.pending()));
      element.consume(element.pending().size());
      if (element.failed()) return element.failed_too_large() ? out.fail_too_large() : out.fail();
    }
    array.close();
  }
};

/// As the vector of the same elements; a parameter only.
template <class T>
  requires(ArrayElement<T> && !std::same_as<T, std::byte>)
struct Codec<std::span<const T>> {
  static constexpr auto element_type_name = detail::type_name_of<T>();
  static constexpr Format format = Codec<T>::format;
  static constexpr Oid oid = Codec<T>::array_oid;
  static void encode(std::span<const T> values, WriteBuffer& out)
    requires Encodable<T>
  {
    if constexpr (format == Format::binary) {
      Codec<std::vector<T>>::encode_elements(values, oid, out);
    } else {
      Codec<std::vector<T>>::encode_text(values, out);
    }
  }
  static Oid binary_oid(const WriteBuffer& out) noexcept
    requires Encodable<T>
  {
    return Codec<std::vector<T>>::binary_oid(out);
  }
  static void encode_binary(std::span<const T> values, Oid type, WriteBuffer& out)
    requires Encodable<T>
  {
    Codec<std::vector<T>>::encode_elements(values, type, out);
  }
};
template <class T, std::size_t Extent>
  requires(ArrayElement<std::remove_const_t<T>> && !std::same_as<std::remove_const_t<T>, std::byte>)
struct Codec<std::span<T, Extent>> : Codec<std::span<const std::remove_const_t<T>>> {};

}  // namespace pgstride::inline v0
