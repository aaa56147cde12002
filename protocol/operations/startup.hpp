// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The first request of a connection: StartupMessage, authentication, the server's parameters, up to
// the first ReadyForQuery. Trust, password, MD5, SCRAM-SHA-256, GSSAPI and OAuth's bearer tokens.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pgstride/protocol/auth_methods.hpp"
#include "pgstride/protocol/backend.hpp"
#include "pgstride/protocol/cancel_key.hpp"
#include "pgstride/protocol/frontend.hpp"
#include "pgstride/protocol/gss.hpp"
#include "pgstride/protocol/operation.hpp"
#include "pgstride/protocol/scram.hpp"
#include "pgstride/protocol/secret.hpp"

namespace pgstride::inline v0 {

/// Whether a login is tied to the TLS connection that it comes over (SCRAM-SHA-256-PLUS), so that
/// nobody in the middle can pass it on.
enum class BindingPolicy : std::uint8_t {
  disable,
  prefer,   // when both ends can
  require,  // otherwise do not log in
};

struct StartupOptions {
  StartupOptions() = default;

  std::string user;
  std::string database;
  /// Further startup parameters, in order: application_name, options, run-time settings.
  std::vector<std::pair<std::string, std::string>> settings;
  Secret password;
  /// Whether a password may leave unencrypted. Decided by whoever knows where the bytes go (R-A2).
  bool clear_text_allowed = false;
  ScramLimits scram;
  AuthMethods methods;  // that may be asked for
  /// For OAUTHBEARER. It is worth as much as a password to whoever sees it: see token_allowed.
  Secret token;
  bool token_allowed = false;  // nobody on the way can read it
  std::int32_t min_version = frontend::protocol_3_0;
  std::int32_t max_version = frontend::protocol_3_0;  // is asked for
  BindingPolicy channel_binding = BindingPolicy::prefer;
  bool encrypted = false;
  /// What to bind to under TLS: the server's certificate, hashed (tls-server-end-point). Empty when
  /// there is no hash defined for it.
  std::string server_end_point;
};

class Startup : public Operation {
 public:
  /// Keys for the derivation asked for by on_derivation(); none when it could not be done. The
  /// answer to the server lies in the session's pending_write() afterwards.
  void derived(const std::optional<SaltedKeys>& keys);
  /// The step asked for by on_gss(). The answer to the server lies in the session's pending_write()
  /// afterwards, and read_on() is due.
  void stepped(const GssStep& step);

  /// The server has asked for a password or a proof, so that one may have been sent.
  bool questioned() const noexcept {
    return password_sent_ || token_sent_ || scram_.has_value() || gss_ != Gss::unasked;
  }

  /// Empty until done, and when the server cannot cancel.
  CancelKey take_cancel_key() noexcept { return std::move(cancel_key_); }

 protected:
  /// `options` outlives the operation. Its strings hold no NUL: a NUL would let a value smuggle in
  /// further parameters, the role among them (R-E2).
  explicit Startup(const StartupOptions& options) noexcept
      : Operation(Flow::startup), options_(options), version_(options.max_version) {}

  /// The password's keys are wanted: run it away from the event loop, then call derived(). Called
  /// from inside the parser.
  virtual void on_derivation(Derivation derivation) = 0;
  /// A step of the GSSAPI exchange is wanted: make it away from the event loop, then call stepped().
  /// Called from inside the parser, which pauses until then.
  virtual void on_gss(std::string token) = 0;

  Encoded encode(WriteBuffer& out) override;
  bool on_frame(const Frame& frame) override;

 private:
  /// Whose turn it is.
  enum class Gss : std::uint8_t { unasked, ours, servers, complete };

  bool on_version(const Frame& frame);
  bool on_authentication(const Frame& frame);
  bool on_clear_text();
  bool on_md5(Bytes salt);
  bool on_sasl(Bytes mechanisms);
  const char* check_binding(bool offered_plus) const noexcept;
  ChannelBinding choose_binding(bool offered_plus) const;
  bool on_sasl_continue(Bytes challenge);
  bool on_sasl_final(Bytes proof);
  bool begin_scram(ChannelBinding binding);
  bool begin_oauth();
  bool next_gss_step(Bytes token);
  bool permits(AuthMethod method);
  bool on_authenticated();
  bool on_ready();
  bool refuse(Errc code, std::string why);

  const StartupOptions& options_;
  std::optional<ScramSha256> scram_;
  CancelKey cancel_key_;
  std::size_t received_ = 0;  // bytes of authentication requests so far
  std::int32_t version_;
  bool version_told_ = false;
  bool password_sent_ = false;
  bool token_sent_ = false;
  bool token_refused_ = false;
  bool server_proven_ = true;  // false from the start of SASL or GSSAPI until its proof was verified
  Gss gss_ = Gss::unasked;
};

}  // namespace pgstride::inline v0
