// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What can go wrong, as data. Nothing below the heads throws; they turn a Failure into an exception.
//
// What the server said (ServerError) and what we say ourselves (Failure::detail) are kept apart:
// the server's text may hold user data, ours never does.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "pgstride/protocol/bytes.hpp"

namespace pgstride::inline v0 {

/// Everything that pgstride itself can report. Errors of the operating system keep their own
/// category (connection refused is std::errc::connection_refused). Both kinds of lateness equal std::errc::timed_out.
enum class Errc {
  none = 0,
  connection_lost,          // the peer or the network ended the connection
  connection_closed,        // we ended it: close(), or use after close
  timed_out,                // the caller's deadline passed
  cancelled,                // the caller gave up
  protocol_violation,       // the server sent what the protocol does not allow here
  limit_exceeded,           // the server sent more than a configured limit allows
  message_too_large,        // what we were asked to send does not fit the protocol
  invalid_argument,         // an argument cannot be encoded as the parameter's type
  invalid_value,            // a value from the server cannot be decoded
  server_error,             // the server reported an error; see Failure::server
  authentication_failed,    // the exchange itself failed on our side
  authentication_refused,   // the server asks for a method that our policy forbids
  copy_not_expected,        // a query turned out to be a COPY to or from the client
  host_not_found,           // name resolution failed; Failure::detail says why
  session_mismatch,         // the server is not of the kind asked for (target_session_attrs)
  unexpected_row_count,     // a query returned no row, or more, where exactly one was asked for
  result_too_large,         // more than ConnectOptions allows to be kept of one result
  transaction_rolled_back,  // COMMIT was answered with ROLLBACK, as an earlier statement had failed
  tls_refused,              // the server does not want to encrypt the connection
  tls_failed,               // the handshake or a record of TLS is broken; Failure::detail says why
  certificate_rejected,     // the server's certificate is not one that we trust
  pool_timed_out,           // no connection of a pool became free before the caller's deadline
};

const std::error_category& pgstride_category() noexcept;
inline std::error_code make_error_code(Errc e) noexcept { return {static_cast<int>(e), pgstride_category()}; }

/// An ErrorResponse or NoticeResponse: the message body kept whole, its fields found on demand.
class ServerError {
 public:
  /// Empty when the body is not a well-formed list of fields.
  static std::unique_ptr<ServerError> parse(Bytes body);

  /// The field with this one-letter code ("S", "V", "C", "M", "D", "H", "P", … see the protocol's
  /// "Error and Notice Message Fields"); empty when the server did not send it.
  std::string_view field(char code) const noexcept;

  std::string_view sqlstate() const noexcept { return field('C'); }
  std::string_view message() const noexcept { return field('M'); }
  std::string_view detail() const noexcept { return field('D'); }
  std::string_view hint() const noexcept { return field('H'); }
  /// ERROR, FATAL, PANIC, WARNING, NOTICE, …: never localised when the server is 9.6 or newer.
  std::string_view severity() const noexcept;
  /// The server ends the session after saying this.
  bool is_fatal() const noexcept;
  /// The server does not know the prepared statement, its result is no longer what it was described as, or a type in it
  /// has gone, maybe to be made anew: it is to be prepared anew (R-Q1, R-Q4).
  bool is_stale_statement() const noexcept;

  /// Every field in the server's order: code byte, text, NUL, …
  Bytes fields() const noexcept { return as_bytes(body_); }

 private:
  explicit ServerError(Bytes body) : body_(as_text(body)) {}
  std::string body_;
};

/// What an operation, or a whole connection, died of.
struct Failure {
  Failure() = default;
  Failure(Errc e, std::string what) : code(make_error_code(e)), detail(std::move(what)) {}
  Failure(std::error_code c, std::string what) : code(c), detail(std::move(what)) {}
  explicit Failure(std::shared_ptr<const ServerError> error)
      : code(make_error_code(Errc::server_error)), server(std::move(error)) {}

  std::error_code code;
  std::string detail;                         // our own words; may be empty
  std::shared_ptr<const ServerError> server;  // the cause, when the server named it
  std::error_code system;                     // the cause, when the operating system named it
  std::exception_ptr thrown;                  // what the user's own code threw in a sink
  /// The request reached the server, or may have, and its end was not seen: it may have had effects.
  bool outcome_unknown = false;
};

/// A failure as it is kept: whole connections die of one, and all their operations share it.
using FailureRef = std::shared_ptr<const Failure>;
/// Never fails: without memory, a preallocated out-of-memory failure is returned instead.
FailureRef keep(Failure failure) noexcept;
/// The same failure, of a request that may or may not have been carried out.
FailureRef with_outcome_unknown(const FailureRef& failure) noexcept;
/// Errc::message_too_large, for what WriteBuffer could not represent.
Failure message_too_large(const std::string& what = "a message or value");
/// std::errc::not_enough_memory, made without allocating.
Failure no_memory() noexcept;
/// What the exception that is being handled means for a connection in whose middle it was thrown: no_memory(), or
/// that it must end for it, with the exception's words. All its requests are told, and none of them threw it.
Failure caught() noexcept;

/// One line for a person: the code's meaning, our detail, the server's message.
std::string describe(const Failure&);

}  // namespace pgstride::inline v0

template <>
struct std::is_error_code_enum<pgstride::Errc> : std::true_type {};
