// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Passwords and tokens that change, from the user's own code.
#pragma once

#include "pgstride/driver/coro/task.hpp"
#include "pgstride/protocol/secret.hpp"

namespace pgstride::inline v0 {

struct Host;

/// Asked anew for each attempt to connect, which waits within its deadline; giving up destroys the task.
/// What a task throws is why connecting fails. Empty: the other options are used.
class Credentials {
 public:
  virtual ~Credentials() = default;
  virtual Task<Secret> password(const Host&) { co_return Secret(); }
  virtual Task<Secret> oauth_token(const Host&) { co_return Secret(); }
};

}  // namespace pgstride::inline v0
