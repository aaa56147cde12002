// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Which column goes to which member of a C++ type, and whether the member can hold it: decided once per
// result, before its first row. Knows types by their names only.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

#include "pgstride/driver/cpp_name.hpp"
#include "pgstride/protocol/codec/codec.hpp"
#include "pgstride/protocol/row.hpp"

namespace pgstride::inline v0 {

struct ArrayForm;

/// A C++ type that values are read into, for error texts.
struct ReadType {
  template <class T>
  static constexpr ReadType of() noexcept {
    if constexpr (requires {
                    { Codec<T>::form } -> std::same_as<const ArrayForm&>;
                  }) {
      return {cpp_name<T>, &Codec<T>::form};
    } else {
      return {cpp_name<T>, nullptr};
    }
  }

  std::string_view name;   // what C++ calls it
  const ArrayForm* array;  // null when it is none
};
template <class T>
inline constexpr ReadType read_type = ReadType::of<T>();

struct RowMember {
  template <class T>
  static constexpr RowMember of(std::string_view column) noexcept {
    static_assert(Decodable<T>, "no Codec reads a column into a member of this type");
    return {column, read_type<T>, &accepted_by<T>};
  }

  std::string_view column;  // its name; empty: the column at the member's position
  ReadType type;
  bool (*accepts)(Oid);

 private:
  template <class T>
  static bool accepted_by(Oid oid) {
    return Codec<T>::accepts(oid);
  }
};

struct MappedColumn {
  std::size_t column = 0;
  Oid type = 0;
};

/// Throws the Error about a value of an accepted type that `wanted` cannot hold.
[[noreturn]] void refuse_value(const Columns& columns, std::size_t column, const Field& value,
                               const ReadType& wanted);

/// Throws Error when a member has no column, or one that it cannot be read from, and when a column is
/// left over; the text names all of these. `map` has as many elements as there are members.
void map_columns(const RowMember* members, std::size_t count, std::string_view type, const Columns& columns,
                 MappedColumn* map);

}  // namespace pgstride::inline v0
