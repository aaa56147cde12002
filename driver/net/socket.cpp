// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/net/socket.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace pgstride::inline v0 {
namespace {

#ifdef MSG_NOSIGNAL
constexpr int no_signal = MSG_NOSIGNAL;
#else
constexpr int no_signal = 0;  // SO_NOSIGPIPE is set instead
#endif

#ifdef TCP_KEEPALIVE
constexpr int keepalive_idle = TCP_KEEPALIVE;
#else
constexpr int keepalive_idle = TCP_KEEPIDLE;
#endif

std::error_code last_error() noexcept { return {errno, std::system_category()}; }

void set_option(int fd, int level, int name, int value) noexcept {
  // Best effort: a system that does not know an option still gives a usable connection.
  ::setsockopt(fd, level, name, &value, sizeof value);
}

void set_flags(int fd) noexcept {
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  ::fcntl(fd, F_SETFD, ::fcntl(fd, F_GETFD) | FD_CLOEXEC);
#ifdef SO_NOSIGPIPE
  set_option(fd, SOL_SOCKET, SO_NOSIGPIPE, 1);
#endif
}

int open_stream(int family) noexcept {
#ifdef SOCK_CLOEXEC
  // Atomically, so that a fork() on another thread cannot inherit it.
  return ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
#else
  const int fd = ::socket(family, SOCK_STREAM, 0);
  if (fd >= 0) set_flags(fd);
  return fd;
#endif
}

void limit_unacknowledged([[maybe_unused]] int fd, [[maybe_unused]] int milliseconds) noexcept {
#ifdef TCP_USER_TIMEOUT
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, milliseconds);
#endif
}

void set_keepalive(int fd, const Keepalive& wanted) noexcept {
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, wanted.enabled ? 1 : 0);
  if (wanted.user_timeout > 0) limit_unacknowledged(fd, wanted.user_timeout);
  if (!wanted.enabled) return;
  if (wanted.idle > 0) set_option(fd, IPPROTO_TCP, keepalive_idle, wanted.idle);
  if (wanted.interval > 0) set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, wanted.interval);
  if (wanted.count > 0) set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, wanted.count);
}

IoResult failed() noexcept {
  IoResult result;
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    result.would_block = true;
  } else {
    result.error = errno;
  }
  return result;
}

}  // namespace

Socket::Socket(int fd) noexcept : fd_(fd) {
  if (fd_ >= 0) set_flags(fd_);
}

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

std::error_code Socket::connect_start(const Address& address, const Keepalive& keepalive) noexcept {
  close();
  fd_ = open_stream(address.family());
  if (fd_ < 0) return last_error();
  if (!address.is_unix()) {
    set_option(fd_, IPPROTO_TCP, TCP_NODELAY, 1);
    set_keepalive(fd_, keepalive);
  }
  if (::connect(fd_, address.data(), address.size()) == 0) return {};
  // Interrupted, connect() goes on in the background exactly as if it had not been waited for.
  if (errno == EINPROGRESS || errno == EINTR) return std::make_error_code(std::errc::operation_in_progress);
  const auto error = last_error();
  close();
  return error;
}

std::error_code Socket::connect_finish() noexcept {
  int pending = 0;
  socklen_t size = sizeof pending;
  if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &pending, &size) != 0) return last_error();
  if (pending != 0) return {pending, std::system_category()};
  // No error is also what an attempt still under way reports.
  sockaddr_storage peer_address{};
  socklen_t peer_size = sizeof peer_address;
  if (::getpeername(fd_, reinterpret_cast<sockaddr*>(&peer_address), &peer_size) == 0) return {};
  if (errno == ENOTCONN) return std::make_error_code(std::errc::operation_in_progress);
  return last_error();
}

IoResult Socket::read_some(std::span<std::byte> into) noexcept {
  if (into.empty()) return {};
  ssize_t count = 0;
  do {
    count = ::recv(fd_, into.data(), into.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return failed();
  IoResult result;
  result.bytes = static_cast<std::size_t>(count);
  result.eof = count == 0;
  return result;
}

IoResult Socket::write_some(std::span<const std::byte> from) noexcept {
  if (from.empty()) return {};
  // macOS refuses more than INT_MAX in one call.
  const auto size = std::min<std::size_t>(from.size(), INT_MAX);
  ssize_t count = 0;
  do {
    count = ::send(fd_, from.data(), size, no_signal);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return failed();
  IoResult result;
  result.bytes = static_cast<std::size_t>(count);
  return result;
}

int Socket::user_timeout() const noexcept {
  int milliseconds = 0;
#ifdef TCP_USER_TIMEOUT
  socklen_t size = sizeof milliseconds;
  if (::getsockopt(fd_, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, &size) != 0) return 0;
#endif
  return milliseconds;
}

void Socket::set_user_timeout(int milliseconds) noexcept { limit_unacknowledged(fd_, milliseconds); }

Address Socket::peer() const noexcept {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return {reinterpret_cast<const sockaddr*>(&address), size};
}

void Socket::close() noexcept {
  // Not retried after EINTR: the descriptor is gone by then, and may be somebody else's already.
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace pgstride::inline v0
