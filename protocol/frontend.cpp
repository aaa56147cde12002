// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/frontend.hpp"

namespace pgstride::inline v0::frontend {
namespace {

constexpr std::int32_t cancel_request_code = 80877102;
constexpr std::int32_t ssl_request_code = 80877103;
constexpr std::size_t longest_reason = 1000;  // bytes

bool continues_character(char byte) noexcept { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

}  // namespace

void startup(WriteBuffer& out, std::int32_t version,
             std::span<const std::pair<std::string_view, std::string_view>> parameters) {
  const std::uint64_t start = out.position();
  out.i32(0);
  out.i32(version);
  for (const auto& [name, value] : parameters) {
    out.cstr(name);
    out.cstr(value);
  }
  out.u8(0);
  out.patch_i32(start, static_cast<std::int32_t>(out.position() - start));
}

void parse(WriteBuffer& out, std::string_view name, std::string_view sql, std::span<const Oid> types) {
  Message message(out, 'P');
  out.cstr(name);
  out.cstr(sql);
  if (types.size() > 0xffff) return out.fail();
  out.u16(static_cast<std::uint16_t>(types.size()));
  for (const Oid type : types) out.u32(type);
}

void one_shot(WriteBuffer& out, std::string_view sql) {
  parse(out, "", sql, {});
  {
    Message message(out, 'B');
    out.cstr("");
    out.cstr("");
    out.u16(0);
    out.u16(0);
    out.u16(0);
  }
  execute(out, "", 0);
}

void ssl_request(WriteBuffer& out) {
  out.i32(8);
  out.i32(ssl_request_code);
}

void copy_fail(WriteBuffer& out, std::string_view reason) {
  reason = reason.substr(0, reason.find('\0'));
  if (reason.size() > longest_reason) {
    std::size_t end = longest_reason;
    while (end > 0 && continues_character(reason[end])) --end;
    reason = reason.substr(0, end);
  }
  Message message(out, 'f');
  out.cstr(reason);
}

void cancel_request(WriteBuffer& out, std::int32_t pid, Bytes key) {
  out.i32(static_cast<std::int32_t>(12 + key.size()));
  out.i32(cancel_request_code);
  out.i32(pid);
  out.bytes(key);
}

}  // namespace pgstride::inline v0::frontend
