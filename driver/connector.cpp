// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/connector.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include <openssl/rand.h>

#include "pgstride/driver/connect_steps.hpp"
#include "pgstride/driver/coro/within.hpp"
#include "pgstride/driver/credentials.hpp"
#include "pgstride/driver/net/system_user.hpp"
#include "pgstride/driver/target_session.hpp"
#include "pgstride/driver/tls_steps.hpp"
#include "pgstride/driver/type_lookup.hpp"

namespace pgstride::inline v0 {
namespace {

/// What became of one attempt at one address, or of all of them.
struct Outcome {
  Outcome() = default;
  explicit Outcome(std::unique_ptr<Channel> c) : channel(std::move(c)) {}
  explicit Outcome(Failure f) : failure(std::move(f)) {}

  std::unique_ptr<Channel> channel;  // null: failed
  Failure failure;
  bool is_refused = false;  // for how the connection is encrypted, or not; nothing secret was said
};

// Two clients of one transaction pooler must not share a statement's name (R-Q2). None when the system has no
// randomness to give.
std::optional<std::string> random_statement_prefix() {
  std::array<unsigned char, 6> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return std::nullopt;
  std::string prefix = "pgstride_";
  for (const unsigned char byte : bytes) {
    prefix += "0123456789abcdef"[byte >> 4];
    prefix += "0123456789abcdef"[byte & 15];
  }
  prefix += '_';
  return prefix;
}

ChannelOptions channel_options(const ConnectOptions& options, std::string statement_prefix) {
  ChannelOptions result;
  result.cancel_grace = options.cancel_grace;
  result.observer = options.observer;
  result.session.types = options.types;
  result.session.max_message_size = static_cast<std::uint32_t>(options.max_message_size);
  result.session.result_limits = {options.max_rows, options.max_result_bytes};
  result.session.statement_cache_size = options.statement_cache_size;
  result.session.statement_prefix = std::move(statement_prefix);
  return result;
}

/// What is secret about one attempt to log in.
struct Login {
  Login() = default;

  Secret password;
  Secret token;
};

StartupOptions startup_options(const ConnectOptions& options, const Login& login, const Channel& channel) {
  StartupOptions result;
  result.user = options.user;
  result.database = options.database;
  result.password = login.password;
  if (!options.application_name.empty())
    result.settings.emplace_back("application_name", options.application_name);
  for (const ServerSetting& setting : options.server_settings)
    result.settings.emplace_back(setting.name, setting.value);
  result.clear_text_allowed =
      channel.tls() || channel.address().is_local() || options.allows_cleartext_password();
  result.channel_binding = options.channel_binding;
  result.encrypted = channel.tls() != nullptr;
  if (channel.tls()) result.server_end_point = channel.tls()->server_end_point();
  result.methods = options.require_auth;
  result.token = login.token;
  result.token_allowed = result.encrypted || channel.address().is_unix();
  result.min_version = options.min_protocol;
  result.max_version = options.protocol_to_ask_for();
  result.scram.min_iterations = options.scram_min_iterations;
  result.scram.max_iterations = options.scram_max_iterations;
  return result;
}

// Whoever may create a file in the socket's directory could listen there.
Failure check_peer(const ConnectOptions& options, const Address& address, const Socket& socket) {
  if (options.required_peer.empty() || !address.is_unix()) return {};
  const std::string actual = peer_name(socket.fd());
  if (actual == options.required_peer) return {};
  return {Errc::authentication_refused, "requirepeer asks for a server of the user \"" +
                                            options.required_peer + "\", and it is one of \"" + actual +
                                            "\""};
}

// Where the host's name alone would not tell which of its addresses it was: localhost:5432 (::1).
std::string place_text(const Host& host, const Address& address) {
  std::string number = address.text();
  if (address.is_unix() || Address::from_literal(host.name, host.port)) return number;
  number.resize(number.rfind(':'));
  return host_text(host) + " (" + number + ")";
}

// Another host may do better, unless the server knows us and says no.
bool is_final(const Failure& failure) {
  if (failure.code == Errc::authentication_failed || failure.code == Errc::authentication_refused)
    return true;
  if (!failure.server) return false;
  const auto state = failure.server->sqlstate();
  return state != "57P03" && state != "53300";  // starting up or in recovery, too many connections
}

bool is_about_password(const Failure& failure) {
  return failure.code == Errc::authentication_failed ||
         (failure.server && failure.server->sqlstate() == "28P01");
}

}  // namespace

class Connector::Attempt final : TimerHandler {
 public:
  Attempt(Loop& loop, ConnectOptions options, ConnectHandler& handler)
      : loop_(loop), options_(std::move(options)), handler_(handler), timer_(loop.timer(*this)) {}

