// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/operations/startup.hpp"

#include <algorithm>
#include <string_view>

#include "pgstride/protocol/frontend.hpp"
#include "pgstride/protocol/md5.hpp"
#include "pgstride/protocol/session.hpp"

namespace pgstride::inline v0 {
namespace {

constexpr std::size_t authentication_budget = 1 << 20;  // bytes the server may spend on it (R-M2)
constexpr std::string_view scram_sha_256 = "SCRAM-SHA-256";
constexpr std::string_view oauth_bearer = "OAUTHBEARER";
constexpr std::string_view scram_sha_256_plus = "SCRAM-SHA-256-PLUS";
constexpr std::string_view end_point = "tls-server-end-point";

/// Letters, digits and -._~+/, then perhaps = signs (RFC 6750): nothing that could end it early.
bool is_bearer_token(std::string_view token) noexcept {
  while (token.ends_with('=')) token.remove_suffix(1);
  return !token.empty() && std::all_of(token.begin(), token.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("-._~+/").find(c) != std::string_view::npos;
  });
}

}  // namespace

Encoded Startup::encode(WriteBuffer& out) {
  std::vector<std::pair<std::string_view, std::string_view>> parameters{
      {"user", options_.user}, {"database", options_.database}, {"client_encoding", "UTF8"}};
  parameters.insert(parameters.end(), options_.settings.begin(), options_.settings.end());
  frontend::startup(out, options_.max_version, parameters);
  return Encoded::complete;
}

bool Startup::on_frame(const Frame& frame) {
  switch (frame.type) {
    case 'v': return on_version(frame);
    case 'R':
      received_ += frame.body.size();
      return received_ <= authentication_budget && on_authentication(frame);
    case 'K': {
      const auto data = parse_backend_key_data(frame.body);
      const std::size_t longest = version_ == frontend::protocol_3_0 ? 4 : 256;
      if (!data || data->key.size() > longest || cancel_key_.known()) return false;
      cancel_key_.pid = data->pid;
      cancel_key_.key = Secret(as_text(data->key));
      return true;
    }
    case 'Z': return on_ready();
    default: return false;
  }
}

// The server does not speak all that was asked for. We ask for no option (_pq_.), so it has none to
// name; and there is no 3.1: poolers of old accepted that by mistake.
bool Startup::on_version(const Frame& frame) {
  const auto answer = parse_negotiate_protocol_version(frame.body);
  if (!answer || std::exchange(version_told_, true) || received_ != 0 || !answer->unknown_options.empty())
    return false;
  if (answer->version >= version_ || answer->version != frontend::protocol_3_0) return false;
  version_ = answer->version;
  if (version_ >= options_.min_version) return true;
  return refuse(Errc::session_mismatch,
                "the server speaks an older version of the protocol than min_protocol_version");
}

// A value the client and server disagree about the layout of would be read wrongly for ever after.
bool Startup::on_ready() {
  if (session()->parameters().get("integer_datetimes") == "off")
    return refuse(Errc::protocol_violation, "servers built with floating-point timestamps are not supported");
  return true;
}

bool Startup::on_authentication(const Frame& frame) {
  const auto request = parse_authentication(frame.body);
  if (!request) return false;
  const bool first_question = !questioned();
  const bool may_bind = request->kind == AuthenticationKind::sasl || scram_;
  if (options_.channel_binding == BindingPolicy::require && !may_bind)
    return refuse(Errc::authentication_refused,
                  "channel binding is required, and the server does not ask for SCRAM");
  switch (request->kind) {
    case AuthenticationKind::ok: return request->data.empty() && on_authenticated();
    case AuthenticationKind::clear_text_password:
      return request->data.empty() && first_question && on_clear_text();
    case AuthenticationKind::md5_password:
      return request->data.size() == 4 && first_question && on_md5(request->data);
    case AuthenticationKind::gss:
      return request->data.empty() && first_question && (!permits(AuthMethod::gss) || next_gss_step({}));
    case AuthenticationKind::gss_continue: return gss_ == Gss::servers && next_gss_step(request->data);
    case AuthenticationKind::sasl: return first_question && on_sasl(request->data);
    case AuthenticationKind::sasl_continue: return (scram_ || token_sent_) && on_sasl_continue(request->data);
    case AuthenticationKind::sasl_final: return scram_ && on_sasl_final(request->data);
    default: {
      const auto number = static_cast<std::int32_t>(request->kind);
      const std::string name = request->kind == AuthenticationKind::sspi ? "SSPI" : std::to_string(number);
      return refuse(Errc::authentication_refused,
                    "the server asks for authentication method " + name + ", which is not supported");
    }
  }
}

