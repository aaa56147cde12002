// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Where C++ that runs out of memory meets Python, which is told by MemoryError. Nothing may be thrown
// through its frames, nor out of what the loop calls.
#pragma once

#include <exception>
#include <type_traits>

#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

/// What step() returns; when there is no memory for it, what means failure (null, false, -1), with
/// MemoryError set.
template <class Step>
auto or_memory_error(Step&& step) -> decltype(step()) {
  using Result = decltype(step());
  try {
    return step();
  } catch (const std::exception&) {  // bad_alloc, or a length that nothing can have
    PyErr_NoMemory();
    if constexpr (std::is_same_v<Result, int>) {
      return -1;
    } else {
      return Result();
    }
  }
}

template <auto function>
struct Guarded;
template <class Result, class... Args, Result (*function)(Args...)>
struct Guarded<function> {
  static Result call(Args... args) {
    return or_memory_error([&] { return function(args...); });
  }
};

/// A function for a table of methods.
template <auto function>
PyCFunction guarded() noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&Guarded<function>::call));
}

}  // namespace pgstride::python
