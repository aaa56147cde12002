// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Connection strings from strangers (R-K5). One of those chooses the server that is talked to. So it must not
// learn there what is in this process' files, environment and Kerberos tickets, nor be taken for this process
// by the peer at the other end of a Unix socket.
#include <algorithm>

#include "pgstride/driver/option_table.hpp"

namespace pgstride::inline v0 {
namespace {

// Nothing that names a file or a service, and nothing that goes to the server unseen.
constexpr std::string_view harmless[] = {
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "fallback_application_name",
    "connect_timeout",
    "target_session_attrs",
    "load_balance_hosts",
    "channel_binding",
    "sslmode",
    "sslnegotiation",
    "sslsni",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
};

bool contains(std::span<const std::string_view> keys, std::string_view key) noexcept {
  return std::ranges::find(keys, key) != keys.end();
}

}  // namespace

std::span<const std::string_view> ConnectOptions::strangers_may_say() noexcept { return harmless; }

std::optional<ConnectOptions> ConnectOptions::parse_untrusted(std::string_view dsn, OptionError& error,
                                                              std::span<const std::string_view> keys) {
  const auto refuse = [&](std::string key, std::size_t position, const char* why) -> std::nullopt_t {
    error = OptionError(std::move(key), position, why);
    return std::nullopt;
  };
  for (const std::string_view key : keys) {
    if (!contains(harmless, key)) return refuse(std::string(key), 0, "cannot be left to an untrusted source");
  }
  std::vector<DsnSetting> settings;
  if (!parse_dsn(dsn, settings, error)) return std::nullopt;
  std::optional<ConnectOptions> options(std::in_place);
  for (const DsnSetting& setting : settings) {
    if (!contains(keys, setting.key)) {
      // Unless it is one that we know, the key may be a piece of anything.
      const bool is_known =
          std::ranges::find(option_table(), setting.key, &OptionRow::keyword) != option_table().end();
      return refuse(is_known ? setting.key : "", setting.position, "is not allowed from an untrusted source");
    }
    if (!options->apply(setting, error)) return std::nullopt;
  }
  if (options->hosts.empty() && options->addresses.empty())
    return refuse("host", 0, "must be given by an untrusted source");
  for (const Host& host : options->hosts) {
    if (host.name.empty() && options->addresses.empty())
      return refuse("host", 0, "must be given by an untrusted source");
    if (host.name.starts_with('/') || host.name.starts_with('@'))
      return refuse("host", 0, "must not be a Unix socket from an untrusted source");
  }
  options->untrusted_ = true;
  options->tls.certificate_mode = SslCertMode::disable;
  if (options->tls.mode >= SslMode::verify_ca) options->tls.root_certificate = "system";
  if (options->require_auth.parse("!gss") != nullptr) return refuse("require_auth", 0, "cannot exclude gss");
  return options;
}

}  // namespace pgstride::inline v0
