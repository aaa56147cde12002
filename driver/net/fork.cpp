// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/net/fork.hpp"

#include <pthread.h>

#include <atomic>

namespace pgstride::inline v0 {

constinit std::atomic<std::uint32_t> BirthProcess::forks{0};

namespace {

// Fails for want of memory only; then a child is taken for its parent.
[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, &BirthProcess::count_fork);

}  // namespace
}  // namespace pgstride::inline v0
