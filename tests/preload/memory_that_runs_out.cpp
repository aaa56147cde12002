// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Preloaded into an interpreter: memory that runs out where a test wants it to, for C++'s own allocations on
// the thread that asks for it, and for what grows.
#include <dlfcn.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

thread_local long left = 0;             // allocations to succeed before one fails
thread_local std::size_t too_much = 0;  // that nothing may grow to; 0: no limit

}  // namespace

extern "C" {

/// The allocation of this number, counted from now, fails; 0: none.
void fail_allocation(long nth) { left = nth; }
/// Whether it has not come to that.
int is_failure_due() { return left > 0; }
/// Nothing on this thread can be made larger than this (bytes), for once; 0: no limit.
void fail_growth_to(std::size_t size) { too_much = size; }

void* realloc(void* memory, std::size_t size) {
  if (too_much != 0 && memory != nullptr && size >= too_much) {
    too_much = 0;
    errno = ENOMEM;
    return nullptr;
  }
  using Realloc = void* (*)(void*, std::size_t);
  static const auto next = reinterpret_cast<Realloc>(dlsym(RTLD_NEXT, "realloc"));
  return next(memory, size);
}
}

// All of them, as a sanitizer has its own of each, and wants to see the two of a kind.
void* operator new(std::size_t size) {
  if (left > 0 && --left == 0) throw std::bad_alloc();
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return operator new(size);
  } catch (...) {
    return nullptr;
  }
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return operator new(size, std::nothrow);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
