// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A row that is stored elsewhere: in the receive buffer, a cursor's batch or a Result. Decodes the
// values that are asked for, into the types that are asked for, from where they lie.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "pgstride/driver/row_map.hpp"
#include "pgstride/driver/row_type.hpp"
#include "pgstride/protocol/codec/codec.hpp"
#include "pgstride/protocol/row.hpp"

namespace pgstride::inline v0 {

/// A type as PostgreSQL calls it, for error texts.
std::string type_text(Oid type);
/// `column "name"`
std::string column_text(const Column& column);
/// Why the value in that place cannot be read into that type, and what to do; `remedy` is for NULL.
std::string unfit_text(const std::string& place, const Field& value, const ReadType& type,
                       std::string_view remedy);

/// Valid as long as the bytes and columns that it was made from. What is read as a view
/// (std::string_view, Bytes) points into those bytes.
class RowView {
 public:
  /// `values` are those of a well-formed DataRow with these columns.
  RowView(Bytes values, const Columns& columns) noexcept : columns_(&columns), values_(values), at_(values) {}

  std::size_t size() const noexcept { return columns_->size(); }
  const Columns& columns() const noexcept { return *columns_; }

  /// The value of a column, counted from 0. Throws Error when there is no such column, when its type
  /// cannot be read into T, and when it is NULL and T is no std::optional.
  template <Decodable T>
  T get(std::size_t column) const {
    const Field value = field(column);
    const Oid type = (*columns_)[column].type;
    T result{};
    if (!Codec<T>::accepts(type) || !decode_value(type, value, result)) [[unlikely]]
      refuse(column, value, Codec<T>::accepts(type), read_type<T>);
    return result;
  }
  /// The first column of that name.
  template <Decodable T>
  T get(std::string_view name) const {
    return get<T>(index_of(name));
  }
  /// The values, by column name, in a T.
  template <RowStruct T>
  T as() const {
    RowReader<T> reader;
    reader.bind(*columns_);
    return reader.read(values_);
  }
  /// All values, as many as there are columns.
  template <Decodable... T>
    requires(sizeof...(T) != 1 || (RowValue<T> && ...))
  std::tuple<T...> as() const {
    if (size() != sizeof...(T)) refuse_width(sizeof...(T));
    return [this]<std::size_t... I>(std::index_sequence<I...>) {
      return std::tuple<T...>{this->get<T>(I)...};
    }(std::index_sequence_for<T...>{});
  }

  bool is_null(std::size_t column) const { return field(column).null; }
  bool is_null(std::string_view name) const { return is_null(index_of(name)); }
  /// The value as it came, in binary form.
  Field field(std::size_t column) const {
    if (column >= columns_->size()) [[unlikely]]
      refuse_column(column);
    if (column < next_) {
      next_ = 0;
      at_ = Reader(values_);
    }
    for (; next_ < column; ++next_) next_field(at_);
    ++next_;
    return next_field(at_);
  }
  /// Throws Error when there is none.
  std::size_t index_of(std::string_view name) const;

 private:
  [[noreturn]] void refuse(std::size_t column, const Field& value, bool accepted,
                           const ReadType& wanted) const;
  [[noreturn]] void refuse_column(std::size_t column) const;
  [[noreturn]] void refuse_width(std::size_t wanted) const;

  const Columns* columns_;
  Bytes values_;
  // Columns are mostly asked for from left to right: no index is built, a place is kept.
  mutable Reader at_;
  mutable std::size_t next_ = 0;
};

}  // namespace pgstride::inline v0
