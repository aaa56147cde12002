// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A socket, in clear or under TLS, behind the same read and write. In clear it is the socket and nothing
// else. Under TLS, ciphertext is received into the transport's own buffer and decrypted straight to where
// the caller wants it.
#pragma once

#include <memory>
#include <string>

#include "pgstride/driver/net/address.hpp"
#include "pgstride/driver/net/fork.hpp"
#include "pgstride/driver/net/socket.hpp"
#include "pgstride/driver/net/tls.hpp"

namespace pgstride::inline v0 {

/// Where a server is and how it is spoken to: enough to reach the very same one again (R-C9).
struct Endpoint {
  Endpoint() = default;
  Endpoint(const Address& a) : address(a) {}  // NOLINT: an address in clear

  Address address;
  std::shared_ptr<const TlsContext> tls;  // null: in clear
  std::string host;                       // as the user gave it: whom the certificate must be made out to
  bool direct_tls = false;                // without asking first
};

class Transport {
 public:
  Transport() noexcept = default;
  Transport(Socket socket) noexcept : socket_(std::move(socket)) {}  // NOLINT: in clear
  Transport(Transport&&) noexcept = default;
  Transport& operator=(Transport&&) noexcept = default;
  ~Transport() { close(); }

  Socket& socket() noexcept { return socket_; }
  int fd() const noexcept { return socket_.fd(); }
  bool is_open() const noexcept { return socket_.is_open(); }
  /// Null in clear.
  const TlsEngine* tls() const noexcept { return tls_.get(); }

  /// Everything from here on is TLS.
  void encrypt(std::unique_ptr<TlsEngine> engine);
  /// Takes the handshake as far as it goes without waiting; the engine's state() tells how far that
  /// is. Blocked, it waits for the socket to take what it has_unsent(), or else to have more.
  IoResult shake_hands();

  /// As Socket's.
  IoResult read_some(std::span<std::byte> into);
  /// The last read_some() has left data in here, for which no readiness event will come, or may have left some
  /// in the socket without having met the end of it.
  bool has_unread() const noexcept { return has_unread_; }

  /// As Socket's, but what it takes may then wait in here: it would block as long as has_unsent(), and
  /// may be called without bytes to continue.
  IoResult write_some(Bytes from);
  bool has_unsent() const noexcept { return tls_ && !tls_->output().pending().empty(); }

  /// For a result that is neither bytes nor would_block: the connection is lost, and why. `doing` is
  /// "receiving from " or the like.
  Failure lost(const IoResult& result, const char* doing, const Address& peer) const;

  /// Under TLS with a close_notify, if that can be sent without waiting; not in a child process, whose
  /// parent goes on using the connection.
  void close() noexcept;

 private:
  IoResult receive();
  IoResult send();

  Socket socket_;
  std::unique_ptr<TlsEngine> tls_;
  std::unique_ptr<std::byte[]> ciphertext_;
  bool has_unread_ = false;
  bool filled_ = false;  // the last receive() filled its buffer
  BirthProcess born_;
};

}  // namespace pgstride::inline v0
