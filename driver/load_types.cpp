// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/load_types.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "pgstride/driver/row_view.hpp"
#include "pgstride/driver/type_lookup.hpp"

namespace pgstride::inline v0 {
namespace {

// What is wrong; empty when nothing is.
std::string complaint(const NamedTypeInfo& wanted, const FoundType& found) {
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
             std::string(member.type.name) + ") cannot be";
  }
  return {};
}

}  // namespace

Task<> load_types(Connection& connection, std::vector<NamedTypeInfo> wanted) {
  std::vector<std::string> names;
  names.reserve(wanted.size());
  for (const NamedTypeInfo& type : wanted) names.emplace_back(type.name);
  Channel& channel = connection.channel();
  Task<std::vector<FoundType>> asking = look_up_types(channel, std::move(names));
  const std::vector<FoundType> all = co_await asking;
  std::string complaints;
  for (const NamedTypeInfo& type : wanted) {
    const auto found = std::ranges::find(
        all, type.name, [](const FoundType& f) -> const std::string& { return std::get<0>(f); });
    const std::string wrong = found == all.end() ? "the server says nothing of type " + std::string(type.name)
                                                 : complaint(type, *found);
    if (!wrong.empty()) complaints.append(complaints.empty() ? "" : "; ").append(wrong);
  }
  if (!complaints.empty()) throw Error(Errc::invalid_argument, complaints);
  remember_types(channel, all);
}

}  // namespace pgstride::inline v0
