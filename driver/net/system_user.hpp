// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Users of the operating system.
#pragma once

#include <string>

namespace pgstride::inline v0 {

/// The user that this process runs as; empty when it has no name.
std::string login_name();

/// That user's home directory; empty when unknown.
std::string home_directory();

/// The user that the process at the other end of a Unix socket runs as; empty when unknown.
std::string peer_name(int fd);

}  // namespace pgstride::inline v0