bool Startup::permits(AuthMethod method) {
  if (options_.methods.allows(method)) return true;
  refuse(Errc::authentication_refused, "the server asks for authentication by " +
                                           std::string(auth_method_names[static_cast<std::size_t>(method)]) +
                                           ", which require_auth does not allow");
  return false;
}

bool Startup::on_clear_text() {
  if (!permits(AuthMethod::password)) return true;
  if (!options_.clear_text_allowed)
    return refuse(Errc::authentication_refused,
                  "the server asks for the password in clear text over an unencrypted connection");
  if (options_.password.empty())
    return refuse(Errc::authentication_failed, "the server asks for a password, and none was given");
  password_sent_ = true;
  frontend::password(session()->reply_buffer(), options_.password.reveal());
  return true;
}

bool Startup::on_md5(Bytes salt) {
  if (!permits(AuthMethod::md5)) return true;
  const auto answer = md5_password(options_.user, options_.password, salt);
  if (!answer) return refuse(Errc::authentication_failed, "MD5 is not available in this OpenSSL");
  password_sent_ = true;
  frontend::password(session()->reply_buffer(), *answer);
  return true;
}

bool Startup::on_sasl(Bytes mechanisms) {
  Reader in(mechanisms);
  bool offers_scram = false;
  bool offers_plus = false;
  bool offers_oauth = false;
  std::string names;
  for (auto name = in.cstr(); !name.empty(); name = in.cstr()) {
    offers_scram = offers_scram || name == scram_sha_256;
    offers_plus = offers_plus || name == scram_sha_256_plus;
    offers_oauth = offers_oauth || name == oauth_bearer;
    if (names.size() < 200) names.append(names.empty() ? "" : ", ").append(name);
  }
  if (!in.done()) return false;
  if (const char* why = check_binding(offers_plus)) return refuse(Errc::authentication_refused, why);
  ChannelBinding binding = choose_binding(offers_plus);
  if (offers_scram || binding.is_bound())
    return !permits(AuthMethod::scram_sha_256) || begin_scram(std::move(binding));
  if (offers_oauth) return !permits(AuthMethod::oauth) || begin_oauth();
  return refuse(Errc::authentication_refused,
                "the server offers no SASL mechanism that we speak, only: " + names);
}

bool Startup::begin_scram(ChannelBinding binding) {
  auto nonce = scram_nonce();
  if (!nonce) return refuse(Errc::authentication_failed, "the system has no randomness to give");
  scram_.emplace(options_.password, std::move(binding), std::move(*nonce), options_.scram);
  server_proven_ = false;
  frontend::sasl_initial_response(session()->reply_buffer(), scram_->mechanism(), scram_->client_first());
  return true;
}

// RFC 7628. The server proves nothing; it says Ok, or why not.
bool Startup::begin_oauth() {
  const auto token = options_.token.reveal();
  if (token.empty())
    return refuse(Errc::authentication_failed, "the server asks for an OAuth token, and none was given");
  if (!options_.token_allowed)
    return refuse(Errc::authentication_refused,
                  "the server asks for an OAuth token over an unencrypted connection");
  if (!is_bearer_token(token)) return refuse(Errc::authentication_failed, "the OAuth token is malformed");
  std::vector<char, WipingAllocator<char>> response;
  for (const auto part : {std::string_view("n,,\x01"
                                           "auth=Bearer "),
                          token, std::string_view("\x01\x01")})
    response.insert(response.end(), part.begin(), part.end());
  token_sent_ = true;
  frontend::sasl_initial_response(session()->reply_buffer(), oauth_bearer,
                                  std::string_view(response.data(), response.size()));
  return true;
}

