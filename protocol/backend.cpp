// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/backend.hpp"

#include <charconv>

namespace pgstride::inline v0 {
namespace {

// Name (at least its NUL), table, attribute, type, size, modifier, format.
constexpr std::size_t smallest_column = 1 + 4 + 2 + 4 + 2 + 4 + 2;

template <class T>
std::optional<T> if_done(const Reader& in, T value) {
  if (!in.done()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<Columns> parse_row_description(Bytes body) {
  Reader in(body);
  const std::size_t count = in.u16();
  if (count > in.remaining() / smallest_column) return std::nullopt;
  Columns columns(count);
  for (Column& column : columns) {
    column.name = in.cstr();
    column.table = in.u32();
    column.attribute = in.i16();
    column.type = in.u32();
    column.type_size = in.i16();
    column.type_modifier = in.i32();
    const std::int16_t format = in.i16();
    if (format != 0 && format != 1) return std::nullopt;
  }
  return if_done(in, std::move(columns));
}

std::optional<std::vector<Oid>> parse_parameter_description(Bytes body) {
  Reader in(body);
  const std::size_t count = in.u16();
  if (in.remaining() != count * 4) return std::nullopt;
  std::vector<Oid> types(count);
  for (Oid& type : types) type = in.u32();
  return if_done(in, std::move(types));
}

std::optional<CommandTag> parse_command_complete(Bytes body) noexcept {
  Reader in(body);
  const auto tag = in.cstr();
  return if_done(in, CommandTag(tag));
}

std::optional<TransactionStatus> parse_ready_for_query(Bytes body) noexcept {
  Reader in(body);
  const auto status = static_cast<char>(in.u8());
  if (status != 'I' && status != 'T' && status != 'E') return std::nullopt;
  return if_done(in, static_cast<TransactionStatus>(status));
}

std::optional<ParameterStatus> parse_parameter_status(Bytes body) noexcept {
  Reader in(body);
  ParameterStatus status;
  status.name = in.cstr();
  status.value = in.cstr();
  if (status.name.empty()) return std::nullopt;
  return if_done(in, status);
}

std::optional<Notification> parse_notification(Bytes body) noexcept {
  Reader in(body);
  Notification notification;
  notification.pid = in.i32();
  notification.channel = in.cstr();
  notification.payload = in.cstr();
  return if_done(in, notification);
}

std::optional<BackendKeyData> parse_backend_key_data(Bytes body) noexcept {
  Reader in(body);
  BackendKeyData data;
  data.pid = in.i32();
  data.key = in.rest();
  if (data.key.size() < 4) return std::nullopt;
  return if_done(in, data);
}

std::optional<NegotiateProtocolVersion> parse_negotiate_protocol_version(Bytes body) {
  Reader in(body);
  NegotiateProtocolVersion answer;
  answer.version = in.i32();
  const std::int32_t count = in.i32();
  // Each name takes a byte at least.
  if (count < 0 || static_cast<std::size_t>(count) > in.remaining()) return std::nullopt;
  for (std::int32_t i = 0; i < count; ++i) answer.unknown_options.push_back(in.cstr());
  return if_done(in, answer);
}

std::optional<Authentication> parse_authentication(Bytes body) noexcept {
  Reader in(body);
  Authentication request;
  request.kind = static_cast<AuthenticationKind>(in.i32());
  request.data = in.rest();
  return if_done(in, request);
}

std::optional<CopyResponse> parse_copy_response(char type, Bytes body) noexcept {
  Reader in(body);
  CopyResponse response;
  response.to_server = type == 'G';
  const std::uint8_t format = in.u8();
  if (format > 1) return std::nullopt;
  response.format = static_cast<Format>(format);
  response.columns = in.u16();
  if (in.remaining() != response.columns * 2) return std::nullopt;
  while (!in.empty()) {  // columns do not differ from the whole
    if (in.u16() != format) return std::nullopt;
  }
  return if_done(in, response);
}

std::string_view CommandTag::command() const noexcept {
  const auto digit = text_.find_first_of("0123456789");
  auto words = text_.substr(0, digit);
  while (!words.empty() && words.back() == ' ') words.remove_suffix(1);
  return words;
}

std::int64_t CommandTag::rows() const noexcept {
  const auto space = text_.rfind(' ');
  if (space == std::string_view::npos) return -1;
  const auto number = text_.substr(space + 1);
  std::int64_t rows = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), rows);
  if (error != std::errc{} || end != number.data() + number.size() || rows < 0) return -1;
  return rows;
}

}  // namespace pgstride::inline v0
