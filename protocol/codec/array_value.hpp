// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// C++ types that are arrays of PostgreSQL: std::vector, std::array and, as parameters, std::span. Of elements they
// have one dimension; of one another they have up to six: std::vector<std::vector<int>> has two. An element that can
// be NULL needs std::optional<T>. Subscripts count from 1 when an array is sent, and do not matter when it is read.
//
// Elements that are sent as text (std::string) make the array be sent as text, of a type that the server infers, like
// the element alone.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pgstride/protocol/codec/array.hpp"
#include "pgstride/protocol/codec/codec.hpp"

namespace pgstride::inline v0 {

/// T can be the element of an array.
template <class T>
concept ArrayElement = requires {
  { Codec<T>::array_oid } -> std::convertible_to<Oid>;
};

/// T is an array, and can be one of the lists that an array of one dimension more consists of.
template <class T>
concept SubArray = !ArrayElement<T> && std::same_as<typename Codec<T>::Array, T> &&
                   (Codec<T>::form.dimensions < static_cast<std::size_t>(max_array_dimensions));

template <class T>
concept ArrayItem = ArrayElement<T> || SubArray<T>;

template <class T>
inline constexpr bool is_view<std::vector<T>> = is_view<T>;
template <class T, std::size_t Size>
inline constexpr bool is_view<std::array<T, Size>> = is_view<T>;
template <class T, std::size_t Extent>
inline constexpr bool is_view<std::span<T, Extent>> = true;

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

/// Of a list of `size` items.
template <ArrayItem Item>
constexpr ArrayForm form_over(std::size_t size) noexcept {
  ArrayForm form;
  form.sizes[0] = size;
  if constexpr (SubArray<Item>) {
    const ArrayForm& inner = Codec<Item>::form;
    form.dimensions = inner.dimensions + 1;
    form.takes_null = inner.takes_null;
    for (std::size_t i = 0; i < inner.dimensions; ++i) form.sizes[i + 1] = inner.sizes[i];
  } else {
    form.takes_null = requires(Item& item) { Codec<Item>::set_null(item); };
  }
  return form;
}

template <class Item>
struct ElementOf {
  using Type = Item;
};
template <SubArray Item>
struct ElementOf<Item> {
  using Type = typename Codec<Item>::Element;
};

/// A, a list of Items, as a parameter.
template <class A, ArrayItem Item, std::size_t Size = ArrayForm::any_size>
struct ArrayParameter {
  using Array = A;
  using Element = typename ElementOf<Item>::Type;
  static constexpr ArrayForm form = form_over<Item>(Size);
  static constexpr Format format = Codec<Element>::format;
  static constexpr Oid oid = Codec<Element>::array_oid;
  static constexpr auto element_type_name = type_name_of<Element>();

  static void encode(const A& values, WriteBuffer& out)
    requires Encodable<Item>
  {
    if constexpr (format == Format::binary) {
      encode_binary(values, oid, out);
    } else {
      ArrayShape shape;
      measure(values, 0, shape);
      if (!shape.check(out)) return;
      ArrayLiteral literal(out);
      WriteBuffer text;
      if (!shape.dimensions().empty()) encode_text(values, literal, text, out);
      literal.close();
    }
  }

  static Oid binary_oid(const WriteBuffer& out) noexcept
    requires Encodable<Item>
  {
    if constexpr (NamedType<Element>) {
      const TypeNames::Entry* known = out.types() ? out.types()->find(Codec<Element>::type_name) : nullptr;
      if (known) return known->array;
    }
    return array_of(pgstride::binary_oid<Element>(out));
  }
  static void encode_binary(const A& values, Oid type, WriteBuffer& out)
    requires Encodable<Item>
  {
    ArrayShape shape;
    measure(values, 0, shape);
    if (!shape.check(out)) return;
    const Oid named = element_of(type);
    // Of a type that was not looked up the number is 0. From PostgreSQL 14 on the server minds only when it
    // expects a built-in type there; earlier ones say "wrong element type".
    const Oid element = named != 0 ? named : pgstride::binary_oid<Element>(out);
    ArrayWriter array(out, element, shape.dimensions());
    if (!shape.dimensions().empty()) encode_items(values, element, array, out);
  }

