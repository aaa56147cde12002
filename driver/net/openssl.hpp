// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// TLS by OpenSSL, set up as libpq sets it up.
#pragma once

#include <memory>

#include "pgstride/driver/dsn.hpp"
#include "pgstride/driver/net/tls.hpp"
#include "pgstride/driver/tls_options.hpp"

namespace pgstride::inline v0 {

/// Reads the files that the options name. Null, and the option to blame, when a required file is missing,
/// or one is unreadable or malformed, or a key is readable for others.
std::shared_ptr<const TlsContext> make_tls_context(const TlsOptions& options, OptionError& error);

/// OpenSSL's reason for the oldest error in this thread's queue, which is emptied.
std::string take_openssl_reason();

}  // namespace pgstride::inline v0
