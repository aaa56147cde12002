// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// One non-blocking stream socket and the five things we do with it. Never blocks, never raises
// SIGPIPE, never survives exec(). Knows no loop, no TLS and no protocol.
#pragma once

#include <cstddef>
#include <span>
#include <system_error>
#include <utility>

#include "pgstride/driver/net/address.hpp"

namespace pgstride::inline v0 {

/// The result of one read or write: bytes moved, the socket would have blocked, the peer ended the stream, or an
/// error. Only Transport::write_some() tells of two at once: bytes that it took, of which some have yet to be sent.
struct IoResult {
  std::size_t bytes = 0;
  bool would_block = false;
  bool eof = false;
  int error = 0;  ///< errno
};

/// How a dead TCP peer is noticed. On by default: an address translator that drops an idle flow
/// would otherwise hang the next query for a quarter of an hour. Seconds; 0 leaves the system's own.
struct Keepalive {
  Keepalive() = default;

  bool enabled = true;
  int idle = 60;
  int interval = 10;
  int count = 3;
  /// How long sent bytes may stay unacknowledged, in milliseconds (Linux).
  int user_timeout = 30'000;
};

class Socket {
 public:
  Socket() noexcept = default;
  /// Takes over a connected descriptor and makes it non-blocking and close-on-exec.
  explicit Socket(int fd) noexcept;
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() { close(); }

  /// Opens the socket and begins to connect. std::errc::operation_in_progress is the usual answer:
  /// wait until writable, then connect_finish(). No error means connected already. A Unix socket
  /// whose listener is overrun answers resource_unavailable_try_again, and will not become ready.
  [[nodiscard]] std::error_code connect_start(const Address&, const Keepalive& = {}) noexcept;
  /// How the attempt ended; operation_in_progress when it has not.
  [[nodiscard]] std::error_code connect_finish() noexcept;

  [[nodiscard]] IoResult read_some(std::span<std::byte> into) noexcept;
  [[nodiscard]] IoResult write_some(std::span<const std::byte> from) noexcept;

  /// See Keepalive; 0 where there is none. The kernel also counts the time during which a living peer does
  /// not read.
  int user_timeout() const noexcept;
  void set_user_timeout(int milliseconds) noexcept;

  /// The peer's address, as the kernel has it.
  Address peer() const noexcept;
  int fd() const noexcept { return fd_; }
  bool is_open() const noexcept { return fd_ >= 0; }
  void close() noexcept;

 private:
  int fd_ = -1;
};

}  // namespace pgstride::inline v0
