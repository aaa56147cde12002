// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The options for TLS, as data, with libpq's meanings. Loads nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pgstride/protocol/secret.hpp"

namespace pgstride::inline v0 {

/// From no encryption to encryption with a server whose name was verified.
enum class SslMode : std::uint8_t {
  disable,
  allow,        // only when the server refuses us without
  prefer,       // when the server can
  require,      // verifies the certificate only when there is a root certificate
  verify_ca,    // signed by somebody we trust
  verify_full,  // and made out to the host we asked for
};

enum class SslNegotiation : std::uint8_t {
  postgres,  // an SSLRequest first
  direct,    // TLS at once, as PostgreSQL 17 and newer take it
};

enum class SslCertMode : std::uint8_t {
  disable,  // never show our certificate
  allow,    // when there is one and the server asks
  require,  // the server must ask
};

/// In ascending order.
enum class TlsVersion : std::uint8_t { tls_1_0, tls_1_1, tls_1_2, tls_1_3 };

struct TlsOptions {
  TlsOptions() = default;

  /// Nothing: prefer, or verify_full with the system's root certificates.
  std::optional<SslMode> mode;
  SslNegotiation negotiation = SslNegotiation::postgres;

  // Files are PEM. An empty name stands for the default one in ~/.postgresql, if it is there.
  std::string root_certificate;  // whom to trust (root.crt); "system": whom OpenSSL trusts by default
  std::string crl;               // certificates that were revoked (root.crl)
  std::string crl_directory;     // the same, as c_rehash arranges them
  std::string certificate;       // our own, with the chain up to the root (postgresql.crt)
  std::string key;               // and its key (postgresql.key)
  Secret key_password;
  SslCertMode certificate_mode = SslCertMode::allow;

  TlsVersion min_version = TlsVersion::tls_1_2;
  std::optional<TlsVersion> max_version;
  bool server_name_indication = true;
  /// Where the keys of every connection are written, for tools that decrypt captured traffic. Empty:
  /// nowhere.
  std::string key_log_file;
};

}  // namespace pgstride::inline v0
