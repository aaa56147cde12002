// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The server's half of the protocol: what it says, as bytes. Written apart from protocol/, so that
// one cannot repeat the other's mistakes, and free to say what no server should.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgstride::test {

inline std::string big_endian(std::uint64_t value, int size) {
  std::string bytes;
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
  return bytes;
}
inline std::string int16(std::int64_t v) { return big_endian(static_cast<std::uint64_t>(v), 2); }
inline std::string int32(std::int64_t v) { return big_endian(static_cast<std::uint64_t>(v), 4); }
inline std::string cstring(std::string_view s) { return std::string(s) + '\0'; }

/// A message whose header tells `length`, whatever the body is.
inline std::string lying_message(char type, std::int64_t length, std::string_view body = {}) {
  return type + int32(length) + std::string(body);
}
inline std::string message(char type, std::string_view body = {}) {
  return lying_message(type, static_cast<std::int64_t>(body.size()) + 4, body);
}

inline std::string parse_complete() { return message('1'); }
inline std::string bind_complete() { return message('2'); }
inline std::string close_complete() { return message('3'); }
inline std::string no_data() { return message('n'); }
inline std::string portal_suspended() { return message('s'); }
inline std::string empty_query_response() { return message('I'); }
inline std::string copy_done() { return message('c'); }
inline std::string copy_data(std::string_view data) { return message('d', data); }

inline std::string ready_for_query(char status = 'I') { return message('Z', std::string_view(&status, 1)); }
inline std::string command_complete(std::string_view tag) { return message('C', cstring(tag)); }
inline std::string parameter_status(std::string_view name, std::string_view value) {
  return message('S', cstring(name) + cstring(value));
}
inline std::string notification(std::int32_t pid, std::string_view channel, std::string_view payload) {
  return message('A', int32(pid) + cstring(channel) + cstring(payload));
}
inline std::string backend_key_data(std::int32_t pid, std::string_view key) {
  return message('K', int32(pid) + std::string(key));
}
inline std::string authentication(std::int32_t kind, std::string_view data = {}) {
  return message('R', int32(kind) + std::string(data));
}

/// CopyInResponse 'G', CopyOutResponse 'H', CopyBothResponse 'W'.
inline std::string copy_response(char type, int columns = 1, char format = 0) {
  std::string body = format + int16(columns);
  for (int i = 0; i < columns; ++i) body += int16(format);
  return message(type, body);
}

inline std::string column(std::string_view name, std::uint32_t type = 25, std::int16_t format = 0) {
  return cstring(name) + int32(0) + int16(0) + int32(type) + int16(-1) + int32(-1) + int16(format);
}
inline std::string row_description(std::initializer_list<std::string_view> names) {
  std::string body = int16(static_cast<std::int64_t>(names.size()));
  for (const auto name : names) body += column(name);
  return message('T', body);
}
inline std::string parameter_description(std::initializer_list<std::uint32_t> types) {
  std::string body = int16(static_cast<std::int64_t>(types.size()));
  for (const auto type : types) body += int32(type);
  return message('t', body);
}

inline constexpr std::nullopt_t null = std::nullopt;

inline std::string data_row(std::initializer_list<std::optional<std::string_view>> values) {
  std::string body = int16(static_cast<std::int64_t>(values.size()));
  for (const auto& value : values) {
    body += int32(value ? static_cast<std::int64_t>(value->size()) : -1);
    if (value) body += *value;
  }
  return message('D', body);
}

inline std::string fields(std::initializer_list<std::pair<char, std::string_view>> list) {
  std::string body;
  for (const auto& [code, text] : list) body += code + cstring(text);
  return body + '\0';
}
inline std::string error_response(std::string_view sqlstate, std::string_view severity = "ERROR",
                                  std::string_view text = "it failed") {
  return message('E', fields({{'S', severity}, {'V', severity}, {'C', sqlstate}, {'M', text}}));
}
inline std::string notice_response(std::string_view text) {
  return message('N', fields({{'S', "NOTICE"}, {'V', "NOTICE"}, {'C', "00000"}, {'M', text}}));
}

/// The whole answer to Parse + Describe of a statement without parameters.
inline std::string description(std::initializer_list<std::string_view> names) {
  return parse_complete() + parameter_description({}) + (names.size() ? row_description(names) : no_data());
}

}  // namespace pgstride::test
