// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/error.hpp"

#include <new>
#include <stdexcept>

namespace pgstride::inline v0 {
namespace {

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "pgstride"; }
  std::string message(int value) const override {
    switch (static_cast<Errc>(value)) {
      case Errc::none: return "no error";
      case Errc::connection_lost: return "connection to the server was lost";
      case Errc::connection_closed: return "connection is closed";
      case Errc::timed_out: return "deadline passed";
      case Errc::cancelled: return "operation was cancelled";
      case Errc::protocol_violation: return "server violated the protocol";
      case Errc::limit_exceeded: return "server exceeded a limit";
      case Errc::message_too_large: return "message is too large for the protocol";
      case Errc::invalid_argument: return "invalid argument";
      case Errc::invalid_value: return "invalid value from the server";
      case Errc::server_error: return "server error";
      case Errc::authentication_failed: return "authentication failed";
      case Errc::authentication_refused: return "authentication method refused";
      case Errc::copy_not_expected: return "COPY is not possible with this call";
      case Errc::host_not_found: return "host not found";
      case Errc::session_mismatch: return "not the kind of server asked for";
      case Errc::unexpected_row_count: return "unexpected number of rows";
      case Errc::result_too_large: return "result is too large";
      case Errc::transaction_rolled_back: return "transaction was rolled back";
      case Errc::tls_refused: return "server refused TLS";
      case Errc::tls_failed: return "TLS failed";
      case Errc::certificate_rejected: return "server certificate rejected";
      case Errc::pool_timed_out: return "no connection became free";
    }
    return "unknown error";
  }
  std::error_condition default_error_condition(int value) const noexcept override {
    const auto code = static_cast<Errc>(value);
    if (code == Errc::timed_out || code == Errc::pool_timed_out)
      return std::make_error_condition(std::errc::timed_out);
    return {value, *this};
  }
};

}  // namespace

const std::error_category& pgstride_category() noexcept {
  static const Category category;
  return category;
}

std::unique_ptr<ServerError> ServerError::parse(Bytes body) {
  Reader in(body);
  while (in.u8() != 0) in.cstr();
  if (!in.done()) return nullptr;
  return std::unique_ptr<ServerError>(new ServerError(body));
}

std::string_view ServerError::field(char code) const noexcept {
  Reader in(as_bytes(body_));
  while (const auto letter = in.u8()) {
    const auto text = in.cstr();
    if (letter == static_cast<std::uint8_t>(code)) return text;
  }
  return {};
}

std::string_view ServerError::severity() const noexcept {
  const auto fixed = field('V');
  return fixed.empty() ? field('S') : fixed;
}

bool ServerError::is_fatal() const noexcept {
  const auto word = severity();
  return word == "FATAL" || word == "PANIC";
}

bool ServerError::is_stale_statement() const noexcept {
  const auto state = sqlstate();
  if (state == "XX000") return message().starts_with("cache lookup failed for type ");
  return state == "26000" || (state == "0A000" && field('R') == "RevalidateCachedQuery");
}

Failure no_memory() noexcept { return {std::make_error_code(std::errc::not_enough_memory), {}}; }

Failure caught() noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return no_memory();
  } catch (const std::length_error&) {  // more than any memory
    return no_memory();
  } catch (const std::exception& error) {
    try {
      return {Errc::connection_closed, error.what()};
    } catch (...) {
      return no_memory();
    }
  } catch (...) {
    return {Errc::connection_closed, {}};
  }
}

FailureRef keep(Failure failure) noexcept {
  static const Failure known = no_memory();
  static const Failure unknown = [] {
    Failure lost = no_memory();
    lost.outcome_unknown = true;
    return lost;
  }();
  try {
    return std::make_shared<const Failure>(std::move(failure));
  } catch (...) {
    return {FailureRef(), failure.outcome_unknown ? &unknown : &known};  // owned by nobody
  }
}

Failure message_too_large(const std::string& what) {
  return {Errc::message_too_large, what + " exceeds what PostgreSQL accepts (1 GiB)"};
}

FailureRef with_outcome_unknown(const FailureRef& failure) noexcept {
  Failure lost = no_memory();
  try {
    lost = *failure;
  } catch (...) {
    // That is told instead.
  }
  lost.outcome_unknown = true;
  return keep(std::move(lost));
}

std::string describe(const Failure& failure) {
  std::string text;
  if (failure.server) {
    text.append(failure.server->severity()).append(": ").append(failure.server->message());
    text.append(" (SQLSTATE ").append(failure.server->sqlstate()).append(")");
    if (failure.code == make_error_code(Errc::server_error)) return text;
    text.insert(0, "; the server said: ");
    text.insert(0, failure.detail.empty() ? failure.code.message() : failure.detail);
    return text;
  }
  text = failure.code.message();
  if (!failure.detail.empty()) text.append(": ").append(failure.detail);
  if (failure.system) text.append(": ").append(failure.system.message());
  return text;
}

}  // namespace pgstride::inline v0
