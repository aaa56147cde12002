// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// TlsEngine over OpenSSL. Private to the context that makes it.
#pragma once

#include <memory>
#include <string>

#include "pgstride/driver/net/tls.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace pgstride::inline v0 {

/// What is checked after the handshake, beyond what OpenSSL checks by itself.
struct TlsDemands {
  TlsDemands() = default;

  bool server_name_indication = true;
  bool verified_name = false;        // the certificate is made out to the host
  bool certificate_request = false;  // the server has asked for our certificate
  bool application = false;          // the server has chosen our protocol by ALPN
  std::string versions;              // the range we allow, for a person
};

class OpenSslEngine final : public TlsEngine {
  struct Free {
    void operator()(ssl_st* ssl) const noexcept;
  };
  using Handle = std::unique_ptr<ssl_st, Free>;

 public:
  /// Null when OpenSSL is out of memory or refuses the host's name.
  static std::unique_ptr<OpenSslEngine> make(ssl_ctx_st* context, const std::string& host,
                                             const TlsDemands& demands);

  OpenSslEngine(Handle&& ssl, const std::string& host, const TlsDemands& demands);
  OpenSslEngine(const OpenSslEngine&) = delete;
  OpenSslEngine& operator=(const OpenSslEngine&) = delete;

  TlsState state() const noexcept override { return state_; }
  const Failure& failure() const noexcept override { return failure_; }
  void feed(Bytes ciphertext) override { input_ = ciphertext; }
  void handshake() override;
  std::size_t read(std::span<std::byte> into) override;
  bool write(Bytes plaintext) override;
  void close() noexcept override;
  WriteBuffer& output() noexcept override { return output_; }
  TlsInfo info() const override;
  std::string server_end_point() const override;

 private:
  friend struct OpenSslWire;

  void opened();
  void fail();
  void fail(Errc code, std::string why);

  Handle ssl_;
  std::string host_;
  TlsDemands demands_;
  TlsState state_ = TlsState::handshaking;
  Failure failure_;
  Bytes input_;  // what is left of what was fed
  WriteBuffer output_;
  bool certificate_requested_ = false;
};

}  // namespace pgstride::inline v0
