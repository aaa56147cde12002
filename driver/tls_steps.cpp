// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/tls_steps.hpp"

#include <array>
#include <string>
#include <utility>

#include "pgstride/driver/connect_steps.hpp"
#include "pgstride/protocol/frontend.hpp"

namespace pgstride::inline v0 {
namespace {

using Kind = TlsOutcome::Kind;

/// The host as the user knows it, with the port.
std::string name_of(const Endpoint& endpoint) {
  const std::string address = endpoint.address.text();
  return endpoint.host + address.substr(address.rfind(':'));
}

// These words are those of asyncpg, which users match on.
TlsOutcome refusal(Kind kind, const Endpoint& endpoint, const char* why) {
  return {kind, Failure(Errc::tls_refused,
                        "PostgreSQL server at \"" + name_of(endpoint) + "\" rejected SSL upgrade: " + why)};
}

/// SSLRequest and its answer, which is one byte.
Task<TlsOutcome> request_tls(Loop& loop, Socket& socket, const Endpoint& endpoint) {
  WriteBuffer request;
  frontend::ssl_request(request);
  // Eight bytes into an empty send buffer: they fit.
  const IoResult sent = socket.write_some(request.pending());
  if (sent.bytes != request.pending().size()) co_return refusal(Kind::failed, endpoint, "it does not listen");

  // Room for one more than we want: whatever else came in clear was injected by somebody who hopes
  // that we take it for what comes encrypted (R-T1).
  std::array<std::byte, 2> answer{};
  IoResult received = socket.read_some(answer);
  while (received.would_block) {
    ready readable(loop, socket.fd(), Ready::read);
    co_await readable;
    received = socket.read_some(answer);
  }
  if (received.bytes == 0) co_return refusal(Kind::failed, endpoint, "it closed the connection");
  if (received.bytes == 2 && answer[0] != std::byte{'E'})
    co_return refusal(Kind::failed, endpoint, "it sent unencrypted data after its answer");
  switch (static_cast<char>(answer[0])) {
    case 'S': co_return TlsOutcome();
    case 'N': co_return refusal(Kind::declined, endpoint, "it is not set up for it");
    // The text of the error comes from nobody knows whom, and is not shown.
    case 'E': co_return refusal(Kind::failed, endpoint, "it sent an error before encryption");
    default: co_return refusal(Kind::failed, endpoint, "its answer is not one of PostgreSQL");
  }
}

}  // namespace

Task<TlsOutcome> start_tls(Loop& loop, Transport& transport, const Endpoint& endpoint) {
  if (!endpoint.direct_tls) {
    TlsOutcome answer = co_await request_tls(loop, transport.socket(), endpoint);
    if (answer.kind != Kind::encrypted) co_return answer;
  }
  Failure failure;
  auto engine = endpoint.tls->connect(endpoint.host, failure);
  if (!engine) co_return TlsOutcome(Kind::failed, std::move(failure));
  transport.encrypt(std::move(engine));
  IoResult result = transport.shake_hands();
  while (result.would_block) {
    ready able(loop, transport.fd(), transport.has_unsent() ? Ready::write : Ready::read);
    co_await able;
    result = transport.shake_hands();
  }
  const TlsEngine& tls = *transport.tls();
  if (tls.state() == TlsState::open) co_return TlsOutcome();
  if (tls.state() == TlsState::failed) {
    const bool is_refused = tls.failure().code == make_error_code(Errc::tls_refused);
    co_return TlsOutcome(is_refused ? Kind::refused : Kind::failed, tls.failure());
  }
  Failure lost = transport.lost(result, "shaking hands with ", endpoint.address);
  lost.code = make_error_code(Errc::tls_failed);
  if (endpoint.direct_tls && result.eof) lost.detail += " (before PostgreSQL 17 there is no direct TLS)";
  co_return TlsOutcome(endpoint.direct_tls ? Kind::failed : Kind::refused, std::move(lost));
}

}  // namespace pgstride::inline v0