  // Of an array or a part of it; for the codec of an array of one dimension more.

  static void measure(const A& values, std::size_t level, ArrayShape& shape) noexcept {
    shape.add_list(level, values.size());
    if constexpr (SubArray<Item>)
      for (const Item& item : values) Codec<Item>::measure(item, level + 1, shape);
  }

  static void encode_items(const A& values, Oid type, ArrayWriter& array, WriteBuffer& out) {
    for (const Item& item : values) {
      if constexpr (SubArray<Item>) {
        Codec<Item>::encode_items(item, type, array, out);
      } else if (is_sent_as_null(item)) {
        array.null();
      } else {
        encode_binary_value(item, type, out);
      }
    }
  }

  /// `text` is for one element, before it is quoted.
  static void encode_text(const A& values, ArrayLiteral& literal, WriteBuffer& text, WriteBuffer& out) {
    for (const Item& item : values) {
      if constexpr (SubArray<Item>) {
        literal.nested();
        ArrayLiteral nested(out);
        Codec<Item>::encode_text(item, nested, text, out);
        nested.close();
      } else if (is_sent_as_null(item)) {
        literal.null();
      } else {
        Codec<Item>::encode(item, text);
        literal.element(as_text(text.pending()));
        text.consume(text.pending().size());
      }
      if (text.failed()) return out.fail_as(text);
    }
  }
};

/// The same, and how it is read.
template <class A, ArrayItem Item, std::size_t Size = ArrayForm::any_size>
struct ArrayCodec : ArrayParameter<A, Item, Size> {
  using typename ArrayParameter<A, Item, Size>::Element;
  using ArrayParameter<A, Item, Size>::form;

  static constexpr bool accepts(Oid type) noexcept {
    if (const Oid element = element_of(type); element != 0) return Codec<Element>::accepts(element);
    // The value itself names its element type, and decode() asks for that.
    return type >= oid::first_user_type || type == oid::anyarray;
  }

  static bool decode(Oid type, Bytes bytes, A& values)
    requires Decodable<Item>
  {
    ArrayView array;
    if (!array.parse(bytes) || !form.takes(array)) return false;
    const Oid element_type = array.element_type();
    if (const Oid expected = element_of(type); expected != 0 && expected != element_type) return false;
    if (!Codec<Element>::accepts(element_type)) return false;
    if (array.count() == 0) {
      values = A();
      return true;
    }
    ArrayElements elements(array);
    return decode_items(array.dimensions().data(), element_type, elements, values) && elements.done();
  }

  /// `dimension` says how many items there are; those behind it, how many in these.
  static bool decode_items(const ArrayDimension* dimension, Oid type, ArrayElements& elements, A& values) {
    if constexpr (Size == ArrayForm::any_size) {
      const auto size = static_cast<std::size_t>(dimension->size);
      values.clear();
      values.reserve(size);
      for (std::size_t i = 0; i < size; ++i) {
        Item item{};
        if (!decode_item(dimension, type, elements, item)) return false;
        values.push_back(std::move(item));
      }
    } else {
      for (Item& item : values)
        if (!decode_item(dimension, type, elements, item)) return false;
    }
    return true;
  }

 private:
  static bool decode_item(const ArrayDimension* dimension, Oid type, ArrayElements& elements, Item& item) {
    if constexpr (SubArray<Item>) {
      return Codec<Item>::decode_items(dimension + 1, type, elements, item);
    } else {
      return decode_value(type, elements.next(), item) && elements.ok();
    }
  }
};

}  // namespace detail

template <ArrayItem T>
struct Codec<std::vector<T>> : detail::ArrayCodec<std::vector<T>, T> {};

/// Read from arrays of that size only.
template <ArrayItem T, std::size_t Size>
struct Codec<std::array<T, Size>> : detail::ArrayCodec<std::array<T, Size>, T, Size> {};

/// A parameter only.
template <class T, std::size_t Extent>
  requires ArrayItem<std::remove_const_t<T>>
struct Codec<std::span<T, Extent>> : detail::ArrayParameter<std::span<T, Extent>, std::remove_const_t<T>> {};

}  // namespace pgstride::inline v0
