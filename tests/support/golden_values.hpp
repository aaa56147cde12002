// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// tests/golden/values.tsv in memory: values as a server writes them, in binary and in text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pgstride/protocol/bytes.hpp"
#include "pgstride/protocol/oid.hpp"

namespace pgstride::test {

struct GoldenValue {
  Oid type = 0;
  std::string type_name;
  std::string binary;
  std::string text;
};

/// Throws when the file is missing or not what tools/golden.py writes.
std::vector<GoldenValue> read_golden_values();

std::string to_hex(Bytes bytes, std::string_view separator = "");
/// Spaces between bytes are passed over.
std::string from_hex(std::string_view digits);

}  // namespace pgstride::test
