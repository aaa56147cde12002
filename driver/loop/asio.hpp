// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// pgstride on an io_context of standalone Asio, for programs that use it already. Nothing else includes this.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>
#include <utility>  // forgotten by some releases of Asio

#include "pgstride/driver/loop/asio_loop.hpp"

namespace pgstride::inline v0 {

struct StandaloneAsio {
  using Context = ::asio::io_context;
  using Descriptor = ::asio::posix::stream_descriptor;
  using SteadyTimer = ::asio::steady_timer;
  using Pool = ::asio::thread_pool;

  template <class Where, class Function>
  static void post(Where& where, Function&& function) {
    ::asio::post(where, std::forward<Function>(function));
  }
  /// While this exists the context does not run out of work.
  static auto keep_running(Context& context) { return ::asio::make_work_guard(context); }
};

using AsioLoop = BasicAsioLoop<StandaloneAsio>;

}  // namespace pgstride::inline v0
