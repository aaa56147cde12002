// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Parsers for the bodies of the server's messages. Each consumes its message exactly; nullopt or false
// means malformed, upon which the caller ends the connection.
// (DataRow is in row.hpp, Error- and NoticeResponse in error.hpp.)
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "pgstride/protocol/row.hpp"

namespace pgstride::inline v0 {

/// The byte in ReadyForQuery.
enum class TransactionStatus : char { idle = 'I', in_block = 'T', failed = 'E' };

struct ParameterStatus {
  std::string_view name;
  std::string_view value;
};

struct Notification {
  std::int32_t pid = 0;  // the backend that notified
  std::string_view channel;
  std::string_view payload;
};

struct BackendKeyData {
  std::int32_t pid = 0;  // opaque: poolers send random ones, also negative
  Bytes key;
};

struct NegotiateProtocolVersion {
  std::int32_t version = 0;  // the newest that the server speaks, of the major version asked for
  std::vector<std::string_view> unknown_options;
};

/// Authentication requests that PostgreSQL knows. Others are refused by number.
enum class AuthenticationKind : std::int32_t {
  ok = 0,
  clear_text_password = 3,
  md5_password = 5,
  gss = 7,
  gss_continue = 8,
  sspi = 9,
  sasl = 10,
  sasl_continue = 11,
  sasl_final = 12,
};

struct Authentication {
  AuthenticationKind kind{};
  Bytes data;  // salt, mechanism list, token, …
};

/// CopyInResponse, CopyOutResponse.
struct CopyResponse {
  bool to_server = false;  // the server wants data
  Format format = Format::text;
  std::size_t columns = 0;
};

std::optional<Columns> parse_row_description(Bytes body);
std::optional<std::vector<Oid>> parse_parameter_description(Bytes body);
std::optional<CommandTag> parse_command_complete(Bytes body) noexcept;
std::optional<TransactionStatus> parse_ready_for_query(Bytes body) noexcept;
std::optional<ParameterStatus> parse_parameter_status(Bytes body) noexcept;
std::optional<Notification> parse_notification(Bytes body) noexcept;
std::optional<BackendKeyData> parse_backend_key_data(Bytes body) noexcept;
std::optional<NegotiateProtocolVersion> parse_negotiate_protocol_version(Bytes body);
std::optional<Authentication> parse_authentication(Bytes body) noexcept;
/// `type` is 'G' or 'H'.
std::optional<CopyResponse> parse_copy_response(char type, Bytes body) noexcept;

}  // namespace pgstride::inline v0