// What the server says next may come before our step is over, so it has to wait.
bool Startup::next_gss_step(Bytes token) {
  gss_ = Gss::ours;
  server_proven_ = false;
  session()->pause();
  on_gss(std::string(as_text(token)));
  return true;
}

void Startup::stepped(const GssStep& step) {
  if (!pending() || gss_ != Gss::ours) return;
  if (!step.problem.empty()) {
    refuse(Errc::authentication_failed, step.problem);
    return;
  }
  gss_ = step.is_complete ? Gss::complete : Gss::servers;
  server_proven_ = step.is_complete;
  if (!step.token.empty()) frontend::sasl_response(session()->reply_buffer(), step.token);
}

// What speaks against going on; null: nothing.
const char* Startup::check_binding(bool offered_plus) const noexcept {
  if (offered_plus && !options_.encrypted)
    return "the server offers SCRAM-SHA-256-PLUS over a connection without TLS";
  if (options_.channel_binding != BindingPolicy::require) return nullptr;
  if (!options_.encrypted) return "channel binding is required, and the connection is not under TLS";
  if (options_.server_end_point.empty())
    return "channel binding is required, and the server's certificate has no hash to bind to";
  return offered_plus ? nullptr : "channel binding is required, and the server does not offer it";
}

ChannelBinding Startup::choose_binding(bool offered_plus) const {
  const std::string& binding = options_.server_end_point;
  if (options_.channel_binding == BindingPolicy::disable || !options_.encrypted || binding.empty())
    return ChannelBinding::none();
  return offered_plus ? ChannelBinding::bound(end_point, as_bytes(binding)) : ChannelBinding::not_offered();
}

bool Startup::on_sasl_continue(Bytes challenge) {
  if (token_sent_) {
    // The token was refused; an ErrorResponse follows this. The document about where to get a better
    // one is for whoever gets tokens.
    if (std::exchange(token_refused_, true)) return false;
    frontend::sasl_response(session()->reply_buffer(), "\x01");
    return true;
  }
  if (const ScramError error = scram_->challenge(as_text(challenge)); error != ScramError::none)
    return refuse(Errc::authentication_failed, std::string(describe(error)));
  on_derivation(scram_->derivation());
  return true;
}

void Startup::derived(const std::optional<SaltedKeys>& keys) {
  if (!pending() || !scram_) return;
  const auto answer = keys ? scram_->client_final(*keys) : std::nullopt;
  if (!answer) {
    refuse(Errc::authentication_failed, "the SCRAM keys could not be computed");
    return;
  }
  frontend::sasl_response(session()->reply_buffer(), *answer);
}

bool Startup::on_sasl_final(Bytes proof) {
  if (const ScramError error = scram_->verify(as_text(proof)); error != ScramError::none) {
    std::string why(describe(error));
    if (!scram_->server_error().empty()) why.append(": ").append(scram_->server_error());
    return refuse(Errc::authentication_failed, std::move(why));
  }
  server_proven_ = true;
  return true;
}

bool Startup::on_authenticated() {
  if (token_refused_) return false;
  if (!questioned() && !options_.methods.allows(AuthMethod::none))
    return refuse(Errc::authentication_refused,
                  "the server asks for no authentication, which require_auth does not allow");
  if (!server_proven_)
    return refuse(Errc::authentication_failed, scram_ ? "the server did not prove that it knows the password"
                                                      : "the server did not prove who it is");
  session()->authenticated();
  return true;
}

// The message was legal; the session ends all the same, for a reason of ours.
bool Startup::refuse(Errc code, std::string why) {
  session()->fail({code, std::move(why)});
  return true;
}

}  // namespace pgstride::inline v0
