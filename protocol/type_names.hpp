// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The numbers of types that users and extensions have made, by the names that codecs know them under.
// Filled by whoever asks the catalogs; a number never changes, so connections to one database may share it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pgstride/protocol/oid.hpp"

namespace pgstride::inline v0 {

class TypeNames {
 public:
  struct Entry {
    Oid oid = 0;
    Oid array = 0;                // the array over it
    std::vector<Oid> attributes;  // the types of a composite's
  };

  /// `name` as a codec spells it, with or without a schema. Null: not looked up yet.
  const Entry* find(std::string_view name) const noexcept;
  void add(std::string name, Entry entry);
  /// After types were dropped and made anew.
  void clear() noexcept { entries_.clear(); }

 private:
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace pgstride::inline v0
