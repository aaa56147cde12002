// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Composite types and domains of the database, as C++ classes, addressed by their names:
//
//     struct Address { std::string street; int zip; };
//     template <>
//     struct pgstride::Codec<Address> : pgstride::CompositeCodec<Address, "address"> {};
//
//     struct Email { std::string text; };
//     template <>
//     struct pgstride::Codec<Email> : pgstride::DomainCodec<Email, "email"> {};
//
// Reading needs nothing else. As parameters, composite types name their attributes' types: built-in ones are
// guessed from the members (text for a string), others are left open, and all are known after load_types().
#pragma once

#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pgstride/protocol/codec/array_value.hpp"
#include "pgstride/protocol/codec/composite.hpp"
#include "pgstride/protocol/codec/text.hpp"
#include "pgstride/protocol/literal.hpp"
#include "pgstride/protocol/reflect.hpp"
#include "pgstride/protocol/type_names.hpp"

namespace pgstride::inline v0 {

/// T's members are the attributes, in their order.
template <class T, Literal Name>
struct CompositeCodec {
  static constexpr std::string_view type_name = Name.view();
  static constexpr Oid oid = oid::unspecified;
  static constexpr Oid array_oid = oid::unspecified;
  static constexpr Format format = Format::binary;
  static constexpr bool is_composite = true;
  static constexpr bool is_view = []<class... Member>(std::type_identity<reflect::References<Member...>>) {
    return (pgstride::is_view<Member> || ...);
  }(std::type_identity<decltype(reflect::members(std::declval<T&>()))>());
  static constexpr bool accepts(Oid type) noexcept {
    return type >= oid::first_user_type || type == oid::record;
  }

  static void encode(const T& value, WriteBuffer& out) {
    const auto members = reflect::members(value);
    write_composite_header(out, members.size);
    const TypeNames::Entry* known = out.types() ? out.types()->find(type_name) : nullptr;
    std::size_t at = 0;
    const auto write = [&](const auto& member) {
      using Member = std::remove_cvref_t<decltype(member)>;
      static_assert(Encodable<Member>, "no Codec sends a member of this type as an attribute");
      const Oid type =
          known && at < known->attributes.size() ? known->attributes[at] : binary_oid<Member>(out);
      ++at;
      out.u32(type);
      encode_binary_value(member, type, out);
    };
    members.apply([&](const auto&... member) { (write(member), ...); });
  }

  static bool decode(Oid, Bytes bytes, T& value) {
    const auto members = reflect::members(value);
    CompositeView composite;
    if (!composite.parse(bytes) || composite.count() != members.size) return false;
    const auto read = [&](auto& member) {
      using Member = std::remove_cvref_t<decltype(member)>;
      static_assert(Decodable<Member>, "no Codec reads an attribute into a member of this type");
      const CompositeField field = composite.next();
      return composite.ok() && Codec<Member>::accepts(field.type) &&
             decode_value(field.type, field.value, member);
    };
    return members.apply([&](auto&... member) { return (read(member) && ...); }) && composite.done();
  }
};

/// T has one member, of the domain's base type.
template <class T, Literal Name>
struct DomainCodec {
  static constexpr std::string_view type_name = Name.view();
  static constexpr Oid oid = oid::unspecified;
  static constexpr Oid array_oid = oid::unspecified;
  static constexpr bool is_view = pgstride::is_view<reflect::OnlyMember<T>>;
  static constexpr Oid base_oid = Codec<reflect::OnlyMember<T>>::oid;
  static constexpr Format format = Codec<reflect::OnlyMember<T>>::format;
  /// The server reports a column's base type; inside arrays and composites it names the domain.
  static constexpr bool accepts(Oid type) noexcept {
    return Base::accepts(type) || type >= oid::first_user_type;
  }

  // A member that can be NULL makes the whole of it NULL.
  static bool is_null(const T& value)
    requires requires(const reflect::OnlyMember<T>& member) {
      Codec<reflect::OnlyMember<T>>::is_null(member);
    }
  {
    return Base::is_null(reflect::get<0>(reflect::members(value)));
  }
  static void set_null(T& value)
    requires requires(reflect::OnlyMember<T>& member) { Codec<reflect::OnlyMember<T>>::set_null(member); }
  {
    Base::set_null(reflect::get<0>(reflect::members(value)));
  }

  static void encode(const T& value, WriteBuffer& out) {
    Base::encode(reflect::get<0>(reflect::members(value)), out);
  }
  static void encode_binary(const T& value, Oid type, WriteBuffer& out) {
    if constexpr (requires { Base::encode_binary(reflect::get<0>(reflect::members(value)), type, out); }) {
      Base::encode_binary(reflect::get<0>(reflect::members(value)), type, out);
    } else {
      encode(value, out);
    }
  }
  /// For a domain that was not looked up: its base type, which the server may expect.
  static Oid binary_oid(const WriteBuffer& out) noexcept {
    return pgstride::binary_oid<reflect::OnlyMember<T>>(out);
  }
  static bool decode(Oid type, Bytes bytes, T& value) {
    constexpr Oid base = Base::oid == oid::unspecified ? oid::text : Base::oid;
    return Base::decode(Base::accepts(type) ? type : base, bytes, reflect::get<0>(reflect::members(value)));
  }

 private:
  using Base = Codec<reflect::OnlyMember<T>>;
};

}  // namespace pgstride::inline v0
