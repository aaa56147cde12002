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
