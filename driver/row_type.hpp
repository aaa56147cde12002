// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// C++ types that a whole row can be read into: one value, a tuple, an aggregate. What is the same for
// all of them is in row_map.hpp.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "pgstride/driver/cpp_name.hpp"
#include "pgstride/driver/row_map.hpp"
#include "pgstride/protocol/codec/codec.hpp"
#include "pgstride/protocol/literal.hpp"
#include "pgstride/protocol/reflect.hpp"

namespace pgstride::inline v0 {

/// Specialise it for an aggregate whose members are not called as its columns are:
///
///     template <>
///     struct pgstride::RowNames<User> : pgstride::Named<"id", "full_name"> {};   // or
///     template <>
///     struct pgstride::RowNames<User> : pgstride::ByPosition {};
template <class T>
struct RowNames {
  static constexpr auto value = reflect::member_names<T>;
};

/// The columns for the members, in the members' order.
template <Literal... Names>
struct Named {
  static constexpr std::array<std::string_view, sizeof...(Names)> value{Names.view()...};
};
/// The first column for the first member, and so on.
struct ByPosition {
  static constexpr std::array<std::string_view, 0> value{};
};

template <class T, std::size_t Size>
struct RowNames<std::array<T, Size>> : ByPosition {};

namespace detail {

template <class T>
inline constexpr bool is_std_array = false;
template <class T, std::size_t Size>
inline constexpr bool is_std_array<std::array<T, Size>> = true;

}  // namespace detail

/// The value of a column, and so of a row with one column. A std::array is one as a member only; as a row it has a
/// column for each element.
template <class T>
concept RowValue = Decodable<T> && !detail::is_std_array<T>;

/// An aggregate that is not a value itself.
template <class T>
concept RowStruct = std::is_class_v<T> && std::is_aggregate_v<T> && !RowValue<T>;

namespace detail {

template <class T>
inline constexpr bool is_tuple = false;
template <class... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;

template <class... T, std::size_t... I>
constexpr auto elements(std::tuple<T...>& row, std::index_sequence<I...>) noexcept {
  return reflect::refer_to(std::get<I>(row)...);
}

/// References to what is filled from the columns.
template <class T>
constexpr auto parts(T& row) noexcept {
  if constexpr (RowValue<T>) {
    return reflect::refer_to(row);
  } else if constexpr (is_tuple<T>) {
    return detail::elements(row, std::make_index_sequence<std::tuple_size_v<T>>());
  } else {
    return reflect::members(row);
  }
}

template <class T>
using Parts = decltype(detail::parts(std::declval<T&>()));

template <class... Part>
constexpr bool any_view(std::type_identity<reflect::References<Part...>>) noexcept {
  return (is_view<Part> || ...);
}
template <class T>
constexpr bool has_view() noexcept {
  return detail::any_view(std::type_identity<Parts<T>>());
}

template <class T>
constexpr std::string_view column_name(std::size_t member) noexcept {
  if constexpr (RowStruct<T>) {
    constexpr auto& names = RowNames<T>::value;
    static_assert(names.size() == 0 || names.size() == Parts<T>::size,
                  "RowNames must name a column for every member");
    if constexpr (names.size() > 0) return names[member];
  }
  return {};
}

template <class T, class = Parts<T>>
struct RowMembers;
template <class T, std::size_t... I, class... Part>
struct RowMembers<T, reflect::ReferencesAt<std::index_sequence<I...>, Part...>> {
  static_assert(sizeof...(I) > 0, "a row type has members, all of them public and none of a base");
  static constexpr RowMember value[]{RowMember::of<Part>(column_name<T>(I))...};
};

}  // namespace detail

/// A row can be read into T.
template <class T>
concept RowType = std::default_initializable<T> && (RowValue<T> || detail::is_tuple<T> || RowStruct<T>);

/// Reads rows into T: bound to a result's columns once, then used for each of its rows.
template <RowType T>
class RowReader {
 public:
  static constexpr std::size_t size = detail::Parts<T>::size;

  /// Throws Error, which names everything that does not fit.
  void bind(const Columns& columns) {
    columns_ = &columns;
    map_columns(members, size, cpp_name<T>, columns, map_);
  }

  /// `values` are those of a row of a result with the columns that this is bound to. Throws Error.
  T read(Bytes values) const {
    T result{};
    read(values, result);
    return result;
  }
  /// Into one that was just made.
  void read(Bytes values, T& result) const {
    Reader row(values);
    Field fields[size];
    for (Field& field : fields) field = next_field(row);
    const std::size_t good = detail::parts(result).apply([&](auto&... part) {
      std::size_t read = 0;
      (void)((decode_value(map_[read].type, fields[map_[read].column], part) && ++read) && ...);
      return read;
    });
    if (good < size) [[unlikely]]
      refuse_value(*columns_, map_[good].column, fields[map_[good].column], members[good].type);
  }

 private:
  static constexpr auto& members = detail::RowMembers<T>::value;

  const Columns* columns_ = nullptr;
  MappedColumn map_[size];
};

}  // namespace pgstride::inline v0
