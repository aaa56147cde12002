// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/scripted_server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <stdexcept>

#include "tests/support/frontend_words.hpp"

namespace pgstride::test {
namespace {

std::runtime_error broken(const char* what) { return std::runtime_error(std::string("Peer: ") + what); }

Socket listening_on(const Address& at) {
  const int fd = ::socket(at.family(), SOCK_STREAM, 0);
  Socket listener(fd);
  if (fd < 0 || ::bind(fd, at.data(), at.size()) != 0 || ::listen(fd, 16) != 0) throw broken("cannot listen");
  return listener;
}

}  // namespace

std::string Peer::takes() {
  std::string bytes;
  std::array<std::byte, 65536> piece;
  while (!ended_ && socket_.is_open()) {
    const IoResult result = socket_.read_some(piece);
    if (result.would_block) break;
    if (result.bytes == 0) ended_ = true;
    bytes += as_text(Bytes(piece).first(result.bytes));
  }
  return bytes;
}

std::string Peer::hears() {
  const std::string bytes = takes();
  if (opened_ || bytes.empty()) return in_words(as_bytes(bytes));
  opened_ = true;
  return first_packet_in_words(as_bytes(bytes));
}

bool Peer::left() {
  if (!ended_ && !takes().empty()) throw broken("the near end said something before it left");
  return ended_;
}

void Peer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const IoResult result = socket_.write_some(as_bytes(bytes));
    if (result.bytes == 0) throw broken("the near end does not take what is said");
    bytes.remove_prefix(result.bytes);
  }
}

void Peer::breaks_off() noexcept {
  const linger at_once{1, 0};
  ::setsockopt(socket_.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  socket_.close();
}

Wire::Wire() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0) throw broken("no socket pair");
  near = Socket(ends[0]);
  far = Peer(Socket(ends[1]));
}

ScriptedServer::ScriptedServer(std::uint16_t port)
    : listener_(listening_on(*Address::from_literal("127.0.0.1", port))) {}

Address ScriptedServer::address() const {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(listener_.fd(), reinterpret_cast<sockaddr*>(&storage), &size) != 0)
    throw broken("no address");
  return {reinterpret_cast<const sockaddr*>(&storage), size};
}

std::uint16_t ScriptedServer::port() const {
  const std::string text = address().text();
  return static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind(':') + 1)));
}

bool ScriptedServer::is_called() {
  pollfd question{listener_.fd(), POLLIN, 0};
  return ::poll(&question, 1, 0) == 1;
}

Peer ScriptedServer::accepts() {
  const int fd = is_called() ? ::accept(listener_.fd(), nullptr, nullptr) : -1;
  if (fd < 0) throw broken("nobody has connected");
  const int on = 1;  // what is said arrives at once, without waiting for an acknowledgement
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return Peer(Socket(fd));
}

}  // namespace pgstride::test
