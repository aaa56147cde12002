// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The client's messages: each function writes one. Strings must hold no NUL; callers check what comes from
// users with has_nul(). There is no Flush: a request ends in Sync, always (see DESIGN.md).
#pragma once

#include <span>
#include <string_view>
#include <utility>

#include "pgstride/protocol/row.hpp"
#include "pgstride/protocol/write_buffer.hpp"

namespace pgstride::inline v0::frontend {

inline constexpr std::int32_t protocol_3_0 = 3 << 16;
inline constexpr std::int32_t protocol_3_2 = protocol_3_0 + 2;  // PostgreSQL 18: longer cancel keys

inline bool has_nul(std::string_view s) noexcept { return s.find('\0') != std::string_view::npos; }

inline void query(WriteBuffer& out, std::string_view sql) {
  Message message(out, 'Q');
  out.cstr(sql);
}

void startup(WriteBuffer& out, std::int32_t version,
             std::span<const std::pair<std::string_view, std::string_view>> parameters);

void parse(WriteBuffer& out, std::string_view name, std::string_view sql, std::span<const Oid> types);

/// The formats of a Bind's arguments or results: one code holds for all of them.
inline void all_binary(WriteBuffer& out) {
  out.u16(1);
  out.i16(static_cast<std::int16_t>(Format::binary));
}

inline void describe_statement(WriteBuffer& out, std::string_view name) {
  Message message(out, 'D');
  out.u8('S');
  out.cstr(name);
}

inline void execute(WriteBuffer& out, std::string_view portal, std::uint32_t row_limit) {
  Message message(out, 'E');
  out.cstr(portal);
  out.u32(row_limit);
}

inline void close_statement(WriteBuffer& out, std::string_view name) {
  Message message(out, 'C');
  out.u8('S');
  out.cstr(name);
}

inline void close_portal(WriteBuffer& out, std::string_view portal) {
  Message message(out, 'C');
  out.u8('P');
  out.cstr(portal);
}

inline void sync(WriteBuffer& out) { out.text({"S\0\0\0\4", 5}); }

/// How most requests end: Execute, of the unnamed portal and to its end, and Sync.
inline void execute_all_and_sync(WriteBuffer& out) { out.text({"E\0\0\0\11\0\0\0\0\0S\0\0\0\4", 15}); }

inline void terminate(WriteBuffer& out) { Message message(out, 'X'); }

/// A statement without parameters or result that belongs to the current Sync segment.
void one_shot(WriteBuffer& out, std::string_view sql);

/// PasswordMessage.
inline void password(WriteBuffer& out, std::string_view text) {
  Message message(out, 'p');
  out.cstr(text);
}

inline void sasl_initial_response(WriteBuffer& out, std::string_view mechanism, std::string_view data) {
  Message message(out, 'p');
  out.cstr(mechanism);
  const ValueLength length(out);
  out.text(data);
}

/// And GSSResponse, which is the same.
inline void sasl_response(WriteBuffer& out, std::string_view data) {
  Message message(out, 'p');
  out.text(data);
}

inline void copy_done(WriteBuffer& out) { Message message(out, 'c'); }

/// The server shows the reason in its error. Only its beginning is sent, up to a NUL: a server takes
/// this message for garbage when it is longer than 10 000 bytes, and ends the session.
void copy_fail(WriteBuffer& out, std::string_view reason);

/// Asks for TLS, before anything else; the answer is one byte.
void ssl_request(WriteBuffer& out);

/// The whole content of a cancel connection; it has no type byte and no answer.
void cancel_request(WriteBuffer& out, std::int32_t pid, Bytes key);

}  // namespace pgstride::inline v0::frontend
