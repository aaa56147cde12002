// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The numbers of types that users and extensions have made, by the names that codecs know them under.
// Filled from the catalogs. Numbers do not change while a database lives, so connections to it may share
// this. A database that was dumped and restored into a newer server has other numbers.
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
  void clear() noexcept;
  std::vector<std::string> names() const;

  /// What the server called its version (server_version) that the numbers were learned from.
  void set_server_version(std::string_view version) { server_version_ = version; }
  /// False: they are another server's, or from before an upgrade. Releases of one major version share them.
  bool are_of(std::string_view server_version) const noexcept;

 private:
  std::map<std::string, Entry, std::less<>> entries_;
  std::string server_version_;  // empty: nobody said
};

}  // namespace pgstride::inline v0
