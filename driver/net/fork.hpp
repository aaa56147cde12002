// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A process that forks shares its connections with its child: the sockets, and what the event loop has
// told the system about them (epoll). Whatever the child did to them would happen to the parent.
#pragma once

#include <atomic>
#include <cstdint>

namespace pgstride::inline v0 {

/// Remembers which process made it.
class BirthProcess {
 public:
  BirthProcess() noexcept : generation_(forks.load(std::memory_order_relaxed)) {}
  /// We are not in a child of the process that made this. Costs no system call.
  bool is_here() const noexcept { return generation_ == forks.load(std::memory_order_relaxed); }

  /// Called in every child, where only the thread that forked exists: no other can be counting.
  static void count_fork() noexcept { forks.fetch_add(1, std::memory_order_relaxed); }

 private:
  static std::atomic<std::uint32_t> forks;  // between this process and the one that was started

  std::uint32_t generation_;
};

}  // namespace pgstride::inline v0
