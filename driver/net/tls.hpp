// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// TLS without I/O: ciphertext goes in, plaintext comes out, and the other way round. Nothing here
// waits or knows a socket, so that what does the cryptography can be exchanged: OpenSSL for C++
// programs, the user's own SSLContext for Python ones, and a fake wire under both in tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "pgstride/protocol/bytes.hpp"
#include "pgstride/protocol/error.hpp"
#include "pgstride/protocol/write_buffer.hpp"

namespace pgstride::inline v0 {

/// What both ends have agreed on, in OpenSSL's words.
struct TlsInfo {
  TlsInfo() = default;

  std::string version;      // "TLSv1.3"
  std::string cipher;       // "TLS_AES_256_GCM_SHA384"
  std::string application;  // the protocol chosen by ALPN: "postgresql", or nothing
};

enum class TlsState : std::uint8_t {
  handshaking,
  open,
  closed,  // the peer has said that it will send no more
  failed,  // for the reason in failure(); an alert for the peer may lie in output()
};

/// One connection's cryptography, seen from the client.
class TlsEngine {
 public:
  virtual ~TlsEngine() = default;

  virtual TlsState state() const noexcept = 0;
  /// Meaningful when failed: Errc::tls_refused when the server refused, Errc::certificate_rejected when
  /// we do not trust its certificate, Errc::tls_failed for all else.
  virtual const Failure& failure() const noexcept = 0;

  /// Received ciphertext. Only after handshake() or read() has used up what was fed before; the
  /// bytes must stay where they are until one of them has done so again.
  virtual void feed(Bytes ciphertext) = 0;
  /// Goes on with the handshake as far as what was fed allows; state() tells how far that was.
  virtual void handshake() = 0;
  /// Decrypts into `into`: how many bytes, at most its size. Zero: all that was fed is used up, or
  /// the state is no longer open.
  virtual std::size_t read(std::span<std::byte> into) = 0;
  /// Encrypts all of `plaintext` into output(). False: failed.
  [[nodiscard]] virtual bool write(Bytes plaintext) = 0;
  /// Writes close_notify to output().
  virtual void close() noexcept = 0;
  /// Ciphertext to be sent, from every one of the calls above.
  virtual WriteBuffer& output() noexcept = 0;

  /// Once open.
  virtual TlsInfo info() const = 0;
  /// The hash of the server's certificate, as the channel binding tls-server-end-point wants it
  /// (RFC 5929); empty when there is none defined for it.
  virtual std::string server_end_point() const = 0;
};

/// What all connections to one server share: trust, our own certificate, versions. Immutable, so that
/// later connections and cancel requests are as safe as the first (R-T9).
class TlsContext {
 public:
  virtual ~TlsContext() = default;
  /// An engine that has written its ClientHello to `host`, the name or address that the user gave. Null,
  /// and why, when it cannot be made.
  virtual std::unique_ptr<TlsEngine> connect(const std::string& host, Failure& failure) const = 0;
};

}  // namespace pgstride::inline v0
