// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/scram.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cstddef>
#include <memory>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "pgstride/protocol/base64.hpp"
#include "pgstride/protocol/saslprep.hpp"

namespace pgstride::inline v0 {
namespace {

using Digest = SecretBytes<32>;

constexpr std::size_t max_server_message = 2048;  // PostgreSQL itself takes no more than 1024 from us
constexpr std::size_t max_server_error = 64;

bool sha256(Bytes text, Digest& out) noexcept {
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  return EVP_Digest(text.data(), text.size(), to, nullptr, EVP_sha256(), nullptr) == 1;
}

/// HMAC-SHA-256 under one key. The key is digested once and copied for each use, which makes a round
/// of PBKDF2 a third faster than PKCS5_PBKDF2_HMAC in OpenSSL 3.0, and open to interruption.
/// A refusal of libcrypto sticks: ask ok() once at the end.
class HmacSha256 {
 public:
  explicit HmacSha256(Bytes key) {
    SecretBytes<64> block;
    if (key.size() <= block.size()) {
      std::copy(key.begin(), key.end(), block.begin());
    } else {
      Digest digest;
      ok_ = sha256(key, digest);
      std::copy(digest.begin(), digest.end(), block.begin());
    }
    begin(inner_, block, std::byte{0x36});
    begin(outer_, block, std::byte{0x5C});
    ok_ = ok_ && work_ != nullptr;
  }

  void operator()(Bytes text, Digest& out) noexcept {
    finish(inner_, text, out);
    finish(outer_, out, out);
  }

  bool ok() const noexcept { return ok_; }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };
  using Context = std::unique_ptr<EVP_MD_CTX, Free>;

  void begin(Context& context, const SecretBytes<64>& block, std::byte pad) noexcept {
    SecretBytes<64> padded = block;
    for (std::byte& b : padded) b ^= pad;
    ok_ = ok_ && context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1 &&
          EVP_DigestUpdate(context.get(), padded.data(), padded.size()) == 1;
  }

  void finish(const Context& begun, Bytes text, Digest& out) noexcept {
    auto* to = reinterpret_cast<unsigned char*>(out.data());
    ok_ = ok_ && EVP_MD_CTX_copy_ex(work_.get(), begun.get()) == 1 &&
          EVP_DigestUpdate(work_.get(), text.data(), text.size()) == 1 &&
          EVP_DigestFinal_ex(work_.get(), to, nullptr) == 1;
  }

  Context inner_{EVP_MD_CTX_new()};
  Context outer_{EVP_MD_CTX_new()};
  Context work_{EVP_MD_CTX_new()};
  bool ok_ = true;
};

struct Attribute {
  char name = 0;
  std::string_view value;
};

/// Walks over "a=value,b=value". Stops for good at the end and at the first thing that is not an
/// attribute or repeats one; ok() tells which.
class Attributes {
 public:
  explicit Attributes(std::string_view text) noexcept : rest_(text) {}

  bool next(Attribute& out) noexcept {
    if (!ok_ || at_end_) return false;
    const std::size_t comma = rest_.find(',');
    const std::string_view one = rest_.substr(0, comma);
    at_end_ = comma == std::string_view::npos;
    if (!at_end_) rest_.remove_prefix(comma + 1);
    ok_ = one.size() >= 3 && one[1] == '=' && one.find('\0') == std::string_view::npos && take_name(one[0]);
    if (!ok_) return false;
    out = {one[0], one.substr(2)};
    return true;
  }

  /// The next attribute, which must have this name; empty and an error otherwise.
  std::string_view expect(char name) noexcept {
    Attribute attribute;
    if (next(attribute) && attribute.name == name) return attribute.value;
    ok_ = false;
    return {};
  }

  bool ok() const noexcept { return ok_; }

 private:
  bool take_name(char name) noexcept {
    const bool upper = name >= 'A' && name <= 'Z';
    if (!upper && !(name >= 'a' && name <= 'z')) return false;
    const std::uint64_t bit = std::uint64_t{1} << (upper ? name - 'A' : 26 + name - 'a');
    if ((seen_ & bit) != 0) return false;
    seen_ |= bit;
    return true;
  }

