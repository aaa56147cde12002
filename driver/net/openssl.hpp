// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// TLS by OpenSSL, set up as libpq sets it up.
#pragma once

#include <memory>

#include "pgstride/driver/dsn.hpp"
#include "pgstride/driver/net/tls.hpp"
#include "pgstride/driver/tls_options.hpp"

namespace pgstride::inline v0 {

/// Reads the files that the options name. Null, and which option is to blame, when one is missing
/// that must be there, unreadable, malformed, or a key that others can read.
std::shared_ptr<const TlsContext> make_tls_context(const TlsOptions& options, OptionError& error);

/// OpenSSL's reason for the oldest error in this thread's queue, which is emptied.
std::string take_openssl_reason();

}  // namespace pgstride::inline v0
