// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/golden_values.hpp"

#include <charconv>
#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace pgstride::test {
namespace {

std::string unescape(std::string_view field) {
  std::string out;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] != '\\') {
      out += field[i];
      continue;
    }
    const char c = field.at(++i);
    out += c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
  }
  return out;
}

}  // namespace

std::string to_hex(Bytes bytes, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0) out += separator;
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", std::to_integer<unsigned>(bytes[i]));
    out += digits;
  }
  return out;
}

std::string from_hex(std::string_view digits) {
  std::string out;
  while (!digits.empty()) {
    if (digits.front() == ' ') {
      digits.remove_prefix(1);
      continue;
    }
    unsigned char byte = 0;
    const auto pair = digits.substr(0, 2);
    const auto [end, error] = std::from_chars(pair.data(), pair.data() + pair.size(), byte, 16);
    if (error != std::errc{} || end != pair.data() + 2) throw std::invalid_argument("not hexadecimal");
    out += static_cast<char>(byte);
    digits.remove_prefix(2);
  }
  return out;
}

std::vector<GoldenValue> read_golden_values() {
  std::ifstream file(PGSTRIDE_GOLDEN_DIR "/values.tsv");
  if (!file) throw std::runtime_error("no golden values in " PGSTRIDE_GOLDEN_DIR);
  std::vector<GoldenValue> values;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::vector<std::string> fields(1);
    for (const char c : line) {
      if (c == '\t') {
        fields.emplace_back();
      } else {
        fields.back() += c;
      }
    }
    if (fields.size() != 4) throw std::runtime_error("not four columns: " + line);
    values.push_back(
        {static_cast<Oid>(std::stoul(fields[0])), fields[1], from_hex(fields[2]), unescape(fields[3])});
  }
  return values;
}

}  // namespace pgstride::test
