// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Memory that runs out where a test wants it to. Replaces the program's operator new.
//
//     for (int nth = 1; ; ++nth) {
//       OneFails one(nth);                            // of the allocations that count
//       one.counting([&] { session.submit(query); }); // those in here, on this thread
//       if (!one.happened()) break;                   // the last round went through undisturbed
//     }
#pragma once

#include <new>
#include <utility>

namespace pgstride::test {

class OneFails {
 public:
  explicit OneFails(long nth) noexcept;
  OneFails(const OneFails&) = delete;
  OneFails& operator=(const OneFails&) = delete;
  ~OneFails();

  template <class Step>
  decltype(auto) counting(Step&& step) {
    const Counting while_it_runs;
    return std::forward<Step>(step)();
  }
  /// The same for a step that says so when memory has run out. False: it has said so.
  template <class Step>
  bool attempt(Step&& step) {
    try {
      counting(std::forward<Step>(step));
      return true;
    } catch (const std::bad_alloc&) {
      if (!happened()) throw;
      return false;
    }
  }
  bool happened() const noexcept;

 private:
  struct Counting {
    Counting() noexcept;
    Counting(const Counting&) = delete;
    Counting& operator=(const Counting&) = delete;
    ~Counting();
  };
};

}  // namespace pgstride::test
