// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A process that forks shares its connections with its child: the sockets, and what the event loop has
// told the system about them (epoll). Whatever the child did to them would happen to the parent.
#pragma once

#include <cstdint>

namespace pgstride::inline v0 {

/// Other than it was: this is a child of the process that asked before. Costs no system call.
std::uint32_t fork_generation() noexcept;

/// Remembers which process made it.
class BirthProcess {
 public:
  BirthProcess() noexcept : generation_(fork_generation()) {}
  /// We are not in a child of the process that made this.
  bool is_here() const noexcept { return generation_ == fork_generation(); }

 private:
  std::uint32_t generation_;
};

}  // namespace pgstride::inline v0
