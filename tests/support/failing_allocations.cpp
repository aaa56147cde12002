// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/failing_allocations.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

thread_local long left = 0;  // to succeed before one fails
thread_local bool counts = false;

}  // namespace

// All of them, as a sanitizer has its own of each, and wants to see the two of a kind.
void* operator new(std::size_t size) {
  if (counts && left > 0 && --left == 0) throw std::bad_alloc();
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

namespace pgstride::test {

OneFails::OneFails(long nth) noexcept { left = nth; }
OneFails::~OneFails() { left = 0; }
bool OneFails::happened() const noexcept { return left == 0; }

OneFails::Counting::Counting() noexcept { counts = true; }
OneFails::Counting::~Counting() { counts = false; }

}  // namespace pgstride::test