  void start() {
    ends_ = deadline_after(loop_.now(), options_.connect_timeout);
    task_ = run();
    task_.start();
  }

 private:
  // The frame is still running at its end: the handler, which may destroy us, is called from the timer.
  Task<> run() {
    try {
      Task<> trying = try_all();
      co_await trying;
    } catch (...) {
      outcome_ = Outcome(no_memory());
    }
    timer_->arm(loop_.now());
  }

  Task<> try_all() {
    if (options_.load_balance_hosts) shuffle(options_.hosts);
    std::size_t left = options_.hosts.size();
    for (const Host& host : options_.hosts) {
      const TimePoint host_ends = share(ends_, left--);
      if (co_await try_host(host, host_ends)) co_return;
      if (is_final(last_)) break;
    }
    const bool has_spare = spare_ && spare_->is_open();
    if (!has_spare && is_about_password(last_)) {
      for (const std::string& warning : options_.warnings) last_.detail += "; " + warning;
    }
    outcome_ = has_spare ? Outcome(std::move(spare_)) : Outcome(std::move(last_));
  }

  // One host, all its addresses. True: outcome_ has a channel.
  Task<bool> try_host(const Host& host, TimePoint ends) {
    trying_ = host_text(host);
    Within<Resolution> resolving(loop_, ends, addresses_of(host));
    std::optional<Resolution> resolution = co_await resolving;
    if (!resolution) resolution.emplace().failure = Failure(Errc::timed_out, {});
    std::vector<Address>& addresses = resolution->addresses;
    if (addresses.empty()) note(resolution->failure);
    if (options_.load_balance_hosts) shuffle(addresses);
    std::size_t left = addresses.size();
    for (const Address& address : addresses) {
      trying_ = place_text(host, address);
      Within<Outcome> connecting(loop_, share(ends, left--), open_session(host, address));
      std::optional<Outcome> outcome = co_await connecting;
      if (!outcome) outcome.emplace(Failure(Errc::timed_out, {}));
      if (outcome->channel) {
        outcome_ = std::move(*outcome);
        co_return true;
      }
      note(outcome->failure);
      if (is_final(last_)) break;
    }
    co_return false;
  }

  Task<Resolution> addresses_of(const Host& host) {
    Resolution resolution = co_await resolve(loop_, host);
    co_return resolution;
  }

  // A connection to a server of the kind that is wanted.
  Task<Outcome> open_session(const Host& host, const Address& address) {
    Outcome outcome = co_await connect_to(host, address);
    if (!outcome.channel) co_return outcome;
    const TargetSession target = options_.target_session;
    Channel& channel = *outcome.channel;
    std::optional<bool> will_do = matches(target, channel.session().parameters());
    if (!will_do) {
      AskServer question(channel, target);
      will_do = co_await question;
    }
    if (!will_do) {
      const Failure* failure = channel.session().failure();
      co_return Outcome(failure ? *failure
                                : Failure(Errc::session_mismatch, "the server does not tell what it is"));
    }
    const bool is_spare = !*will_do && target == TargetSession::prefer_standby && !spare_;
    if (*will_do || is_spare) {
      Failure unlearned = co_await renew_types(channel);
      if (unlearned.code) co_return Outcome(std::move(unlearned));
    }
    if (*will_do) co_return outcome;
    if (is_spare) {
      spare_ = std::move(outcome.channel);
    } else {
      channel.terminate();
    }
    co_return Outcome(Failure(Errc::session_mismatch, mismatch(target)));
  }

  // With sslmode allow and prefer there is a second way, for when the server refuses the first. It
  // begins with a new connection.
  Task<Outcome> connect_to(const Host& host, const Address& address) {
    Endpoint in_clear(address);
    in_clear.host = host.name;
    Endpoint encrypted = in_clear;
    encrypted.tls = options_.tls_context;
    encrypted.direct_tls = options_.tls.negotiation == SslNegotiation::direct;

    const bool can_encrypt = encrypted.tls && !address.is_unix();
    const bool first_encrypted = can_encrypt && options_.tls.mode != SslMode::allow;
    const bool may_change =
        can_encrypt && (options_.tls.mode == SslMode::allow || options_.tls.mode == SslMode::prefer);
    const Endpoint& first = first_encrypted ? encrypted : in_clear;
    const Endpoint& second = first_encrypted ? in_clear : encrypted;
    Outcome outcome = co_await log_in(host, first);
    if (!may_change || !outcome.is_refused) co_return outcome;
    note(outcome.failure);
    co_return co_await log_in(host, second);
  }

