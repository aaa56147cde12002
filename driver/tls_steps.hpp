// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// From a connected socket to one under TLS. Private to the connector and to cancel requests.
#pragma once

#include <cstdint>

#include "pgstride/driver/coro/task.hpp"
#include "pgstride/driver/loop/loop.hpp"
#include "pgstride/driver/net/transport.hpp"
#include "pgstride/protocol/error.hpp"

namespace pgstride::inline v0 {

struct TlsOutcome {
  enum class Kind : std::uint8_t {
    encrypted,
    declined,  // the server does no TLS; we may go on in clear on this connection
    refused,   // it agreed to TLS, then broke the handshake off; the connection is unusable
    failed,    // any other failure; the same
  };

  TlsOutcome() = default;
  TlsOutcome(Kind k, Failure f) : kind(k), failure(std::move(f)) {}

  Kind kind = Kind::encrypted;
  Failure failure;
};

/// Asks for TLS, unless the endpoint is one for direct TLS, and shakes hands. `transport` is
/// connected to `endpoint`; both outlive the task.
Task<TlsOutcome> start_tls(Loop& loop, Transport& transport, const Endpoint& endpoint);

}  // namespace pgstride::inline v0
