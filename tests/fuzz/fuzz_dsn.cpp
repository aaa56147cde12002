// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a connection string: read whole or refused with a reason,
// and the reason shows nothing of the input but the name of an option.
// Proves FZ-7.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "pgstride/driver/option_table.hpp"
#include "pgstride/driver/options.hpp"

#include "tests/support/require.hpp"

namespace {

using namespace pgstride;
using namespace pgstride::test;

bool is_known(std::string_view keyword) {
  for (const auto& row : option_table()) {
    if (row.keyword == keyword) return true;
  }
  return false;
}

bool is_name(std::string_view text) {
  return text.size() < 64 &&
         text.find_first_of(std::string_view("'\"\\%@:/?=&,[] \t\r\n\0", 19)) == text.npos;
}

void check_refusal(const OptionError& error, std::string_view dsn, std::size_t file_name = 0) {
  require(!error.reason.empty());
  require(error.position <= dsn.size() + 1);
  require(error.option.empty() || is_known(error.option) || is_name(error.option));
  require(error.message().size() < 200 + file_name);
}

void check_value(std::string_view value) { require(value.find('\0') == std::string_view::npos); }

void parse(std::string_view dsn) {
  OptionError error;
  auto options = ConnectOptions::parse(dsn, error);
  if (!options) return check_refusal(error, dsn);
  for (const auto& host : options->hosts) check_value(host.name);
  check_value(options->user);
  check_value(options->password.reveal());
  check_value(options->database);
  for (const auto& setting : options->server_settings) {
    check_value(setting.name);
    check_value(setting.value);
  }
  // What is still missing would be looked up on this machine.
  if (options->user.empty()) options->user = "u";
  for (auto& host : options->hosts) {
    if (host.name.empty()) host.name = "h";
  }
  if (options->hosts.empty()) options->hosts.emplace_back("h");
  options->tls.key_log_file.clear();  // the only option that would write a file
  if (!options->complete(error)) return check_refusal(error, dsn, dsn.size());  // of a file that is not there
  require(options->ports.empty() && !options->database.empty());
  for (const auto& host : options->hosts) require(host.port != 0 && !host.socket_path().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of the exact size, so that a read past its end is seen.
  const std::string dsn(reinterpret_cast<const char*>(data), size);
  parse(dsn);
  return 0;
}
