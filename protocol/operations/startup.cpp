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

std::string_view method_name(AuthenticationKind kind) noexcept {
  switch (kind) {
    case AuthenticationKind::gss:
    case AuthenticationKind::gss_continue: return "GSSAPI";
    case AuthenticationKind::sspi: return "SSPI";
    default: return "";
  }
}

}  // namespace

Encoded Startup::encode(WriteBuffer& out) {
  std::vector<std::pair<std::string_view, std::string_view>> parameters{
      {"user", options_.user}, {"database", options_.database}, {"client_encoding", "UTF8"}};
  parameters.insert(parameters.end(), options_.settings.begin(), options_.settings.end());
  frontend::startup(out, frontend::protocol_3_0, parameters);
  return Encoded::complete;
}

bool Startup::on_frame(const Frame& frame) {
  switch (frame.type) {
    case 'R':
      received_ += frame.body.size();
      return received_ <= authentication_budget && on_authentication(frame);
    case 'K': {
      const auto data = parse_backend_key_data(frame.body);
      if (!data || data->key.size() != 4 || cancel_key_.known()) return false;
      cancel_key_.pid = data->pid;
      cancel_key_.key = Secret(as_text(data->key));
      return true;
    }
    case 'Z': return on_ready();
    default: return false;
  }
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
  const bool first_question = !password_sent_ && !scram_;
  switch (request->kind) {
    case AuthenticationKind::ok: return request->data.empty() && on_authenticated();
    case AuthenticationKind::clear_text_password:
      if (!request->data.empty() || !first_question) return false;
      if (!options_.clear_text_allowed)
        return refuse(Errc::authentication_refused,
                      "the server asks for the password in clear text over an unencrypted connection");
      if (options_.password.empty())
        return refuse(Errc::authentication_failed, "the server asks for a password, and none was given");
      password_sent_ = true;
      frontend::password(session()->reply_buffer(), options_.password.reveal());
      return true;
    case AuthenticationKind::md5_password: {
      if (request->data.size() != 4 || !first_question) return false;
      const auto answer = md5_password(options_.user, options_.password, request->data);
      if (!answer) return refuse(Errc::authentication_failed, "MD5 is not available in this OpenSSL");
      password_sent_ = true;
      frontend::password(session()->reply_buffer(), *answer);
      return true;
    }
    case AuthenticationKind::sasl: return first_question && on_sasl(request->data);
    case AuthenticationKind::sasl_continue: return scram_ && on_sasl_continue(request->data);
    case AuthenticationKind::sasl_final: return scram_ && on_sasl_final(request->data);
    default: {
      const auto name = method_name(request->kind);
      const auto number = std::to_string(static_cast<std::int32_t>(request->kind));
      return refuse(Errc::authentication_refused, "the server asks for authentication method " +
                                                      (name.empty() ? number : std::string(name)) +
                                                      ", which is not supported");
    }
  }
}

bool Startup::on_sasl(Bytes mechanisms) {
  Reader in(mechanisms);
  bool offered = false;
  std::string names;
  for (auto name = in.cstr(); !name.empty(); name = in.cstr()) {
    offered = offered || name == scram_sha_256;
    if (names.size() < 200) names.append(names.empty() ? "" : ", ").append(name);
  }
  if (!in.done()) return false;
  if (!offered)
    return refuse(Errc::authentication_refused,
                  "the server offers no SASL mechanism that we speak, only: " + names);
  auto nonce = scram_nonce();
  if (!nonce) return refuse(Errc::authentication_failed, "the system has no randomness to give");
  scram_.emplace(options_.password, ChannelBinding::none(), std::move(*nonce), options_.scram);
  server_proven_ = false;
  frontend::sasl_initial_response(session()->reply_buffer(), scram_->mechanism(), scram_->client_first());
  return true;
}

bool Startup::on_sasl_continue(Bytes challenge) {
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
  if (!server_proven_)
    return refuse(Errc::authentication_failed, "the server did not prove that it knows the password");
  session()->authenticated();
  return true;
}

// The message was legal; the session ends all the same, for a reason of ours.
bool Startup::refuse(Errc code, std::string why) {
  session()->fail({code, std::move(why)});
  return true;
}

}  // namespace pgstride::inline v0
