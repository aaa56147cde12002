// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/row_view.hpp"

#include "pgstride/driver/exception.hpp"
#include "pgstride/protocol/codec/array.hpp"

namespace pgstride::inline v0 {
namespace {

std::string dimensions_text(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " dimension" : " dimensions");
}

bool has_null(const ArrayView& array) {
  ArrayElements elements(array);
  for (std::size_t i = 0; i < array.count(); ++i)
    if (elements.next().null) return elements.ok();
  return false;
}

// What is wrong with an array, or nothing when it is not its form.
std::string unfit_array_text(Bytes bytes, const ArrayForm& form, const std::string& type) {
  ArrayView array;
  if (!array.parse(bytes)) return {};
  if (array.count() > 0 && array.dimensions().size() != form.dimensions)
    return "of " + dimensions_text(array.dimensions().size()) + ", and " + type + " has " +
           std::to_string(form.dimensions) + "; nest one std::vector for each dimension";
  if (!form.takes(array)) {
    std::string size;
    for (const ArrayDimension& dimension : array.dimensions())
      size += (size.empty() ? "" : " by ") + std::to_string(dimension.size);
    return "of " + (array.count() == 0 ? "0" : size) + " elements, and " + type +
           " is not of that size; read it into std::vector";
  }
  if (!form.takes_null && has_null(array))
    return "with a NULL in it, for which " + type + " has no room; make its elements std::optional";
  return {};
}

}  // namespace

std::string type_text(Oid type) {
  const std::string_view name = type_name(type);
  return name.empty() ? "type " + std::to_string(type) : std::string(name);
}

std::string column_text(const Column& column) { return "column \"" + column.name + "\""; }

std::string unfit_text(const std::string& place, const Field& value, const ReadType& type,
                       std::string_view remedy) {
  const std::string name(type.name);
  if (value.null) return place + " is NULL, for which " + name + " has no room; " + std::string(remedy);
  if (type.array != nullptr) {
    const std::string text = unfit_array_text(value.bytes, *type.array, name);
    if (!text.empty()) return place + " holds an array " + text;
  }
  return place + " holds a value that does not fit into " + name;
}

void refuse_value(const Columns& columns, std::size_t column, const Field& value, const ReadType& wanted) {
  const Column& refused = columns[column];
  const std::string place = column_text(refused) + " (" + type_text(refused.type) + ")";
  throw RowError(Errc::invalid_value, unfit_text(place, value, wanted, "read it into std::optional"),
                 columns);
}

std::size_t RowView::index_of(std::string_view name) const {
  for (std::size_t i = 0; i < columns_->size(); ++i)
    if ((*columns_)[i].name == name) return i;
  throw RowError(Errc::invalid_argument, "the result has no column \"" + std::string(name) + "\"", *columns_);
}

void RowView::refuse(std::size_t column, const Field& value, bool accepted, const ReadType& wanted) const {
  const Column& refused = (*columns_)[column];
  if (accepted) refuse_value(*columns_, column, value, wanted);
  throw RowError(Errc::invalid_argument,
                 column_text(refused) + " is " + type_text(refused.type) + ", which cannot be read into " +
                     std::string(wanted.name),
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
