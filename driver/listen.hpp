// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// LISTEN on a connection of its own, with reconnection when that is lost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "pgstride/driver/coro/generator.hpp"
#include "pgstride/driver/loop/loop.hpp"
#include "pgstride/driver/options.hpp"

namespace pgstride::inline v0 {

struct ListenEvent {
  enum class Kind : std::uint8_t {
    listening,  // LISTEN has been answered: notifications from here on will be yielded
    notification,
    reconnected,  // as `listening`, but there was a gap: notifications may have been missed
    overflow,     // so many were waiting for the consumer that some had to be dropped
  };

  Kind kind = Kind::notification;
  std::string channel;  // of a notification, as the next two
  std::string payload;
  std::int32_t backend_pid = 0;  // who notified
};

struct ListenOptions {
  ListenOptions() = default;
  /// Notifications that may wait for the consumer.
  std::size_t most_waiting = 100'000;
  /// Before each attempt to connect again: doubled each time, with a random part, until a connection has lasted
  /// for `longest_pause`.
  Duration first_pause = std::chrono::milliseconds(100);
  Duration longest_pause = std::chrono::seconds(10);
};

/// Yields ListenEvents without end: first `listening`, then what comes. Throws when the very first attempt
/// to connect fails. Later it tries again until it is destroyed, which ends it at once, or until the server
/// refuses the login, or LISTEN, for a reason that does not pass by itself; then it throws that. Channel names
/// are taken as they are, upper case included. The loop outlives it.
///
///     auto events = listen(loop, options, {"jobs"});
///     while (const ListenEvent* event = co_await events.next()) …
AsyncGenerator<ListenEvent> listen(Loop& loop, ConnectOptions options, std::vector<std::string> channels,
                                   ListenOptions how = ListenOptions());

}  // namespace pgstride::inline v0
