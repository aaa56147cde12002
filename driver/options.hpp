// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// All options for connecting, as data. Filled from a connection string, from libpq's environment
// variables or by hand; complete() supplies the rest and checks the whole.
// Opens nothing and resolves nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pgstride/driver/dsn.hpp"
#include "pgstride/driver/loop/loop.hpp"
#include "pgstride/driver/net/socket.hpp"
#include "pgstride/driver/net/tls.hpp"
#include "pgstride/driver/observer.hpp"
#include "pgstride/driver/tls_options.hpp"
#include "pgstride/protocol/auth_methods.hpp"
#include "pgstride/protocol/frontend.hpp"
#include "pgstride/protocol/operations/startup.hpp"
#include "pgstride/protocol/scram_cache.hpp"
#include "pgstride/protocol/secret.hpp"
#include "pgstride/protocol/type_names.hpp"

namespace pgstride::inline v0 {

class Credentials;  // driver/credentials.hpp

/// A connection string or option that cannot be used.
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
  bool is_unix() const noexcept {
    return address.empty() && (name.starts_with('/') || name.starts_with('@'));
  }
  /// The socket itself, for Address::from_path().
  std::string socket_path() const;

  std::string name;        // or IP literal, or directory of a socket ('@': abstract); empty: the default
  std::uint16_t port = 0;  // 0: whatever ConnectOptions::ports or the default says
  std::string address;     // the IP address, when the name is not to be looked up (hostaddr)
  Secret password;         // from the password file, for when there is no other
};

/// A run-time parameter, sent with the startup message.
struct ServerSetting {
  ServerSetting(std::string name_, std::string value_) : name(std::move(name_)), value(std::move(value_)) {}

  std::string name;
  std::string value;
};

/// Which of several servers will do (target_session_attrs).
enum class TargetSession : std::uint8_t { any, read_write, read_only, primary, standby, prefer_standby };

class ConnectOptions {
 public:
  static constexpr std::uint16_t default_port = 5432;

  ConnectOptions() = default;
  /// Throws ConfigurationError.
  explicit ConnectOptions(std::string_view dsn);

  [[nodiscard]] static std::optional<ConnectOptions> parse(std::string_view dsn, OptionError&);
  /// For a connection string from an untrusted source: it may hold only `keys`, or those of
  /// strangers_may_say() if none are given, and must name a server to be reached by TCP. Neither this
  /// machine's files nor the environment are used, except the system's root certificates.
  [[nodiscard]] static std::optional<ConnectOptions> parse_untrusted(
      std::string_view dsn, OptionError&, std::span<const std::string_view> keys = strangers_may_say());
  /// The harmless keys: which server, which database, as whom, how secure.
  static std::span<const std::string_view> strangers_may_say() noexcept;
  /// One option by its libpq name. An empty value leaves it as it is.
  [[nodiscard]] bool set(std::string_view keyword, std::string_view value, OptionError&);
  /// Fills in what is not set yet from the surroundings: the service chosen, libpq's environment
  /// variables, and the password file in the home directory.
  [[nodiscard]] bool apply_environment(OptionError&);
  /// Supplies the defaults and checks everything; afterwards every host has a name and a port, and
  /// there is a user and a database. Looks for local sockets and the name of the operating
  /// system's user and loads certificates, so it touches the disk.
  [[nodiscard]] bool complete(OptionError&);

  /// Whether a password may go over an unencrypted connection to another machine.
  bool allows_cleartext_password() const noexcept {
    return cleartext_password || tls.mode == SslMode::disable || require_auth.names(AuthMethod::password);
  }

  /// `max_protocol`, or what it is without having been given.
  std::int32_t protocol_to_ask_for() const noexcept;

  std::vector<Host> hosts;             // tried in order
  std::vector<std::uint16_t> ports;    // one for all hosts or one for each; complete() moves them there
  std::vector<std::string> addresses;  // IP addresses, one for each host (hostaddr); likewise
  std::string user;
  Secret password;
  std::shared_ptr<Credentials> credentials;  // the word before `password` and `oauth_token`; may be null
  std::string passfile;                      // where to look for a password that is not given; empty: nowhere
  std::string service;                       // a section of the service file
  std::string servicefile;                   // empty: ~/.pg_service.conf, then $PGSYSCONFDIR/pg_service.conf
  std::string database;
  std::string application_name;
  std::string fallback_application_name;       // when nobody gives another one
  std::vector<ServerSetting> server_settings;  // sent in this order; the later of two wins

  TlsOptions tls;
  /// What `tls` comes to, made by complete() unless it is there already or no host needs it. Copies of
  /// these options share it, so that every connection made from them is as safe as the first.
  std::shared_ptr<const TlsContext> tls_context;
  BindingPolicy channel_binding = BindingPolicy::prefer;
  bool cleartext_password = false;  // to another machine, unencrypted

  TargetSession target_session = TargetSession::any;  // which of several servers will do
  bool load_balance_hosts = false;                    // try hosts, and addresses of a host, in random order

  /// Over name resolution, all hosts and addresses, authentication. Each host or address that is tried
  /// has an equal share of what is left.
  Duration connect_timeout = std::chrono::seconds(60);
  /// How long a cancelled request may take to end before the connection is given up.
  Duration cancel_grace = std::chrono::seconds(5);
  Keepalive keepalive;

  /// Told of everything that the C++ interface does; may be null.
  Observer* observer = nullptr;
  /// What is known of the user's types by name. Connections to one database, on one thread, may share it. The
  /// first that finds the server at another version looks all of them up again.
  std::shared_ptr<TypeNames> types;

  std::size_t statement_cache_size = 100;               // prepared statements; 0: none are kept
  std::size_t max_message_size = std::size_t{1} << 30;  // of a row; the server's own limit
  std::uint64_t max_rows = UINT64_MAX;                  // of one result that is kept
  std::uint64_t max_result_bytes = UINT64_MAX;          // of one result, the values' size on the wire
  AuthMethods require_auth;                             // the ways of authentication that are accepted
  Secret oauth_token;  // for OAUTHBEARER; goes nowhere but through TLS or a Unix socket
  std::string kerberos_service = "postgres";  // with the host, what a server is called in GSSAPI (krbsrvname)
  bool gss_delegation = false;                // it may act there in our name
  std::string required_peer;  // the user that a server on a Unix socket must run as; empty: any
  std::int32_t min_protocol = frontend::protocol_3_0;
  /// By request only, since not every pooler knows to decline: without it 3.0, or the latest if `min_protocol`
  /// is more than that.
  std::optional<std::int32_t> max_protocol;
  /// Keys derived from passwords by earlier connections, shared by those that reconnect; may be null.
  std::shared_ptr<ScramCache> scram_cache;
  std::uint32_t scram_min_iterations = 1;
  std::uint32_t scram_max_iterations = 1'000'000;

  /// Warnings that do not keep one from connecting: a password file that was ignored.
  std::vector<std::string> warnings;

 private:
  [[nodiscard]] bool is_given(std::size_t row) const;
  [[nodiscard]] bool apply_service(OptionError&);
  [[nodiscard]] bool apply(const DsnSetting&, OptionError&);
  [[nodiscard]] bool complete_hosts(OptionError&);
  void look_up_passwords();
  [[nodiscard]] bool complete_tls(OptionError&);
  [[nodiscard]] bool check(OptionError&) const;

  bool untrusted_ = false;   // made by parse_untrusted(): ignores the environment
  std::uint64_t given_ = 0;  // a bit for each row of the option table: set by name
};

}  // namespace pgstride::inline v0
