// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/options.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "pgstride/driver/option_table.hpp"

namespace pgstride::inline v0 {
namespace {

constexpr const char* nul_refused = "NUL is not allowed";

bool has_nul(std::string_view text) noexcept { return text.find('\0') != std::string_view::npos; }

/// The row of a keyword, or the table's size.
std::size_t row_of(std::string_view keyword) noexcept {
  const auto table = option_table();
  const auto row =
      std::find_if(table.begin(), table.end(), [&](const auto& r) { return r.keyword == keyword; });
  return static_cast<std::size_t>(row - table.begin());
}

/// Looks like a keyword that was misspelt, rather than like a piece of something else.
bool is_name(std::string_view text) noexcept {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && text.size() < 64 && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '-'; });
}

bool is_socket(const std::string& path) noexcept {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

/// Where a local server most likely listens.
std::string default_host(std::uint16_t port) {
  for (const char* directory : {"/run/postgresql", "/var/run/postgresql", "/tmp", "/private/tmp"}) {
    if (is_socket(Host(directory, port).socket_path())) return directory;
  }
  return "localhost";
}

/// Empty when there is none.
std::string login_name() {
  std::vector<char> buffer(1024);
  passwd entry{};
  passwd* found = nullptr;
  while (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) == ERANGE) {
    buffer.resize(buffer.size() * 2);
  }
  return found != nullptr ? found->pw_name : "";
}

}  // namespace

std::string Host::socket_path() const {
  if (name.find(".s.PGSQL.") != std::string::npos) return name;
  return name + (name.ends_with('/') ? "" : "/") + ".s.PGSQL." + std::to_string(port);
}

ConnectOptions::ConnectOptions(std::string_view dsn) {
  OptionError error;
  auto parsed = parse(dsn, error);
  if (!parsed) throw ConfigurationError(error);
  *this = std::move(*parsed);
}

std::optional<ConnectOptions> ConnectOptions::parse(std::string_view dsn, OptionError& error) {
  std::vector<DsnSetting> settings;
  if (!parse_dsn(dsn, settings, error)) return std::nullopt;
  std::optional<ConnectOptions> options(std::in_place);
  for (const auto& setting : settings) {
    if (!options->apply(setting, error)) return std::nullopt;
  }
  return options;
}

bool ConnectOptions::apply(const DsnSetting& setting, OptionError& error) {
  if (row_of(setting.key) == option_table().size()) {
    const bool is_showable = setting.key_is_showable && is_name(setting.key);
    error = OptionError(is_showable ? setting.key : "", setting.position, "unknown option");
    return false;
  }
  if (set(setting.key, setting.value.reveal(), error)) return true;
  error.position = setting.position;
  return false;
}

bool ConnectOptions::set(std::string_view keyword, std::string_view value, OptionError& error) {
  const auto row = row_of(keyword);
  if (row == option_table().size()) {
    error = OptionError(is_name(keyword) ? std::string(keyword) : "", 0, "unknown option");
    return false;
  }
  if (value.empty()) return true;
  const char* problem = has_nul(value) ? nul_refused : option_table()[row].apply(*this, value);
  if (problem != nullptr) {
    error = OptionError(std::string(keyword), 0, problem);
    return false;
  }
  given_ |= std::uint64_t{1} << row;
  return true;
}

bool ConnectOptions::apply_environment(OptionError& error) {
  for (std::size_t i = 0; i < option_table().size(); ++i) {
    const auto& row = option_table()[i];
    const char* value = row.variable != nullptr ? std::getenv(row.variable) : nullptr;
    const bool is_given = (given_ >> i & 1) != 0 || (row.is_default != nullptr && !row.is_default(*this));
    if (value == nullptr || *value == '\0' || is_given) continue;
    if (const char* problem = row.apply(*this, value)) {
      error = OptionError(row.variable, 0, problem);
      return false;
    }
  }
  return true;
}

bool ConnectOptions::complete(OptionError& error) {
  if (!complete_hosts(error)) return false;
  if (user.empty()) user = login_name();
  if (user.empty()) {
    error = OptionError("user", 0, "could not determine user name to connect with");
    return false;
  }
  if (database.empty()) database = user;
  if (application_name.empty()) application_name = fallback_application_name;
  return check(error);
}

bool ConnectOptions::complete_hosts(OptionError& error) {
  if (hosts.empty()) hosts.emplace_back();
  if (ports.size() > 1 && ports.size() != hosts.size()) {
    error = OptionError("port", 0,
                        "could not match " + std::to_string(ports.size()) + " port numbers to " +
                            std::to_string(hosts.size()) + " hosts");
    return false;
  }
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    auto& host = hosts[i];
    if (host.port == 0 && !ports.empty()) host.port = ports[ports.size() == 1 ? 0 : i];
    if (host.port == 0) host.port = default_port;
    if (host.name.empty()) host.name = default_host(host.port);
  }
  ports.clear();
  return true;
}

bool ConnectOptions::check(OptionError& error) const {
  const auto refuse = [&](const char* option, const char* why) {
    error = OptionError(option, 0, why);
    return false;
  };
  // A NUL would end the value early in the startup message, and begin a parameter of its own.
  for (const auto& host : hosts) {
    if (has_nul(host.name)) return refuse("host", nul_refused);
  }
  if (has_nul(user)) return refuse("user", nul_refused);
  if (has_nul(password.reveal())) return refuse("password", nul_refused);
  if (has_nul(database)) return refuse("dbname", nul_refused);
  if (has_nul(application_name)) return refuse("application_name", nul_refused);
  for (const auto& [name, value] : server_settings) {
    if (has_nul(name) || has_nul(value)) return refuse("server_settings", nul_refused);
    if (name.empty()) return refuse("server_settings", "has a setting without a name");
    if (name == "user" || name == "database")
      return refuse("server_settings", "may not hold \"user\" or \"database\"");
  }
  if (sslmode >= SslMode::require) return refuse("sslmode", "asks for TLS, which is not supported yet");
  if (connect_timeout <= Duration::zero()) return refuse("connect_timeout", "must be more than 0");
  if (cancel_grace < Duration::zero()) return refuse("cancel_grace", "must be 0 or more");
  if (max_message_size == 0 || max_message_size > std::size_t{1} << 30) {
    return refuse("max_message_size", "must be from 1 to 1073741824");
  }
  if (scram_min_iterations > scram_max_iterations) {
    return refuse("scram_min_iterations", "must not be more than scram_max_iterations");
  }
  return true;
}

}  // namespace pgstride::inline v0
