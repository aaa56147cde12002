// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/row_map.hpp"

#include <algorithm>
#include <vector>

#include "pgstride/driver/exception.hpp"
#include "pgstride/driver/row_view.hpp"

namespace pgstride::inline v0 {
namespace {

std::size_t find(const Columns& columns, std::string_view name, std::size_t likely) {
  if (likely < columns.size() && columns[likely].name == name) return likely;
  const auto found = std::ranges::find(columns, name, &Column::name);
  return static_cast<std::size_t>(found - columns.begin());
}

// The sentences of one error text.
class Complaints {
 public:
  void add(const std::string& what) { text_.append(text_.empty() ? "" : "; ").append(what); }
  const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

void check_width(std::size_t members, std::string_view type, const Columns& columns) {
  if (columns.size() == members) return;
  throw RowError(Errc::invalid_argument,
                 "the result has " + std::to_string(columns.size()) + " columns, and " + std::string(type) +
                     " takes " + std::to_string(members),
                 columns);
}

}  // namespace

void map_columns(const RowMember* members, std::size_t count, std::string_view type, const Columns& columns,
                 MappedColumn* map) {
  const bool by_position = members[0].column.empty();
  if (by_position) check_width(count, type, columns);
  Complaints complaints;
  std::vector<bool> used(columns.size());
  for (std::size_t i = 0; i < count; ++i) {
    const RowMember& member = members[i];
    const std::size_t at = by_position ? i : find(columns, member.column, i);
    if (at == columns.size()) {
      complaints.add("there is no column \"" + std::string(member.column) + "\"");
      continue;
    }
    const Column& column = columns[at];
    used[at] = true;
    map[i] = {at, column.type};
    if (!member.accepts(column.type))
      complaints.add(column_text(column) + " is " + type_text(column.type) + ", which cannot be read into " +
                     std::string(member.type.name));
  }
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (!used[i]) complaints.add("no member takes " + column_text(columns[i]));
  if (!complaints.text().empty())
    throw RowError(Errc::invalid_argument,
                   "the result does not fit " + std::string(type) + ": " + complaints.text(), columns);
}

}  // namespace pgstride::inline v0
