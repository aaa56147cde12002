// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Everything one may say about how to connect, as data. Filled from a connection string, from
// libpq's environment variables or by hand; complete() supplies the rest and checks the whole.
// Opens nothing and resolves nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pgstride/driver/dsn.hpp"
#include "pgstride/driver/loop/loop.hpp"
#include "pgstride/driver/net/socket.hpp"
#include "pgstride/protocol/secret.hpp"

namespace pgstride::inline v0 {

/// A connection string or option that can not be used.
class ConfigurationError : public std::invalid_argument {
 public:
  explicit ConfigurationError(const OptionError& error)
      : std::invalid_argument(error.message()), option_(error.option) {}

  /// The option concerned; may be empty.
  const std::string& option() const noexcept { return option_; }

 private:
  std::string option_;
};

/// One place where the server may be.
struct Host {
  Host() = default;
  explicit Host(std::string name_, std::uint16_t port_ = 0) : name(std::move(name_)), port(port_) {}

  /// Reached through a Unix socket.
  bool is_unix() const noexcept { return name.starts_with('/') || name.starts_with('@'); }
  /// The socket itself, for Address::from_path().
  std::string socket_path() const;

  std::string name;        // or IP literal, or directory of a socket ('@': abstract); empty: the default
  std::uint16_t port = 0;  // 0: whatever ConnectOptions::ports or the default says
};

/// A run-time parameter, sent with the startup message.
struct ServerSetting {
  ServerSetting(std::string name_, std::string value_) : name(std::move(name_)), value(std::move(value_)) {}

  std::string name;
  std::string value;
};

enum class SslMode : unsigned char { disable, allow, prefer, require, verify_ca, verify_full };

/// No limit.
inline constexpr Duration unlimited = Duration::max();

/// `limit` after `now`, which may be never.
constexpr TimePoint deadline_after(TimePoint now, Duration limit) noexcept {
  return limit >= never - now ? never : now + limit;
}

class ConnectOptions {
 public:
  static constexpr std::uint16_t default_port = 5432;

  ConnectOptions() = default;
  /// Throws ConfigurationError.
  explicit ConnectOptions(std::string_view dsn);

  [[nodiscard]] static std::optional<ConnectOptions> parse(std::string_view dsn, OptionError&);
  /// One option by its libpq name. An empty value leaves it as it is.
  [[nodiscard]] bool set(std::string_view keyword, std::string_view value, OptionError&);
  /// Environment variables, for what neither the connection string nor its owner has set.
  [[nodiscard]] bool apply_environment(OptionError&);
  /// Supplies the defaults and checks everything; afterwards every host has a name and a port, and
  /// there is a user and a database. Looks for local sockets and the name of the operating
  /// system's user, so it may touch the disk.
  [[nodiscard]] bool complete(OptionError&);

  /// Whether a password may go over an unencrypted connection to another machine.
  bool allows_cleartext_password() const noexcept {
    return cleartext_password || sslmode == SslMode::disable;
  }

  std::vector<Host> hosts;           // tried in order
  std::vector<std::uint16_t> ports;  // one for all hosts or one for each; complete() moves them there
  std::string user;
  Secret password;
  std::string database;
  std::string application_name;
  std::string fallback_application_name;       // when nobody gives another one
  std::vector<ServerSetting> server_settings;  // sent in this order; the later of two wins

  SslMode sslmode = SslMode::prefer;  // TLS is not built yet: asking for more is an error
  bool cleartext_password = false;    // to another machine, unencrypted

  /// Over name resolution, all hosts and addresses, authentication.
  Duration connect_timeout = std::chrono::seconds(60);
  /// How long a cancelled request may take to end before the connection is given up.
  Duration cancel_grace = std::chrono::seconds(5);
  Keepalive keepalive;

  std::size_t statement_cache_size = 100;               // prepared statements; 0: none are kept
  std::size_t max_message_size = std::size_t{1} << 30;  // of a row; the server's own limit
  std::uint32_t scram_min_iterations = 1;
  std::uint32_t scram_max_iterations = 1'000'000;

 private:
  [[nodiscard]] bool apply(const DsnSetting&, OptionError&);
  [[nodiscard]] bool complete_hosts(OptionError&);
  [[nodiscard]] bool check(OptionError&) const;

  std::uint64_t given_ = 0;  // a bit for each row of the option table: set by name
};

}  // namespace pgstride::inline v0
