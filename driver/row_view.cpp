// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/row_view.hpp"

#include "pgstride/driver/exception.hpp"

namespace pgstride::inline v0 {

std::string type_text(Oid type) {
  const std::string_view name = type_name(type);
  return name.empty() ? "type " + std::to_string(type) : std::string(name);
}

std::string column_text(const Column& column) { return "column \"" + column.name + "\""; }

std::string unfit_text(const std::string& place, bool null, std::string_view type, std::string_view remedy) {
  if (!null) return place + " holds a value that does not fit into " + std::string(type);
  return place + " is NULL, for which " + std::string(type) + " has no room; " + std::string(remedy);
}

void refuse_value(const Columns& columns, std::size_t column, bool null, std::string_view wanted) {
  const Column& refused = columns[column];
  const std::string place = column_text(refused) + " (" + type_text(refused.type) + ")";
  throw RowError(Errc::invalid_value, unfit_text(place, null, wanted, "read it into std::optional"), columns);
}

std::size_t RowView::index_of(std::string_view name) const {
  for (std::size_t i = 0; i < columns_->size(); ++i)
    if ((*columns_)[i].name == name) return i;
  throw RowError(Errc::invalid_argument, "the result has no column \"" + std::string(name) + "\"", *columns_);
}

void RowView::refuse(std::size_t column, bool null, bool accepted, std::string_view wanted) const {
  const Column& refused = (*columns_)[column];
  if (accepted) refuse_value(*columns_, column, null, wanted);
  throw RowError(Errc::invalid_argument,
                 column_text(refused) + " is " + type_text(refused.type) + ", which cannot be read into " +
                     std::string(wanted),
                 *columns_);
}

void RowView::refuse_column(std::size_t column) const {
  throw RowError(Errc::invalid_argument,
                 "the result has " + std::to_string(size()) + " columns, and column " +
                     std::to_string(column) + " (counted from 0) was asked for",
                 *columns_);
}

void RowView::refuse_width(std::size_t wanted) const {
  throw RowError(Errc::invalid_argument,
                 "the result has " + std::to_string(size()) + " columns, and " + std::to_string(wanted) +
                     " types were named",
                 *columns_);
}

}  // namespace pgstride::inline v0
