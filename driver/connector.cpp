// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/connector.hpp"

#include <array>
#include <string>
#include <utility>

#include <openssl/rand.h>

#include "pgstride/driver/connect_steps.hpp"
#include "pgstride/driver/coro/task.hpp"

namespace pgstride::inline v0 {
namespace {

/// What became of one attempt at one address, or of all of them.
struct Outcome {
  Outcome() = default;
  explicit Outcome(std::unique_ptr<Channel> c) : channel(std::move(c)) {}
  explicit Outcome(Failure f) : failure(std::move(f)) {}

  std::unique_ptr<Channel> channel;  // null: failed
  Failure failure;
};

// Two clients of one transaction pooler must not share a statement's name (R-Q2).
std::string random_statement_prefix() {
  std::array<unsigned char, 6> bytes{};
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  std::string prefix = "pgstride_";
  for (const unsigned char byte : bytes) {
    prefix += "0123456789abcdef"[byte >> 4];
    prefix += "0123456789abcdef"[byte & 15];
  }
  return prefix += '_';
}

ChannelOptions channel_options(const ConnectOptions& options) {
  ChannelOptions result;
  result.cancel_grace = options.cancel_grace;
  result.session.max_message_size = static_cast<std::uint32_t>(options.max_message_size);
  result.session.statement_cache_size = options.statement_cache_size;
  result.session.statement_prefix = random_statement_prefix();
  return result;
}

StartupOptions startup_options(const ConnectOptions& options, const Address& address) {
  StartupOptions result;
  result.user = options.user;
  result.database = options.database;
  result.password = options.password;
  if (!options.application_name.empty())
    result.settings.emplace_back("application_name", options.application_name);
  for (const ServerSetting& setting : options.server_settings)
    result.settings.emplace_back(setting.name, setting.value);
  result.clear_text_allowed = address.is_local() || options.allows_cleartext_password();
  result.scram.min_iterations = options.scram_min_iterations;
  result.scram.max_iterations = options.scram_max_iterations;
  return result;
}

// Another host may do better, unless the server knows us and says no.
bool is_final(const Failure& failure) {
  if (failure.code == Errc::authentication_failed || failure.code == Errc::authentication_refused)
    return true;
  if (!failure.server) return false;
  const auto state = failure.server->sqlstate();
  return state != "57P03" && state != "53300";  // starting up, too many connections
}

}  // namespace

class Connector::Attempt final : TimerHandler {
 public:
  Attempt(Loop& loop, ConnectOptions options, ConnectHandler& handler)
      : loop_(loop), options_(std::move(options)), handler_(handler), timer_(loop.timer(*this)) {}

  void start() {
    timer_->arm(deadline_after(loop_.now(), options_.connect_timeout));
    task_ = run();
    task_.start();
  }

 private:
  Task<> run() {
    for (const Host& host : options_.hosts) {
      trying_ = host_text(host);
      Resolution resolution = co_await resolve(loop_, host);
      if (resolution.addresses.empty()) note(resolution.failure);
      for (const Address& address : resolution.addresses) {
        trying_ = address.text();
        Outcome outcome = co_await connect_to(address);
        if (outcome.channel) co_return finish(std::move(outcome));
        note(outcome.failure);
        if (is_final(last_)) co_return finish(Outcome(std::move(last_)));
      }
    }
    finish(Outcome(std::move(last_)));
  }

  Task<Outcome> connect_to(const Address& address) {
    Socket socket;
    const std::error_code error = co_await connect_socket(loop_, socket, address, options_.keepalive);
    if (error) co_return Outcome(Failure(error, {}));

    auto channel = std::make_unique<Channel>(loop_, std::move(socket), address, channel_options(options_));
    const StartupOptions startup = startup_options(options_, address);
    Handshake handshake(*channel, startup);
    co_await handshake;
    if (const Failure* failure = handshake.failure()) co_return Outcome(*failure);
    channel->set_cancel_key(handshake.take_cancel_key());
    co_return Outcome(std::move(channel));
  }

  // Remembers what was wrong with the place just tried; the last failure's kind is that of all.
  void note(Failure failure) {
    std::string text = std::move(last_.detail);
    if (!text.empty()) text += "; ";
    text += trying_ + ": " + describe(failure);
    last_ = std::move(failure);
    last_.detail = std::move(text);
  }

  // The frame is still running: the handler, which may destroy us, is called from the timer.
  void finish(Outcome outcome) {
    outcome_ = std::move(outcome);
    finished_ = true;
    timer_->arm(loop_.now());
  }

  void on_timer() noexcept override {
    if (!finished_) {
      task_ = Task<>();  // ends whatever it was waiting for
      std::string tried = std::move(last_.detail);
      if (!tried.empty()) tried += "; ";
      return handler_.on_connect_failed({Errc::timed_out, tried + trying_ + ": no answer in time"});
    }
    Outcome outcome = std::move(outcome_);
    if (outcome.channel) return handler_.on_connected(std::move(outcome.channel));
    handler_.on_connect_failed(std::move(outcome.failure));
  }

  Loop& loop_;
  ConnectOptions options_;
  ConnectHandler& handler_;
  std::unique_ptr<Timer> timer_;
  std::string trying_;
  Failure last_;
  Outcome outcome_;
  bool finished_ = false;
  Task<> task_;  // last: its frame refers to everything above
};

Connector::Connector(Loop& loop, ConnectOptions options, ConnectHandler& handler)
    : attempt_(std::make_unique<Attempt>(loop, std::move(options), handler)) {}

Connector::~Connector() = default;

void Connector::start() { attempt_->start(); }

}  // namespace pgstride::inline v0
