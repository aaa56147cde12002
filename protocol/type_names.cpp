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

}  // namespace pgstride::inline v0
