// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/options.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "pgstride/driver/net/openssl.hpp"
#include "pgstride/driver/net/system_user.hpp"
#include "pgstride/driver/option_table.hpp"
#include "pgstride/driver/passfile.hpp"
#include "pgstride/protocol/frontend.hpp"

namespace pgstride::inline v0 {
namespace {

constexpr const char* nul_refused = "NUL is not allowed";

using frontend::has_nul;

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

/// Where a local server listens, as the packagers of PostgreSQL have it.
constexpr const char* socket_directories[] = {"/run/postgresql", "/var/run/postgresql", "/tmp",
                                              "/private/tmp"};

bool is_socket(const std::string& path) noexcept {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

/// Where one does; a TCP port of this machine when there is none.
std::string default_host(std::uint16_t port) {
  for (const char* directory : socket_directories) {
    if (is_socket(Host(directory, port).socket_path())) return directory;
  }
  return "localhost";
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

bool ConnectOptions::is_given(std::size_t row) const {
  const auto& is_default = option_table()[row].is_default;
  return (given_ >> row & 1) != 0 || (is_default != nullptr && !is_default(*this));
}

bool ConnectOptions::apply_environment(OptionError& error) {
  if (untrusted_) return true;
  const auto apply = [&](std::size_t row) {
    const char* variable = option_table()[row].variable;
    const char* value = variable != nullptr ? std::getenv(variable) : nullptr;
    if (value == nullptr || *value == '\0' || is_given(row)) return true;
    if (row == row_of("requiressl") && *value != '1') return true;  // its variable only ever asks for more
    const char* problem = option_table()[row].apply(*this, value);
    if (problem != nullptr) error = OptionError(variable, 0, problem);
    return problem == nullptr;
  };
  // A service is nearer than the environment, although the environment may choose it.
  if (!apply(row_of("service")) || !apply(row_of("servicefile")) || !apply_service(error)) return false;
  for (std::size_t row = 0; row < option_table().size(); ++row) {
    if (!apply(row)) return false;
  }
  for (const auto& [variable, name] : session_variables()) {
    const char* value = std::getenv(variable);
    const auto same = [&](const ServerSetting& setting) {
      return ::strcasecmp(setting.name.c_str(), name) == 0;
    };
    if (value == nullptr || *value == '\0') continue;
    if (std::none_of(server_settings.begin(), server_settings.end(), same))
      server_settings.emplace_back(name, value);
  }
  if (const auto home = home_directory(); passfile.empty() && !home.empty()) passfile = home + "/.pgpass";
  return true;
}

bool ConnectOptions::apply_service(OptionError& error) {
  if (service.empty()) return true;
  std::vector<std::string> files;
  if (!servicefile.empty()) {
    if (::access(servicefile.c_str(), F_OK) != 0) {
      error = OptionError("servicefile", 0, "service file \"" + servicefile + "\" not found");
      return false;
    }
    files.push_back(servicefile);
  } else if (const auto home = home_directory(); !home.empty()) {
    files.push_back(home + "/.pg_service.conf");
  }
  if (const char* directory = std::getenv("PGSYSCONFDIR"))
    files.push_back(std::string(directory) + "/pg_service.conf");
  for (const auto& file : files) {
    const auto found = read_service(file, service, error);
    if (!found) return false;
    for (const auto& [keyword, value] : found->settings) {
      const auto row = row_of(keyword);
      if (row < option_table().size() && is_given(row)) continue;
      if (!set(keyword, value.reveal(), error)) return false;
    }
    if (!found->is_defined) continue;
    service.clear();  // it has been applied
    return true;
  }
  error = OptionError("service", 0, "definition of service \"" + service + "\" not found");
  return false;
}

bool ConnectOptions::complete(OptionError& error) {
  if (!apply_service(error) || !complete_hosts(error)) return false;
  if (user.empty()) user = login_name();
  if (user.empty()) {
    error = OptionError("user", 0, "could not determine user name to connect with");
    return false;
  }
  if (database.empty()) database = user;
  if (application_name.empty()) application_name = fallback_application_name;
  if (password.empty() && !passfile.empty()) look_up_passwords();
  return check(error) && complete_tls(error);
}

void ConnectOptions::look_up_passwords() {
  std::string warning;
  const PasswordFile file(passfile, warning);
  if (!warning.empty()) warnings.push_back(std::move(warning));
  const auto is_default_directory = [](const std::string& name) {
    return std::any_of(std::begin(socket_directories), std::end(socket_directories),
                       [&](const char* directory) { return name == directory; });
  };
  for (auto& host : hosts) {
    const std::string_view name = is_default_directory(host.name) ? "localhost" : std::string_view(host.name);
    host.password = file.find(name, std::to_string(host.port), database, user);
  }
}

bool ConnectOptions::complete_hosts(OptionError& error) {
  if (hosts.empty()) hosts.resize(std::max<std::size_t>(1, addresses.size()));
  if (!addresses.empty() && addresses.size() != hosts.size()) {
    error = OptionError("hostaddr", 0,
                        "could not match " + std::to_string(hosts.size()) + " host names to " +
                            std::to_string(addresses.size()) + " addresses");
    return false;
  }
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
    if (!addresses.empty()) host.address = addresses[i];
    if (!host.address.empty() && !Address::from_literal(host.address, host.port)) {
      error = OptionError("hostaddr", 0, "must be an IP address");
      return false;
    }
    if (host.name.empty()) host.name = host.address;
    if (host.name.empty()) host.name = default_host(host.port);
  }
  ports.clear();
  addresses.clear();
  return true;
}

bool ConnectOptions::complete_tls(OptionError& error) {
  const auto refuse = [&](const char* option, const char* why) {
    error = OptionError(option, 0, why);
    return false;
  };
  const bool trusts_system = tls.root_certificate == "system";
  if (!tls.mode) tls.mode = trusts_system ? SslMode::verify_full : SslMode::prefer;
  if (trusts_system && tls.mode < SslMode::verify_full)
    return refuse("sslmode", "is too weak for sslrootcert=system; use verify-full");
  if (tls.negotiation == SslNegotiation::direct && tls.mode < SslMode::require)
    return refuse("sslmode", "is too weak for sslnegotiation=direct; use require, verify-ca or verify-full");
  if (tls.max_version && *tls.max_version < tls.min_version)
    return refuse("ssl_max_protocol_version", "must not be less than ssl_min_protocol_version");
  const bool is_wanted = tls.mode != SslMode::disable &&
                         std::any_of(hosts.begin(), hosts.end(), [](const Host& h) { return !h.is_unix(); });
  if (is_wanted && !tls_context) tls_context = make_tls_context(tls, error);
  return !is_wanted || tls_context;
}

std::int32_t ConnectOptions::protocol_to_ask_for() const noexcept {
  return max_protocol.value_or(min_protocol > frontend::protocol_3_0 ? frontend::protocol_3_2
                                                                     : frontend::protocol_3_0);
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
  for (const auto& host : hosts) {
    if (has_nul(host.password.reveal())) return refuse("passfile", nul_refused);
  }
  if (has_nul(password.reveal())) return refuse("password", nul_refused);
  if (has_nul(database)) return refuse("dbname", nul_refused);
  if (has_nul(application_name)) return refuse("application_name", nul_refused);
  for (const auto& [name, value] : server_settings) {
    if (has_nul(name) || has_nul(value)) return refuse("server_settings", nul_refused);
    if (name.empty()) return refuse("server_settings", "has a setting without a name");
    if (name == "user" || name == "database")
      return refuse("server_settings", "may not hold \"user\" or \"database\"");
  }
  if (connect_timeout <= Duration::zero()) return refuse("connect_timeout", "must be more than 0");
  if (cancel_grace < Duration::zero()) return refuse("cancel_grace", "must be 0 or more");
  if (max_message_size == 0 || max_message_size > std::size_t{1} << 30) {
    return refuse("max_message_size", "must be from 1 to 1073741824");
  }
  if (has_nul(oauth_token.reveal())) return refuse("oauth_token", nul_refused);
  if (min_protocol > protocol_to_ask_for())
    return refuse("min_protocol_version", "must not be more than max_protocol_version");
  if (scram_min_iterations > scram_max_iterations) {
    return refuse("scram_min_iterations", "must not be more than scram_max_iterations");
  }
  return true;
}

}  // namespace pgstride::inline v0
