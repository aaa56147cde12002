// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What the server's catalogs say of one type, as data.
#pragma once

#include <string>
#include <vector>

#include "pgstride/protocol/oid.hpp"

namespace pgstride::inline v0 {

struct TypeInfo {
  /// What the type is made of; decides which of the members below mean anything.
  enum class Kind : std::uint8_t { base, array, composite, domain, enumeration, range, multirange, pseudo };

  /// A live attribute of a composite type.
  struct Attribute {
    std::string name;
    Oid type = 0;
  };

  Oid oid = 0;
  std::string name;    // pg_type.typname
  std::string schema;  // pg_namespace.nspname
  Kind kind = Kind::base;
  /// Of an array its element, of a domain its base type, of a range its bounds' type, of a
  /// multirange its range.
  Oid part = 0;
  char delimiter = ',';  // between the elements of an array of this type, in text
  std::vector<Attribute> attributes;
};

}  // namespace pgstride::inline v0
