// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A server that does what the test tells it to, over real sockets in the test's own process: a
// Peer is the far end of one connection, a ScriptedServer a port that people connect to. Neither
// waits: with a FakeLoop on the near end, a race is a sequence of lines in a test.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pgstride/driver/net/address.hpp"
#include "pgstride/driver/net/socket.hpp"

namespace pgstride::test {

class Peer {
 public:
  Peer() = default;
  explicit Peer(Socket socket) noexcept : socket_(std::move(socket)) {}

  /// What has arrived since the last time, in_words(). The packet that opens a connection has no
  /// type: "Startup(3.0: user=me, database=shop)" or "Cancel(7, abcd)".
  std::string hears();
  /// The bytes of it.
  std::string takes();
  /// The near end has closed the connection. Looks no further than what takes() has read.
  bool left();

  template <class... Messages>
  void says(const Messages&... messages) {
    (send(messages), ...);
  }
  /// Closes; what was said before still arrives.
  void hangs_up() noexcept { socket_.close(); }
  /// Breaks the connection with a reset. TCP only.
  void breaks_off() noexcept;

  Socket& socket() noexcept { return socket_; }

 private:
  void send(std::string_view bytes);

  Socket socket_;
  bool opened_ = false;  // the first packet has been told
  bool ended_ = false;
};

/// Two ends of one connection: a Unix socket pair.
struct Wire {
  Wire();
  Socket near;
  Peer far;
};

/// Listens on a port of 127.0.0.1.
class ScriptedServer {
 public:
  /// 0: one that is free.
  explicit ScriptedServer(std::uint16_t port = 0);

  Address address() const;
  std::uint16_t port() const;
  /// Somebody has connected and is waiting.
  bool is_called();
  /// The next one who has connected; the test fails when there is none.
  Peer accepts();
  /// From now on nobody listens there: connections are refused.
  void closes() noexcept { listener_.close(); }

 private:
  Socket listener_;
};

}  // namespace pgstride::test
