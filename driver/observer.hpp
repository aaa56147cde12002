// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What tracing, logging and metrics want to know. Name an Observer in ConnectOptions and it is told of
// everything that the C++ interface does; without one there is no cost.
#pragma once

#include <cstdint>
#include <string_view>

#include "pgstride/driver/loop/loop.hpp"
#include "pgstride/protocol/error.hpp"

namespace pgstride::inline v0 {

/// Functions do nothing unless overridden. They are called on the loop's thread, some from inside the
/// parser: they look and take notes, and use neither the connection nor its requests. Views are valid
/// during the call only. Must outlive every connection that it was named for.
class Observer {
 public:
  /// Tells requests that are under way at the same time apart.
  using RequestId = const void*;

  struct Connect {
    std::string_view host;     // the one reached; all that were tried when it failed
    Duration took;             // name resolution and authentication included
    const Failure* failure;    // null: connected
    std::int32_t backend_pid;  // 0 when it failed
  };
  virtual void on_connect(const Connect&) noexcept {}

  /// A pool has handed out a connection, or has not.
  struct Acquire {
    Duration waited;         // for a connection that was idle, next to nothing
    const Failure* failure;  // null: handed out. Errc::cancelled: nobody waits for it any more
  };
  virtual void on_acquire(const Acquire&) noexcept {}

  struct Evict {
    std::int32_t backend_pid;
    /// "lost", "too old", "idle for too long", "expired", "discarded", "demoted", "not reset", "check failed"
    /// or "the pool was closed".
    std::string_view reason;
  };
  /// A pool lets go of a connection.
  virtual void on_evict(const Evict&) noexcept {}

  struct Start {
    RequestId request;
    std::string_view sql;
    std::int32_t backend_pid;
    bool prepares;  // the statement is new to this connection
  };
  /// A request was made; it leaves when it, or one made later, is awaited.
  virtual void on_query_start(const Start&) noexcept {}
  virtual void on_first_row(RequestId) noexcept {}

  struct End {
    RequestId request;
    std::string_view tag;    // "SELECT 3"; empty when it failed
    const Failure* failure;  // null: none. Errc::cancelled: nobody waits for it any more
  };
  virtual void on_query_end(const End&) noexcept {}

  struct Retry {
    int attempt;  // that has failed, counted from 1
    std::string_view sqlstate;
    Duration pause;  // before the next one
  };
  /// A transaction is run again; or a single request of a pool, whose statement had to be prepared anew.
  virtual void on_retry(const Retry&) noexcept {}

 protected:
  ~Observer() = default;
};

}  // namespace pgstride::inline v0
