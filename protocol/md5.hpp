// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The answer to AuthenticationMD5Password. Knows nothing of messages.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pgstride/protocol/bytes.hpp"
#include "pgstride/protocol/secret.hpp"

namespace pgstride::inline v0 {

/// "md5" and 32 hexadecimal digits. None when libcrypto has no MD5, as in FIPS mode.
std::optional<std::string> md5_password(std::string_view user, const Secret& password, Bytes salt);

}  // namespace pgstride::inline v0
