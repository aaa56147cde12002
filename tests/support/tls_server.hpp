// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The server's end of TLS, without a wire, and the certificates it shows, made on the spot.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct ssl_st;
struct ssl_ctx_st;
struct x509_st;
struct evp_pkey_st;

namespace pgstride::test {

/// A subject alternative name: of a kind that OpenSSL knows ("DNS", "IP"), with whatever bytes.
struct AlternativeName {
  enum Kind { dns, ip } kind;
  std::string value;  // bytes of an address: 4 or 16
};

/// A self-signed certificate.
class SelfSigned {
 public:
  enum class Key { ec, ed25519 };

  /// `common_name` may be empty: none.
  explicit SelfSigned(std::string_view common_name, const std::vector<AlternativeName>& names = {},
                      Key key = Key::ec);

  const x509_st* certificate() const noexcept { return certificate_.get(); }
  evp_pkey_st* key() const noexcept { return key_.get(); }
  std::string der() const;
  /// A file that holds it, in PEM, for as long as this lives.
  const std::string& file() const noexcept { return *file_; }

 private:
  std::shared_ptr<evp_pkey_st> key_;
  std::shared_ptr<x509_st> certificate_;
  std::shared_ptr<const std::string> file_;
};

struct TlsServerOptions {
  TlsServerOptions() = default;

  int max_version = 0;                     // OpenSSL's number; 0: the newest
  std::string application = "postgresql";  // what it chooses by ALPN, offered or not; empty: nothing
  bool asks_for_certificate = false;
};

class TlsServer {
 public:
  explicit TlsServer(const SelfSigned& identity, const TlsServerOptions& options = TlsServerOptions());
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  /// Takes what the client has sent, and gives what is to be sent to it.
  std::string hears(std::string_view ciphertext);
  /// Ciphertext of this, in one record or more.
  std::string says(std::string_view plaintext);
  /// Ciphertext of a good-bye.
  std::string says_goodbye();
  /// Asks the client to change its keys (TLS 1.3).
  std::string changes_keys();
  /// Asks the client to shake hands once more (TLS 1.2).
  std::string shakes_hands_again();
  /// Whether the client lets itself be asked for a certificate once the handshake is over (TLS 1.3).
  bool may_ask_for_certificate() const;

  bool is_open() const;
  /// The plaintext since the last time.
  std::string takes();
  /// What the client named by SNI.
  std::string server_name() const;
  bool said_goodbye() const;

 private:
  std::string output();

  std::shared_ptr<ssl_ctx_st> context_;
  std::shared_ptr<ssl_st> ssl_;
  std::string application_;
  std::string heard_;
};

}  // namespace pgstride::test
