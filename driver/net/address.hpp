// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Where a server listens: an IP address and port, or a Unix socket. A plain value; knows no name
// resolution and no descriptor.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace pgstride::inline v0 {

class Address {
 public:
  Address() noexcept = default;
  /// Copies what getaddrinfo() or getpeername() returned. `size` is at most a sockaddr_storage.
  Address(const sockaddr* address, socklen_t size) noexcept;

  /// An IPv4 or IPv6 literal (with a scope, too: fe80::1%eth0); nothing when `host` is not one.
  /// Never blocks.
  static std::optional<Address> from_literal(const std::string& host, std::uint16_t port);
  /// The path of a socket; a leading '@' means Linux' abstract namespace. Fails when the path is
  /// too long for the system, or abstract where that does not exist.
  static Address from_path(std::string_view path, std::error_code&) noexcept;

  const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const noexcept { return size_; }
  int family() const noexcept { return storage_.ss_family; }
  bool is_unix() const noexcept { return family() == AF_UNIX; }
  /// Bytes to this address never leave the machine: a Unix socket, 127.0.0.0/8 or ::1.
  bool is_local() const noexcept;

  /// "10.0.0.1:5432", "[::1]:5432", or the path of the socket.
  std::string text() const;

  friend bool operator==(const Address&, const Address&) noexcept;

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

}  // namespace pgstride::inline v0
