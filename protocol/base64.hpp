// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Base64 (RFC 4648 §4), strict: one text for every value. Knows nothing of SCRAM, its user.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pgstride/protocol/bytes.hpp"

namespace pgstride::inline v0 {

std::string encode_base64(Bytes bytes);

/// None for anything that encode_base64 would not have written: other characters, white space,
/// missing or misplaced padding, leftover bits that are not zero.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace pgstride::inline v0
