// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// pgstride on an io_context of Boost.Asio, for programs that use it already. Nothing else includes this.
#pragma once

#include <utility>  // forgotten by some releases of Asio

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include "pgstride/driver/loop/asio_loop.hpp"

namespace pgstride::inline v0 {

struct BoostAsio {
  using Context = ::boost::asio::io_context;
  using Descriptor = ::boost::asio::posix::stream_descriptor;
  using SteadyTimer = ::boost::asio::steady_timer;
  using Pool = ::boost::asio::thread_pool;

  template <class Where, class Function>
  static void post(Where& where, Function&& function) {
    ::boost::asio::post(where, std::forward<Function>(function));
  }
  /// While this exists the context does not run out of work.
  static auto keep_running(Context& context) { return ::boost::asio::make_work_guard(context); }
};

using BoostAsioLoop = BasicAsioLoop<BoostAsio>;

}  // namespace pgstride::inline v0
