// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Users of the operating system.
#pragma once

#include <string>

namespace pgstride::inline v0 {

/// As whom this process runs; empty when that user has no name.
std::string login_name();

/// The home directory of that user; empty when there is no knowing.
std::string home_directory();

/// As whom the process runs that listens at the other end of a Unix socket; empty when nobody knows.
std::string peer_name(int fd);

}  // namespace pgstride::inline v0
