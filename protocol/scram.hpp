// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The client's half of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677).
//
// Text in, text out. Deriving keys from the password is a value of its own, so that the caller can
// run it away from the event loop, give it up, or keep its result. Knows no messages of PostgreSQL,
// no socket and no thread; where channel binding data comes from is TLS's business.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "pgstride/protocol/bytes.hpp"
#include "pgstride/protocol/secret.hpp"

namespace pgstride::inline v0 {

enum class ScramError : std::uint8_t {
  none,
  out_of_order,           // a message that is not due, or any after the exchange failed
  malformed_message,      // not the attributes that belong here
  message_too_long,       // more than any honest server has to say
  unsupported_extension,  // m=: we must understand it, and do not
  foreign_nonce,          // not ours extended by the server's part
  bad_salt,               // not base64, or empty
  bad_iteration_count,    // not a positive decimal number
  too_few_iterations,     // below ScramLimits
  too_many_iterations,    // above ScramLimits
  server_error,           // e=; ScramSha256::server_error() has its value
  bad_signature,          // the server does not know the password
};

/// A sentence for a person. Holds nothing that the server sent.
std::string_view describe(ScramError) noexcept;

/// The server chooses the work before it has proven anything; these are the bounds (inclusive).
struct ScramLimits {
  std::uint32_t min_iterations = 1;
  std::uint32_t max_iterations = 1'000'000;
};

class ChannelBinding {
 public:
  /// We cannot bind: no TLS, or a certificate with no hash defined for it.
  static ChannelBinding none() { return ChannelBinding("n,,", {}); }
  /// We could, but the server did not offer -PLUS. It refuses us if it did offer: then somebody in
  /// the middle removed the offer.
  static ChannelBinding not_offered() { return ChannelBinding("y,,", {}); }
  /// For example ("tls-server-end-point", the hash of the certificate).
  static ChannelBinding bound(std::string_view type, Bytes data);

  bool is_bound() const noexcept { return gs2_header_.starts_with('p'); }
  std::string_view gs2_header() const noexcept { return gs2_header_; }
  std::string_view data() const noexcept { return data_; }

 private:
  ChannelBinding(std::string gs2_header, std::string data)
      : gs2_header_(std::move(gs2_header)), data_(std::move(data)) {}

  std::string gs2_header_;
  std::string data_;
};

/// The keys that a password gives under one salt and iteration count: all that later logins need.
struct SaltedKeys {
  SecretBytes<32> client_key;
  SecretBytes<32> server_key;
};

/// The expensive part, ready to run anywhere: owns all it needs and shares nothing.
struct Derivation {
  Secret password;  // already prepared by SASLprep
  std::string salt;
  std::uint32_t iterations = 0;

  /// None when `cancel` was raised (looked at every fraction of a millisecond), or when libcrypto
  /// refuses to work.
  std::optional<SaltedKeys> run(const std::atomic<bool>* cancel = nullptr) const;
};

/// A fresh client nonce; none when the system has no randomness to give.
std::optional<std::string> scram_nonce();

class ScramSha256 {
 public:
  /// `nonce` comes from scram_nonce(), or from a test: printable, no comma, not empty.
  ScramSha256(const Secret& password, ChannelBinding binding, std::string nonce, ScramLimits limits = {});

  /// The name to choose from the server's list.
  std::string_view mechanism() const noexcept;

  std::string client_first();

  /// Takes server-first; cheap whatever it says.
  [[nodiscard]] ScramError challenge(std::string_view server_first);
  /// What the challenge asks for. Only after challenge() accepted.
  Derivation derivation() const;

  /// `keys` are those of derivation(), run now or earlier. None when there is no accepted challenge
  /// to answer, or when libcrypto refuses to work.
  std::optional<std::string> client_final(const SaltedKeys& keys);

  /// Takes server-final.
  [[nodiscard]] ScramError verify(std::string_view server_final);
  /// The server has proven that it knows the password. Nothing it says counts before.
  bool verified() const noexcept { return state_ == State::verified; }

  /// The value of e=, cut and printable; empty when there was none.
  std::string_view server_error() const noexcept { return server_error_; }

 private:
  enum class State : std::uint8_t {
    start,               // nothing said yet
    awaiting_challenge,  // client-first is out
    challenged,          // we know salt, iterations and nonce
    awaiting_proof,      // client-final is out
    verified,
    failed,
  };

  ScramError parse_challenge(std::string_view server_first);
  ScramError check_proof(std::string_view server_final);

  Secret password_;
  ChannelBinding binding_;
  ScramLimits limits_;
  State state_ = State::start;
  std::string nonce_;  // ours; ours and the server's once challenged
  std::string client_first_bare_;
  std::string server_first_;
  std::string salt_;
  std::uint32_t iterations_ = 0;
  SecretBytes<32> server_signature_;  // what a server that knows the password will send
  std::string server_error_;
};

}  // namespace pgstride::inline v0