  Task<Outcome> log_in(const Host& host, const Endpoint& wanted) {
    std::optional<std::string> statement_prefix = random_statement_prefix();
    if (!statement_prefix)
      co_return Outcome(Failure(Errc::authentication_failed, "the system has no randomness to give"));
    Login login;
    Failure refusal = co_await find_secrets(host, login);
    if (refusal.code) co_return Outcome(std::move(refusal));

    Endpoint endpoint = wanted;
    Socket socket;
    const std::error_code error =
        co_await connect_socket(loop_, socket, endpoint.address, options_.keepalive);
    if (error) co_return Outcome(Failure(error, {}));
    Failure impostor = check_peer(options_, endpoint.address, socket);
    if (impostor.code) co_return Outcome(std::move(impostor));

    Transport transport(std::move(socket));
    if (endpoint.tls) {
      TlsOutcome started = co_await start_tls(loop_, transport, endpoint);
      const bool may_go_on =
          started.kind == TlsOutcome::Kind::declined && options_.tls.mode == SslMode::prefer;
      if (may_go_on) {
        endpoint.tls.reset();
      } else if (started.kind != TlsOutcome::Kind::encrypted) {
        Outcome outcome(std::move(started.failure));
        outcome.is_refused = started.kind == TlsOutcome::Kind::refused;
        co_return outcome;
      }
    }
    auto channel = std::make_unique<Channel>(loop_, std::move(transport), endpoint,
                                             channel_options(options_, std::move(*statement_prefix)));
    const StartupOptions startup = startup_options(options_, login, *channel);
    const GssTarget target(options_.kerberos_service, host.name, options_.gss_delegation);
    Handshake handshake(*channel, startup, target, options_.scram_cache.get());
    co_await handshake;
    if (const Failure* failure = handshake.failure()) {
      Outcome outcome(*failure);
      const bool is_as_wanted = endpoint.tls == wanted.tls;  // else the other way is how this was tried
      outcome.is_refused = failure->server && failure->server->sqlstate() == "28000" &&
                           !handshake.questioned() && is_as_wanted;
      co_return outcome;
    }
    channel->set_cancel_key(handshake.take_cancel_key());
    co_return Outcome(std::move(channel));
  }

  Task<Failure> find_secrets(const Host& host, Login& login) {
    Failure failure;
    if (options_.credentials) {
      try {
        login.password = co_await options_.credentials->password(host);
        login.token = co_await options_.credentials->oauth_token(host);
      } catch (...) {
        failure = Failure(Errc::authentication_failed, "the credentials could not be had");
        failure.thrown = std::current_exception();
      }
    }
    if (login.password.empty()) login.password = options_.password;
    if (login.password.empty()) login.password = host.password;
    if (login.token.empty()) login.token = options_.oauth_token;
    co_return failure;
  }

  // Remembers what was wrong with the place just tried; the last failure's kind is that of all.
  void note(Failure failure) {
    std::string text = std::move(last_.detail);
    if (!text.empty()) text += "; ";
    text += trying_ + ": " + (failure.code == Errc::timed_out ? "no answer in time" : describe(failure));
    last_ = std::move(failure);
    last_.detail = std::move(text);
  }

  // An equal share, for one of so many who are left, of the time until `end`.
  TimePoint share(TimePoint end, std::size_t takers) const {
    if (end == never) return never;
    return loop_.now() + (end - loop_.now()) / static_cast<Duration::rep>(takers);
  }

  template <class T>
  void shuffle(std::vector<T>& order) {
    std::shuffle(order.begin(), order.end(), chance_);
  }

  void on_timer() noexcept override {
    Outcome outcome = std::move(outcome_);
    if (outcome.channel) return handler_.on_connected(std::move(outcome.channel));
    handler_.on_connect_failed(std::move(outcome.failure));
  }

  Loop& loop_;
  ConnectOptions options_;
  ConnectHandler& handler_;
  std::unique_ptr<Timer> timer_;
  TimePoint ends_ = never;
  std::minstd_rand chance_{std::random_device()()};
  std::string trying_;
  Failure last_;
  std::unique_ptr<Channel> spare_;  // to a server that will do when there is no better one
  Outcome outcome_;
  Task<> task_;  // last: its frame refers to everything above
};

Connector::Connector(Loop& loop, ConnectOptions options, ConnectHandler& handler)
    : attempt_(std::make_unique<Attempt>(loop, std::move(options), handler)) {}

Connector::~Connector() = default;

void Connector::start() { attempt_->start(); }

void observe_connect(Observer* observer, const Channel& made, Duration took) noexcept {
  if (!observer) return;
  std::string place;
  try {
    place = made.address().text();
  } catch (...) {  // no memory: better without the place than not at all
  }
  observer->on_connect({place, took, nullptr, made.cancel_key().pid});
}

void observe_connect(Observer* observer, const Failure& why, Duration took) noexcept {
  if (observer) observer->on_connect({why.detail, took, &why, 0});
}

}  // namespace pgstride::inline v0
