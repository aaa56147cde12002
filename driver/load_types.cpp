// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/load_types.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "pgstride/driver/row_view.hpp"
#include "pgstride/protocol/codec/scalar.hpp"

namespace pgstride::inline v0 {
namespace {

constexpr std::string_view lookup =
    "SELECT n.name, t.oid, t.typarray,"
    " ARRAY(SELECT a.atttypid FROM pg_catalog.pg_attribute a"
    "  WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum),"
    " ARRAY(SELECT e.enumlabel::pg_catalog.text FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid)"
    " FROM pg_catalog.unnest($1::pg_catalog.text[]) n(name)"
    " LEFT JOIN pg_catalog.pg_type t ON t.oid = pg_catalog.to_regtype(n.name)";

using Found = std::tuple<std::string, std::optional<Oid>, std::optional<Oid>, std::vector<Oid>,
                         std::vector<std::string>>;

// What is wrong; empty when nothing is.
std::string complaint(const NamedTypeInfo& wanted, const Found& found) {
  const auto& [name, oid, array, attributes, labels] = found;
  const std::string type = "type " + name;
  if (!oid) return type + " does not exist";
  for (const std::string_view label : wanted.labels)
    if (std::ranges::find(labels, label) == labels.end())
      return type + " has no label '" + std::string(label) + "', which " + std::string(wanted.cpp) + " has";
  if (wanted.attributes.empty()) return {};
  if (attributes.size() != wanted.attributes.size())
    return type + " has " + std::to_string(attributes.size()) + " attributes, and " +
           std::string(wanted.cpp) + " has " + std::to_string(wanted.attributes.size()) + " members";
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    const RowMember& member = wanted.attributes[i];
    if (!member.accepts(attributes[i]))
      return "attribute " + std::to_string(i + 1) + " of " + type + " is " + type_text(attributes[i]) +
             ", which " + std::string(wanted.cpp) + "::" + std::string(member.column) + " (" +
             std::string(member.type) + ") can not be";
  }
  return {};
}

}  // namespace

Task<> load_types(Connection& connection, std::vector<NamedTypeInfo> wanted) {
  std::vector<std::string> names;
  for (const NamedTypeInfo& type : wanted) names.emplace_back(type.name);
  const std::vector<Found> all = co_await connection.query_as<Found>(lookup, names);
  std::string complaints;
  for (const NamedTypeInfo& type : wanted) {
    const auto found = std::ranges::find(all, type.name, [](const Found& f) { return std::get<0>(f); });
    const std::string wrong = complaint(type, *found);
    if (!wrong.empty()) complaints.append(complaints.empty() ? "" : "; ").append(wrong);
  }
  if (!complaints.empty()) throw Error(Errc::invalid_argument, complaints);
  TypeNames& types = *connection.channel().session().types();
  for (const auto& [name, oid, array, attributes, labels] : all)
    types.add(name, {oid.value_or(0), array.value_or(0), attributes});
}

}  // namespace pgstride::inline v0