  std::string_view rest_;
  std::uint64_t seen_ = 0;
  bool at_end_ = false;
  bool ok_ = true;
};

/// RFC 5802 wants extensions ignored that it does not call mandatory.
ScramError skip_extensions(Attributes& attributes, std::string_view not_here) noexcept {
  for (Attribute attribute; attributes.next(attribute);) {
    if (attribute.name == 'm') return ScramError::unsupported_extension;
    if (not_here.find(attribute.name) != std::string_view::npos) return ScramError::malformed_message;
  }
  return attributes.ok() ? ScramError::none : ScramError::malformed_message;
}

bool is_nonce(std::string_view text) noexcept {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F && c != ','; });
}

ScramError parse_iterations(std::string_view text, ScramLimits limits, std::uint32_t& out) noexcept {
  const bool digits = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || text.empty() || text.front() == '0') return ScramError::bad_iteration_count;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out);
  if (result.ec != std::errc{} || out > limits.max_iterations) return ScramError::too_many_iterations;
  return out < limits.min_iterations ? ScramError::too_few_iterations : ScramError::none;
}

std::string printable(std::string_view text, std::size_t at_most) {
  std::string out(text.substr(0, at_most));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < 0x20 || c > 0x7E; }, '?');
  return out;
}

}  // namespace

std::string_view describe(ScramError error) noexcept {
  switch (error) {
    case ScramError::none: return "no error";
    case ScramError::out_of_order: return "SCRAM message out of order";
    case ScramError::malformed_message: return "malformed SCRAM message";
    case ScramError::message_too_long: return "SCRAM message too long";
    case ScramError::unsupported_extension: return "the server requires an unknown SCRAM extension";
    case ScramError::foreign_nonce: return "the server's SCRAM nonce does not extend ours";
    case ScramError::bad_salt: return "invalid SCRAM salt";
    case ScramError::bad_iteration_count: return "invalid SCRAM iteration count";
    case ScramError::too_few_iterations: return "the server's SCRAM iteration count is below the minimum";
    case ScramError::too_many_iterations: return "the server's SCRAM iteration count is above the maximum";
    case ScramError::server_error: return "the server ended SCRAM with an error";
    case ScramError::bad_signature: return "the server did not prove knowledge of the password";
  }
  return "unknown SCRAM error";
}

ChannelBinding ChannelBinding::bound(std::string_view type, Bytes data) {
  return ChannelBinding("p=" + std::string(type) + ",,", std::string(as_text(data)));
}

std::optional<SaltedKeys> Derivation::run(const std::atomic<bool>* cancel) const {
  constexpr std::uint32_t rounds_between_looks = 1024;

  HmacSha256 hmac(as_bytes(password.reveal()));
  Digest round;
  hmac(as_bytes(salt + std::string("\0\0\0\1", 4)), round);
  Digest salted = round;
  for (std::uint32_t i = 1; i < iterations; ++i) {
    if (i % rounds_between_looks == 0) {
      if (!hmac.ok() || (cancel != nullptr && cancel->load(std::memory_order_relaxed))) return std::nullopt;
    }
    hmac(round, round);
    for (std::size_t at = 0; at < salted.size(); ++at) salted[at] ^= round[at];
  }

  HmacSha256 from_salted(salted);
  SaltedKeys keys;
  from_salted(as_bytes("Client Key"), keys.client_key);
  from_salted(as_bytes("Server Key"), keys.server_key);
  if (!hmac.ok() || !from_salted.ok()) return std::nullopt;
  return keys;
}

std::optional<std::string> scram_nonce() {
  std::array<std::byte, 18> random;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(random.data()), random.size()) != 1) return std::nullopt;
  return encode_base64(random);
}

ScramSha256::ScramSha256(const Secret& password, ChannelBinding binding, std::string nonce,
                         ScramLimits limits)
    : password_(saslprep(password)), binding_(std::move(binding)), limits_(limits), nonce_(std::move(nonce)) {
  assert(is_nonce(nonce_));
  client_first_bare_ = "n=,r=" + nonce_;  // PostgreSQL takes the user from StartupMessage
}

