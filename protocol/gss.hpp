// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The client's half of a GSSAPI exchange (Kerberos, mostly), as the login sees it: tokens in, tokens
// out. Knows no library that makes them.
#pragma once

#include <string>

namespace pgstride::inline v0 {

/// The outcome of the server's last token.
struct GssStep {
  GssStep() = default;

  std::string token;         // for the server; may be empty
  bool is_complete = false;  // each side knows who the other is
  std::string problem;       // why the exchange failed, for a person; empty: it did not
};

class GssExchange {
 public:
  virtual ~GssExchange() = default;
  /// `token` is the server's, and empty to begin with. May block: it may ask other servers.
  virtual GssStep step(const std::string& token) = 0;
};

}  // namespace pgstride::inline v0
