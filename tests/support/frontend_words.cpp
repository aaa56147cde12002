// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/frontend_words.hpp"

namespace pgstride::test {
namespace {

constexpr std::size_t header_size = 5;

// Size of the message at the front; 0 when it is not whole.
std::size_t message_size(Bytes said) {
  if (said.size() < header_size) return 0;
  const auto size = std::size_t{1} + load_big_endian<std::uint32_t>(said.data() + 1);
  return size < header_size || size > said.size() ? 0 : size;
}

std::string bind(Reader& in) {
  const auto portal = in.cstr();
  std::string words = "Bind(";
  if (!portal.empty()) words.append(portal).append(" <- ");
  words.append(in.cstr());
  for (int n = in.u16(); n > 0; --n) words.append(" format ").append(std::to_string(in.i16()));
  const int values = in.u16();
  for (int i = 0; i < values; ++i) {
    const auto length = in.i32();
    words.append(i == 0 ? ": " : ", ");
    if (length < -1) in.fail();
    words.append(length < 0 ? "NULL" : as_text(in.take(static_cast<std::size_t>(length))));
  }
  const int formats = in.u16();
  const bool all_binary = formats == 1 && Reader(in).i16() == 1;
  if (!all_binary) words.append(" ->");
  for (int i = 0; i < formats; ++i) {
    const auto format = std::to_string(in.i16());
    if (!all_binary) words.append(" ").append(format);
  }
  return words + ")";
}

std::string parse(Reader& in) {
  std::string words = "Parse(";
  words.append(in.cstr()).append(", ").append(in.cstr());
  const int types = in.u16();
  for (int i = 0; i < types; ++i) words.append(i == 0 ? ", " : " ").append(std::to_string(in.u32()));
  return words + ")";
}

std::string execute(Reader& in) {
  const std::string portal(in.cstr());
  const auto limit = in.u32();
  if (portal.empty() && limit == 0) return "Execute";
  return "Execute(" + portal + (limit == 0 ? "" : ", " + std::to_string(limit)) + ")";
}

std::string named(const char* verb, Reader& in) {
  const auto kind = in.u8();
  if (kind != 'S' && kind != 'P') in.fail();
  return std::string(verb) + (kind == 'P' ? "Portal(" : "(") + std::string(in.cstr()) + ")";
}

std::string message_in_words(Bytes message) {
  Reader in(message.subspan(header_size));
  std::string words;
  switch (static_cast<char>(message[0])) {
    case 'Q': words.append("Query(").append(in.cstr()).append(")"); break;
    case 'P': words = parse(in); break;
    case 'B': words = bind(in); break;
    case 'E': words = execute(in); break;
    case 'D': words = named("Describe", in); break;
    case 'C': words = named("Close", in); break;
    case 'S': words = "Sync"; break;
    case 'H': words = "Flush"; break;
    case 'X': words = "Terminate"; break;
    case 'c': words = "CopyDone"; break;
    case 'd': words.append("CopyData(").append(as_text(in.rest())).append(")"); break;
    case 'f': words.append("CopyFail(").append(in.cstr()).append(")"); break;
    case 'p': words.append("Password(").append(as_text(in.rest())).append(")"); break;
    default: in.fail();
  }
  return in.done() ? words : "Malformed";
}

std::string startup(Reader& in, std::uint32_t version) {
  std::string words = "Startup(" + std::to_string(version >> 16) + "." + std::to_string(version & 0xffff);
  const char* separator = ": ";
  for (auto name = in.cstr(); !name.empty(); name = in.cstr(), separator = ", ") {
    words.append(separator).append(name).append("=");
    words.append(in.cstr());
  }
  return words + ")";
}

std::string cancel(Reader& in) {
  const std::string pid = std::to_string(in.i32());
  return "Cancel(" + pid + ", " + std::string(as_text(in.rest())) + ")";
}

}  // namespace

std::size_t whole_messages(Bytes said) {
  std::size_t size = 0;
  while (const auto next = message_size(said.subspan(size))) size += next;
  return size;
}

std::string in_words(Bytes said) {
  std::string words;
  while (const auto size = message_size(said)) {
    words.append(words.empty() ? "" : " ").append(message_in_words(said.first(size)));
    said = said.subspan(size);
  }
  if (!said.empty())
    words.append(words.empty() ? "" : " ").append("+" + std::to_string(said.size()) + " bytes");
  return words;
}

std::string first_packet_in_words(Bytes said) {
  constexpr std::uint32_t cancel_code = 80877102;
  if (said.size() < 8) return "+" + std::to_string(said.size()) + " bytes";
  const std::size_t size = load_big_endian<std::uint32_t>(said.data());
  if (size < 8 || size > said.size()) return "Malformed";
  Reader in(said.first(size).subspan(4));
  const auto code = in.u32();
  std::string words = code == cancel_code ? cancel(in) : startup(in, code);
  if (!in.done()) words = "Malformed";
  const std::string rest = in_words(said.subspan(size));
  return rest.empty() ? words : words + " " + rest;
}

}  // namespace pgstride::test
