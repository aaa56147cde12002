// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Checks of a server's certificate: whether it is issued for a host, and its hash for channel binding. The
// rules are libpq's, which differ from those of OpenSSL's own check.
#pragma once

#include <string>

#include "pgstride/protocol/bytes.hpp"

struct x509_st;  // OpenSSL's X509

namespace pgstride::inline v0 {

/// Empty when the certificate is issued for `host`, a name or an IP literal; otherwise why it is not.
///
/// Subject alternative names count; the common name only when there is none of the host's kind, name
/// or address. A wildcard stands for the whole of the left-most label and for nothing else.
std::string certificate_mismatch(const x509_st* certificate, const std::string& host);

/// The binding data of tls-server-end-point (RFC 5929): the certificate hashed with the hash of its
/// signature, SHA-256 instead of MD5 and SHA-1. Empty where the signature has no such hash (Ed25519).
std::string certificate_end_point(const x509_st* certificate);
/// Of a certificate in DER; empty, too, when it is none.
std::string certificate_end_point(Bytes der);

}  // namespace pgstride::inline v0
