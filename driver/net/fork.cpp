// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/net/fork.hpp"

#include <pthread.h>

#include <atomic>

namespace pgstride::inline v0 {
namespace {

std::atomic<std::uint32_t> generation{0};

// Only the thread that forked lives in the child: nobody else can be counting.
void count() { generation.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

std::uint32_t fork_generation() noexcept {
  static const int registered = pthread_atfork(nullptr, nullptr, count);
  (void)registered;  // fails for want of memory only; then a child is taken for its parent
  return generation.load(std::memory_order_relaxed);
}

}  // namespace pgstride::inline v0
