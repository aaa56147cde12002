// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/type_names.hpp"

#include <utility>

namespace pgstride::inline v0 {

const TypeNames::Entry* TypeNames::find(std::string_view name) const noexcept {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

void TypeNames::add(std::string name, Entry entry) {
  entries_.insert_or_assign(std::move(name), std::move(entry));
}

void TypeNames::clear() noexcept { entries_.clear(); }

bool TypeNames::are_of(std::string_view server_version) const noexcept {
  const auto major = [](std::string_view version) {
    return version.substr(0, version.find_first_not_of("0123456789"));
  };
  return entries_.empty() || server_version_.empty() || major(server_version_) == major(server_version);
}

std::vector<std::string> TypeNames::names() const {
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const auto& entry : entries_) names.push_back(entry.first);
  return names;
}

}  // namespace pgstride::inline v0
