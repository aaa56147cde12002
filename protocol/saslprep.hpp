// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Normalizes a password, so that different ways of typing it give the same bytes (RFC 4013). Knows nothing
// of SCRAM, which is its only user.
#pragma once

#include "pgstride/protocol/secret.hpp"

namespace pgstride::inline v0 {

/// What SCRAM derives its keys from. As in PostgreSQL, a password that cannot be prepared (not
/// UTF-8, a prohibited character, nothing left of it) is not an error but used as it is; so is one
/// of ASCII only.
Secret saslprep(const Secret& password);

}  // namespace pgstride::inline v0