std::string_view ScramSha256::mechanism() const noexcept {
  return binding_.is_bound() ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256";
}

std::string ScramSha256::client_first() {
  assert(state_ == State::start);
  state_ = State::awaiting_challenge;
  return std::string(binding_.gs2_header()) + client_first_bare_;
}

ScramError ScramSha256::challenge(std::string_view server_first) {
  const bool due = state_ == State::awaiting_challenge;
  const ScramError error = due ? parse_challenge(server_first) : ScramError::out_of_order;
  state_ = error == ScramError::none ? State::challenged : State::failed;
  return error;
}

ScramError ScramSha256::parse_challenge(std::string_view server_first) {
  if (server_first.size() > max_server_message) return ScramError::message_too_long;
  if (server_first.starts_with("m=")) return ScramError::unsupported_extension;
  Attributes attributes(server_first);
  const std::string_view nonce = attributes.expect('r');
  const std::string_view salt = attributes.expect('s');
  const std::string_view iterations = attributes.expect('i');
  if (!attributes.ok()) return ScramError::malformed_message;

  if (!nonce.starts_with(nonce_) || nonce.size() == nonce_.size() || !is_nonce(nonce))
    return ScramError::foreign_nonce;
  auto salt_bytes = decode_base64(salt);
  if (!salt_bytes || salt_bytes->empty()) return ScramError::bad_salt;
  if (const auto error = parse_iterations(iterations, limits_, iterations_); error != ScramError::none)
    return error;
  if (const auto error = skip_extensions(attributes, ""); error != ScramError::none) return error;

  nonce_ = nonce;
  salt_ = std::move(*salt_bytes);
  server_first_ = server_first;
  return ScramError::none;
}

Derivation ScramSha256::derivation() const {
  assert(state_ == State::challenged);
  return {password_, salt_, iterations_};
}

std::optional<std::string> ScramSha256::client_final(const SaltedKeys& keys) {
  if (state_ != State::challenged) return std::nullopt;
  const std::string bound = std::string(binding_.gs2_header()).append(binding_.data());
  std::string message = "c=" + encode_base64(as_bytes(bound)) + ",r=" + nonce_;
  const std::string signed_text = client_first_bare_ + "," + server_first_ + "," + message;

  Digest stored_key;
  Digest proof;
  const bool hashed = sha256(keys.client_key, stored_key);
  HmacSha256 client_signature(stored_key);
  client_signature(as_bytes(signed_text), proof);
  for (std::size_t at = 0; at < proof.size(); ++at) proof[at] ^= keys.client_key[at];
  HmacSha256 server_signature(keys.server_key);
  server_signature(as_bytes(signed_text), server_signature_);
  if (!hashed || !client_signature.ok() || !server_signature.ok()) {
    state_ = State::failed;
    return std::nullopt;
  }
  state_ = State::awaiting_proof;
  return message + ",p=" + encode_base64(proof);
}

ScramError ScramSha256::verify(std::string_view server_final) {
  const bool due = state_ == State::awaiting_proof;
  const ScramError error = due ? check_proof(server_final) : ScramError::out_of_order;
  state_ = error == ScramError::none ? State::verified : State::failed;
  return error;
}

ScramError ScramSha256::check_proof(std::string_view server_final) {
  if (server_final.size() > max_server_message) return ScramError::message_too_long;
  Attributes attributes(server_final);
  Attribute answer;
  if (!attributes.next(answer)) return ScramError::malformed_message;
  if (answer.name == 'm') return ScramError::unsupported_extension;
  if (answer.name != 'v' && answer.name != 'e') return ScramError::malformed_message;
  if (const auto error = skip_extensions(attributes, "ve"); error != ScramError::none) return error;
  if (answer.name == 'e') {
    server_error_ = printable(answer.value, max_server_error);
    return ScramError::server_error;
  }
  const auto signature = decode_base64(answer.value);
  if (!signature || signature->size() != server_signature_.size() ||
      CRYPTO_memcmp(signature->data(), server_signature_.data(), server_signature_.size()) != 0)
    return ScramError::bad_signature;
  return ScramError::none;
}

}  // namespace pgstride::inline v0
