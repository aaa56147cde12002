// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/net/address.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace pgstride::inline v0 {

Address::Address(const sockaddr* address, socklen_t size) noexcept
    : size_(std::min(size, static_cast<socklen_t>(sizeof storage_))) {
  std::memcpy(&storage_, address, size_);
}

std::optional<Address> Address::from_literal(const std::string& host, std::uint16_t port) {
  if (host.empty() || host.find('\0') != std::string::npos) return std::nullopt;
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return std::nullopt;
  const Address address(found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  return address;
}

Address Address::from_path(std::string_view path, std::error_code& error) noexcept {
  Address address;
  auto& unix_address = reinterpret_cast<sockaddr_un&>(address.storage_);
  const bool is_abstract = path.starts_with('@');
  error.clear();
#ifndef __linux__
  if (is_abstract) error = std::make_error_code(std::errc::address_family_not_supported);
#endif
  if (path.empty() || path.find('\0') != std::string_view::npos) {
    error = std::make_error_code(std::errc::invalid_argument);
  }
  // A path needs room for its NUL; an abstract name is delimited by the length alone.
  const auto room = sizeof unix_address.sun_path - (is_abstract ? 0 : 1);
  if (path.size() > room) error = std::make_error_code(std::errc::filename_too_long);
  if (error) return {};

  unix_address.sun_family = AF_UNIX;
  std::memcpy(unix_address.sun_path, path.data(), path.size());
  if (is_abstract) unix_address.sun_path[0] = '\0';
  address.size_ =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (is_abstract ? 0 : 1));
  return address;
}

bool Address::is_local() const noexcept {
  switch (family()) {
    case AF_UNIX: return true;
    case AF_INET: {
      const auto& ip = reinterpret_cast<const sockaddr_in&>(storage_);
      return (ntohl(ip.sin_addr.s_addr) >> 24) == 127;
    }
    case AF_INET6: {
      const auto& ip = reinterpret_cast<const sockaddr_in6&>(storage_).sin6_addr;
      return IN6_IS_ADDR_LOOPBACK(&ip) || (IN6_IS_ADDR_V4MAPPED(&ip) && ip.s6_addr[12] == 127);
    }
    default: return false;
  }
}

std::string Address::text() const {
  if (is_unix()) {
    const auto& unix_address = reinterpret_cast<const sockaddr_un&>(storage_);
    const auto header = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path));
    if (size_ <= header) return "(unnamed socket)";
    const std::string_view path(unix_address.sun_path, size_ - header);
    if (path.front() == '\0') return "@" + std::string(path.substr(1));
    return std::string(path.substr(0, path.find('\0')));
  }
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (::getnameinfo(data(), size_, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) !=
      0) {
    return "(unknown address)";
  }
  return family() == AF_INET6 ? "[" + std::string(host) + "]:" + port : std::string(host) + ":" + port;
}

bool operator==(const Address& a, const Address& b) noexcept {
  return a.size_ == b.size_ && std::memcmp(&a.storage_, &b.storage_, a.size_) == 0;
}

}  // namespace pgstride::inline v0
