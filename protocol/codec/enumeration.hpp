// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Enums of the database and of C++:
//
//     enum class Mood { sad, ok, happy };
//     template <>
//     struct pgstride::Codec<Mood> : pgstride::EnumCodec<Mood, "mood"> {};
//
// The labels are the enumerators' names, unless EnumLabels says otherwise. A label travels as text, in
// both directions, so an enum needs no number.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

#include "pgstride/protocol/codec/text.hpp"
#include "pgstride/protocol/literal.hpp"
#include "pgstride/protocol/reflect.hpp"

namespace pgstride::inline v0 {

template <class E>
struct EnumLabel {
  E value;
  std::string_view label;
};

/// The enumerators from 0 to 63. Specialise it for an enum with others, or other labels:
/// `static constexpr std::array<EnumLabel<Mood>, 2> value{…}`.
template <class E>
struct EnumLabels {
 private:
  template <std::size_t... I>
  static constexpr std::size_t count(std::index_sequence<I...>) noexcept {
    return (std::size_t{0} + ... + std::size_t{!reflect::enumerator_name<E, static_cast<E>(I)>().empty()});
  }
  using Candidates = std::make_index_sequence<64>;

  template <std::size_t... I>
  static constexpr auto collect(std::index_sequence<I...>) noexcept {
    std::array<EnumLabel<E>, count(Candidates())> labels{};
    std::size_t size = 0;
    const auto add = [&](E enumerator, std::string_view name) {
      if (!name.empty()) labels[size++] = {enumerator, name};
    };
    (add(static_cast<E>(I), reflect::enumerator_name<E, static_cast<E>(I)>()), ...);
    return labels;
  }

 public:
  static constexpr auto value = collect(Candidates());
};

template <class E, Literal Name>
  requires std::is_enum_v<E>
struct EnumCodec {
  static constexpr std::string_view type_name = Name.view();
  static constexpr Oid oid = oid::unspecified;
  static constexpr Oid array_oid = oid::unspecified;
  static constexpr Format format = Format::text;
  static constexpr bool accepts(Oid type) noexcept { return is_text(type); }

  static void encode(E value, WriteBuffer& out) {
    for (const auto& known : EnumLabels<E>::value)
      if (known.value == value) return out.text(known.label);
    out.fail();
  }
  static bool decode(Oid, Bytes bytes, E& value) noexcept {
    static_assert(EnumLabels<E>::value.size() > 0, "EnumLabels finds no enumerator from 0 to 63");
    for (const auto& known : EnumLabels<E>::value) {
      if (known.label != as_text(bytes)) continue;
      value = known.value;
      return true;
    }
    return false;
  }
};

}  // namespace pgstride::inline v0
