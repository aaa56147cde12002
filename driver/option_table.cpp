// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/option_table.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include "pgstride/protocol/ascii.hpp"

namespace pgstride::inline v0 {
namespace {

using Options = ConnectOptions;
using Value = std::string_view;

constexpr const char* fine = nullptr;
constexpr const char* bad_port = "must be a number from 1 to 65535";

std::optional<long> integer(Value text, long least, long most) noexcept {
  const auto first = text.find_first_not_of(" \t\n\r\f\v");
  if (first == Value::npos) return std::nullopt;
  text = text.substr(first, text.find_last_not_of(" \t\n\r\f\v") + 1 - first);
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (number < least || number > most) return std::nullopt;
  return number;
}

/// The items of a comma-separated list, empty ones included.
template <class Item>
const char* for_each_item(Value list, Item item) {
  while (true) {
    const auto comma = list.find(',');
    if (const char* problem = item(list.substr(0, comma))) return problem;
    if (comma == Value::npos) return fine;
    list.remove_prefix(comma + 1);
  }
}

/// Zero for an empty one.
std::optional<std::uint16_t> port_number(Value text) noexcept {
  if (text.empty()) return std::uint16_t{0};
  const auto number = integer(text, 1, 65535);
  if (!number) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

const char* apply_hosts(Options& options, Value list) {
  options.hosts.clear();
  return for_each_item(list, [&](Value name) {
    options.hosts.emplace_back(std::string(name));
    return fine;
  });
}

const char* apply_ports(Options& options, Value list) {
  options.ports.clear();
  return for_each_item(list, [&](Value text) {
    const auto port = port_number(text);
    options.ports.push_back(port.value_or(std::uint16_t{0}));
    return port ? fine : bad_port;
  });
}

const char* apply_addresses(Options& options, Value list) {
  options.addresses.clear();
  return for_each_item(list, [&](Value address) {
    options.addresses.emplace_back(address);
    return fine;
  });
}

const char* apply_target_session(Options& options, Value value) {
  using enum TargetSession;
  constexpr std::pair<Value, TargetSession> targets[] = {
      {"any", any},         {"read-write", read_write}, {"read-only", read_only},
      {"primary", primary}, {"standby", standby},       {"prefer-standby", prefer_standby}};
  for (const auto& [name, target] : targets) {
    if (value != name) continue;
    options.target_session = target;
    return fine;
  }
  return "must be one of: any, read-write, read-only, primary, standby, prefer-standby";
}

template <auto member>
const char* apply_version(Options& options, Value value) {
  if (value != "3.0" && value != "3.2" && value != "latest") return "must be one of: 3.0, 3.2, latest";
  options.*member = value == "3.0" ? frontend::protocol_3_0 : frontend::protocol_3_2;
  return fine;
}

const char* apply_load_balance(Options& options, Value value) {
  if (value != "disable" && value != "random") return "must be one of: disable, random";
  options.load_balance_hosts = value == "random";
  return fine;
}

template <std::string ConnectOptions::*member>
const char* apply_text(Options& options, Value value) {
  options.*member = value;
  return fine;
}

template <std::string ConnectOptions::*member>
bool is_empty(const Options& options) {
  return (options.*member).empty();
}

const char* apply_password(Options& options, Value value) {
  options.password = Secret(std::string(value));
  return fine;
}

void set_server_setting(Options& options, Value name, Value value) {
  options.server_settings.emplace_back(std::string(name), std::string(value));
}

bool has_server_setting(const Options& options, Value name) {
  const auto& settings = options.server_settings;
  return std::any_of(settings.begin(), settings.end(),
                     [&](const auto& setting) { return setting.name == name; });
}

template <class Number>
const char* store(Number& into, Value value, long least, long most, const char* problem) {
  const auto number = integer(value, least, most);
  if (number) into = static_cast<Number>(*number);
  return number ? fine : problem;
}

template <std::uint64_t Options::*member>
const char* apply_limit(Options& options, Value value) {
  constexpr long most = std::numeric_limits<long>::max();
  return store(options.*member, value, 1, most, "must be a number, 1 or more");
}

const char* apply_connect_timeout(Options& options, Value value) {
  long seconds = 0;
  if (const char* problem =
          store(seconds, value, -1'000'000'000, 1'000'000'000, "must be a number of seconds")) {
    return problem;
  }
  options.connect_timeout = seconds > 0 ? std::chrono::seconds(seconds) : unlimited;
  return fine;
}

template <int Keepalive::*member>
const char* apply_keepalive(Options& options, Value value) {
  return store(options.keepalive.*member, value, 0, 1'000'000'000, "must be a number, 0 or more");
}

const char* apply_keepalives(Options& options, Value value) {
  long enabled = 0;
  if (const char* problem = store(enabled, value, -1'000'000'000, 1'000'000'000, "must be 0 or 1"))
    return problem;
  options.keepalive.enabled = enabled != 0;
  return fine;
}

template <class Enum>
struct Choice {
  Value name;
  Enum value;
};

/// Stores what the value names; false when it names nothing.
template <class Field, class Enum, std::size_t count, class Same = std::equal_to<Value>>
bool choose(Field& into, Value value, const Choice<Enum> (&choices)[count], Same same = {}) {
  const auto* chosen = std::find_if(std::begin(choices), std::end(choices),
                                    [&](const auto& choice) { return same(choice.name, value); });
  if (chosen == std::end(choices)) return false;
  into = chosen->value;
  return true;
}

const char* apply_sslmode(Options& options, Value value) {
  using enum SslMode;
  constexpr Choice<SslMode> modes[] = {{"disable", disable},     {"allow", allow},
                                       {"prefer", prefer},       {"require", require},
                                       {"verify-ca", verify_ca}, {"verify-full", verify_full}};
  return choose(options.tls.mode, value, modes)
             ? fine
             : "must be one of: disable, allow, prefer, require, verify-ca, verify-full";
}

const char* apply_sslnegotiation(Options& options, Value value) {
  constexpr Choice<SslNegotiation> ways[] = {{"postgres", SslNegotiation::postgres},
                                             {"direct", SslNegotiation::direct}};
  return choose(options.tls.negotiation, value, ways) ? fine : "must be one of: postgres, direct";
}

const char* apply_sslcertmode(Options& options, Value value) {
  constexpr Choice<SslCertMode> modes[] = {
      {"disable", SslCertMode::disable}, {"allow", SslCertMode::allow}, {"require", SslCertMode::require}};
  return choose(options.tls.certificate_mode, value, modes) ? fine
                                                            : "must be one of: disable, allow, require";
}

const char* apply_channel_binding(Options& options, Value value) {
  constexpr Choice<BindingPolicy> policies[] = {{"disable", BindingPolicy::disable},
                                                {"prefer", BindingPolicy::prefer},
                                                {"require", BindingPolicy::require}};
  return choose(options.channel_binding, value, policies) ? fine : "must be one of: disable, prefer, require";
}

/// libpq's option from before there were modes.
const char* apply_requiressl(Options& options, Value value) {
  options.tls.mode = value.starts_with('1') ? SslMode::require : SslMode::prefer;
  return fine;
}

template <class Field>
const char* apply_tls_version(Field& into, Value value) {
  using enum TlsVersion;
  constexpr Choice<TlsVersion> versions[] = {
      {"TLSv1", tls_1_0}, {"TLSv1.1", tls_1_1}, {"TLSv1.2", tls_1_2}, {"TLSv1.3", tls_1_3}};
  return choose(into, value, versions, equal_ignoring_case)
             ? fine
             : "must be one of: TLSv1, TLSv1.1, TLSv1.2, TLSv1.3";
}

constexpr Choice<bool> zero_or_one[] = {{"0", false}, {"1", true}};

template <std::string TlsOptions::*member>
const char* apply_tls_text(Options& options, Value value) {
  options.tls.*member = value;
  return fine;
}

template <std::string TlsOptions::*member>
bool is_tls_empty(const Options& options) {
  return (options.tls.*member).empty();
}

/// What encrypts here is TLS. Whoever prefers GSSAPI gets what there is instead.
const char* apply_gssencmode(Options&, Value value) {
  if (value == "disable" || value == "prefer") return fine;
  return value == "require" ? "must not be require: GSSAPI encrypts nothing here, but TLS does (sslmode)"
                            : "must be one of: disable, prefer, require";
}

const char* no_effect(Options&, Value) { return fine; }

constexpr OptionRow rows[] = {
    {"host", "PGHOST", apply_hosts, [](const Options& o) { return o.hosts.empty(); }},
    {"hostaddr", "PGHOSTADDR", apply_addresses, [](const Options& o) { return o.addresses.empty(); }},
    {"port", "PGPORT", apply_ports, [](const Options& o) { return o.ports.empty(); }},
    {"dbname", "PGDATABASE", apply_text<&Options::database>, is_empty<&Options::database>},
    {"user", "PGUSER", apply_text<&Options::user>, is_empty<&Options::user>},
    {"password", "PGPASSWORD", apply_password, [](const Options& o) { return o.password.empty(); }},
    {"passfile", "PGPASSFILE", apply_text<&Options::passfile>, is_empty<&Options::passfile>},
    {"service", "PGSERVICE", apply_text<&Options::service>, is_empty<&Options::service>},
    {"servicefile", "PGSERVICEFILE", apply_text<&Options::servicefile>, is_empty<&Options::servicefile>},
    {"require_auth", "PGREQUIREAUTH", [](Options& o, Value value) { return o.require_auth.parse(value); },
     nullptr},
    {"oauth_token", nullptr, [](Options& o, Value value) { return o.oauth_token = Secret(value), fine; },
     nullptr},
    {"channel_binding", "PGCHANNELBINDING", apply_channel_binding,
     [](const Options& o) { return o.channel_binding == BindingPolicy::prefer; }},
    {"requirepeer", "PGREQUIREPEER", apply_text<&Options::required_peer>, is_empty<&Options::required_peer>},

    {"application_name", "PGAPPNAME", apply_text<&Options::application_name>,
     is_empty<&Options::application_name>},
    {"fallback_application_name", nullptr, apply_text<&Options::fallback_application_name>, nullptr},
    {"options", "PGOPTIONS",
     [](Options& o, Value value) { return set_server_setting(o, "options", value), fine; },
     [](const Options& o) { return !has_server_setting(o, "options"); }},
    {"client_encoding", nullptr,
     [](Options& o, Value value) {
       if (value != "auto") set_server_setting(o, "client_encoding", value);
       return fine;
     },
     nullptr},
    {"replication", nullptr,
     [](Options& o, Value value) { return set_server_setting(o, "replication", value), fine; }, nullptr},

    {"connect_timeout", "PGCONNECT_TIMEOUT", apply_connect_timeout,
     [](const Options& o) { return o.connect_timeout == Options().connect_timeout; }},
    {"keepalives", nullptr, apply_keepalives, nullptr},
    {"keepalives_idle", nullptr, apply_keepalive<&Keepalive::idle>, nullptr},
    {"keepalives_interval", nullptr, apply_keepalive<&Keepalive::interval>, nullptr},
    {"keepalives_count", nullptr, apply_keepalive<&Keepalive::count>, nullptr},
    {"tcp_user_timeout", nullptr, apply_keepalive<&Keepalive::user_timeout>, nullptr},

    {"target_session_attrs", "PGTARGETSESSIONATTRS", apply_target_session,
     [](const Options& o) { return o.target_session == TargetSession::any; }},
    {"load_balance_hosts", "PGLOADBALANCEHOSTS", apply_load_balance,
     [](const Options& o) { return !o.load_balance_hosts; }},
    {"min_protocol_version", "PGMINPROTOCOLVERSION", apply_version<&Options::min_protocol>, nullptr},
    {"max_protocol_version", "PGMAXPROTOCOLVERSION", apply_version<&Options::max_protocol>, nullptr},

    {"sslmode", "PGSSLMODE", apply_sslmode, [](const Options& o) { return !o.tls.mode; }},
    {"requiressl", "PGREQUIRESSL", apply_requiressl, [](const Options& o) { return !o.tls.mode; }},
    {"sslnegotiation", "PGSSLNEGOTIATION", apply_sslnegotiation,
     [](const Options& o) { return o.tls.negotiation == TlsOptions().negotiation; }},
    {"sslrootcert", "PGSSLROOTCERT", apply_tls_text<&TlsOptions::root_certificate>,
     is_tls_empty<&TlsOptions::root_certificate>},
    {"sslcertmode", "PGSSLCERTMODE", apply_sslcertmode,
     [](const Options& o) { return o.tls.certificate_mode == TlsOptions().certificate_mode; }},
    {"sslcert", "PGSSLCERT", apply_tls_text<&TlsOptions::certificate>,
     is_tls_empty<&TlsOptions::certificate>},
    {"sslkey", "PGSSLKEY", apply_tls_text<&TlsOptions::key>, is_tls_empty<&TlsOptions::key>},
    {"sslpassword", nullptr,
     [](Options& o, Value value) { return o.tls.key_password = Secret(std::string(value)), fine; }, nullptr},
    {"sslcrl", "PGSSLCRL", apply_tls_text<&TlsOptions::crl>, is_tls_empty<&TlsOptions::crl>},
    {"sslcrldir", "PGSSLCRLDIR", apply_tls_text<&TlsOptions::crl_directory>,
     is_tls_empty<&TlsOptions::crl_directory>},
    {"sslsni", "PGSSLSNI",
     [](Options& o, Value value) {
       return choose(o.tls.server_name_indication, value, zero_or_one) ? fine : "must be 0 or 1";
     },
     [](const Options& o) { return o.tls.server_name_indication; }},
    {"sslcompression", nullptr, no_effect, nullptr},  // nobody compresses any more
    {"sslkeylogfile", nullptr, apply_tls_text<&TlsOptions::key_log_file>, nullptr},
    {"ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION",
     [](Options& o, Value value) { return apply_tls_version(o.tls.min_version, value); },
     [](const Options& o) { return o.tls.min_version == TlsOptions().min_version; }},
    {"ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION",
     [](Options& o, Value value) { return apply_tls_version(o.tls.max_version, value); },
     [](const Options& o) { return !o.tls.max_version; }},
    {"gssencmode", "PGGSSENCMODE", apply_gssencmode, nullptr},
    {"gssdelegation", "PGGSSDELEGATION",
     [](Options& o, Value value) {
       return choose(o.gss_delegation, value, zero_or_one) ? fine : "must be 0 or 1";
     },
     [](const Options& o) { return !o.gss_delegation; }},
    {"krbsrvname", "PGKRBSRVNAME", apply_text<&Options::kerberos_service>,
     [](const Options& o) { return o.kerberos_service == Options().kerberos_service; }},
    {"gsslib", "PGGSSLIB", no_effect, nullptr},  // there is but one

    // Ours; libpq has no such thing.
    {"cancel_grace", nullptr,
     [](Options& o, Value value) {
       long seconds = 0;
       const char* problem =
           store(seconds, value, 0, 1'000'000'000, "must be a number of seconds, 0 or more");
       if (problem == nullptr) o.cancel_grace = std::chrono::seconds(seconds);
       return problem;
     },
     nullptr},
    {"max_rows", nullptr, apply_limit<&Options::max_rows>, nullptr},
    {"max_result_bytes", nullptr, apply_limit<&Options::max_result_bytes>, nullptr},
    {"statement_cache_size", nullptr,
     [](Options& o, Value value) {
       return store(o.statement_cache_size, value, 0, 1'000'000'000, "must be a number, 0 or more");
     },
     nullptr},
};
static_assert(std::size(rows) <= 64, "ConnectOptions keeps a bit for each");

}  // namespace

std::span<const OptionRow> option_table() noexcept { return rows; }

std::span<const SessionVariable> session_variables() noexcept {
  static constexpr SessionVariable variables[] = {
      {"PGDATESTYLE", "datestyle"}, {"PGTZ", "timezone"}, {"PGGEQO", "geqo"}};
  return variables;
}

}  // namespace pgstride::inline v0
