// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/uuid.hpp"

namespace pgstride::inline v0 {
namespace {

constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

char* uuid_to_text(const Uuid& value, char* out) noexcept {
  constexpr char digits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < value.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
    const auto byte = std::to_integer<unsigned>(value.bytes[i]);
    *out++ = digits[byte >> 4];
    *out++ = digits[byte & 15];
  }
  return out;
}

std::string to_string(const Uuid& value) {
  std::string text(uuid_text_size, '\0');
  uuid_to_text(value, text.data());
  return text;
}

bool uuid_from_text(std::string_view text, Uuid& value) noexcept {
  if (text.size() >= 2 && text.front() == '{' && text.back() == '}') text = text.substr(1, text.size() - 2);
  Uuid parsed;
  std::size_t at = 0;
  for (std::size_t i = 0; i < parsed.bytes.size(); ++i) {
    if (i > 0 && i % 2 == 0 && at < text.size() && text[at] == '-') ++at;
    if (text.size() - at < 2) return false;
    const int high = hex_value(text[at]);
    const int low = hex_value(text[at + 1]);
    if (high < 0 || low < 0) return false;
    parsed.bytes[i] = static_cast<std::byte>(high * 16 + low);
    at += 2;
  }
  if (at != text.size()) return false;
  value = parsed;
  return true;
}

}  // namespace pgstride::inline v0
