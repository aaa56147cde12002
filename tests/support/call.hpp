// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A function in the place of a loop's handlers.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "pgstride/driver/loop/loop.hpp"

namespace pgstride::test {

/// Calls a function for whatever happens.
struct Call final : Job, FdHandler, TimerHandler {
  Call() = default;
  explicit Call(std::function<void()> f) : act(std::move(f)) {}
  void done() noexcept override { act(); }
  void on_timer() noexcept override { act(); }
  void on_fd(Ready r) noexcept override {
    ++calls;
    ready = r;
    if (act) act();
  }

  std::function<void()> act;
  Ready ready = Ready::none;
  int calls = 0;
};

inline std::unique_ptr<Job> call(std::function<void()> f) { return std::make_unique<Call>(std::move(f)); }

}  // namespace pgstride::test
