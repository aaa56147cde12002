// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Asks the catalogs once about the types that C++ types name, and checks that both agree.
#pragma once

#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "pgstride/driver/connection.hpp"
#include "pgstride/driver/pool.hpp"
#include "pgstride/driver/row_map.hpp"
#include "pgstride/protocol/codec/enumeration.hpp"
#include "pgstride/protocol/codec/named.hpp"
#include "pgstride/protocol/reflect.hpp"

namespace pgstride::inline v0 {

/// What a C++ type expects of the database type it names.
struct NamedTypeInfo {
  std::string_view name;
  std::string_view cpp;
  std::vector<RowMember> attributes;     // of a composite; else empty
  std::vector<std::string_view> labels;  // of an enum; else empty
};

namespace detail {

template <class T>
NamedTypeInfo named_type_info() {
  NamedTypeInfo info{Codec<T>::type_name, cpp_name<T>, {}, {}};
  if constexpr (std::is_enum_v<T>) {
    for (const auto& known : EnumLabels<T>::value) info.labels.push_back(known.label);
  } else if constexpr (requires { Codec<T>::is_composite; }) {
    [&]<class... Member>(std::type_identity<reflect::References<Member...>>) {
      std::size_t at = 0;
      (info.attributes.push_back(RowMember::of<Member>(reflect::member_names<T>[at++])), ...);
    }(std::type_identity<decltype(reflect::members(std::declval<T&>()))>());
  }
  return info;
}

}  // namespace detail

/// Stores in the connection's TypeNames what the catalogs say of them. Throws Error, which names
/// everything that is missing or does not fit.
[[nodiscard]] Task<> load_types(Connection& connection, std::vector<NamedTypeInfo> wanted);

/// co_await load_types<Mood, Address>(connection): one round trip. It checks the types, and from then on
/// parameters are declared as them. Needed for a composite whose attributes are of other built-in types than
/// its members are sent as (varchar instead of text), and, before PostgreSQL 14, for composites with
/// attributes of user-made types and arrays of composites. Connections that share ConnectOptions::types need
/// it once.
template <NamedType... T>
[[nodiscard]] Task<> load_types(Connection& connection) {
  return load_types(connection, std::vector<NamedTypeInfo>{detail::named_type_info<T>()...});
}

/// For all connections of a pool, including those that it will open later.
template <NamedType... T>
[[nodiscard]] Task<> load_types(Pool& pool) {
  Acquire acquire = pool.acquire();
  Lease lease = co_await acquire;
  Task<> loading = load_types<T...>(*lease);
  co_await loading;
}

}  // namespace pgstride::inline v0
