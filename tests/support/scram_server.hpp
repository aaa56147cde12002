// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The server's half of SCRAM-SHA-256, written from RFC 5802 with other means than the client's half
// (PKCS5_PBKDF2_HMAC, HMAC, EVP_EncodeBlock), so that the two check each other.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace pgstride::test {

inline std::string base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

inline std::string sha256(std::string_view text) {
  std::string digest(32, '\0');
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, EVP_sha256(),
             nullptr);
  return digest;
}

inline std::string hmac_sha256(std::string_view key, std::string_view text) {
  std::string digest(32, '\0');
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  return digest;
}

inline std::string exclusive_or(std::string left, std::string_view right) {
  for (std::size_t i = 0; i < left.size(); ++i) left[i] = static_cast<char>(left[i] ^ right[i]);
  return left;
}

class ScramServer {
 public:
  /// `password` is already prepared by SASLprep; `expected_binding` is what the client must have
  /// bound: the GS2 header and the binding data.
  ScramServer(std::string_view password, std::string salt, int iterations, std::string nonce = "server-part",
              std::string expected_binding = "n,,")
      : salt_(std::move(salt)),
        iterations_(iterations),
        nonce_(std::move(nonce)),
        expected_binding_(std::move(expected_binding)) {
    std::string salted(32, '\0');
    PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                      reinterpret_cast<const unsigned char*>(salt_.data()), static_cast<int>(salt_.size()),
                      iterations, EVP_sha256(), 32, reinterpret_cast<unsigned char*>(salted.data()));
    client_key_ = hmac_sha256(salted, "Client Key");
    server_key_ = hmac_sha256(salted, "Server Key");
  }

  const std::string& client_key() const { return client_key_; }
  const std::string& server_key() const { return server_key_; }

  std::string first(std::string_view client_first) {
    const auto bare = client_first.find(",,") + 2;
    client_first_bare_ = client_first.substr(bare);
    nonce_ = client_first_bare_.substr(client_first_bare_.find("r=") + 2) + nonce_;
    server_first_ = "r=" + nonce_ + ",s=" + base64(salt_) + ",i=" + std::to_string(iterations_);
    return server_first_;
  }

  /// The signature that belongs to a client-final without its proof, whoever sent it.
  std::string signature(std::string_view without_proof) const {
    return hmac_sha256(server_key_, auth_message(without_proof));
  }

  std::string final(std::string_view client_final) const {
    const auto proof_at = client_final.rfind(",p=");
    if (proof_at == std::string_view::npos) return "e=other-error";
    const auto without_proof = client_final.substr(0, proof_at);
    if (without_proof != "c=" + base64(expected_binding_) + ",r=" + nonce_)
      return "e=channel-bindings-dont-match";
    const auto client_signature = hmac_sha256(sha256(client_key_), auth_message(without_proof));
    const auto proof = base64(exclusive_or(client_key_, client_signature));
    if (client_final.substr(proof_at + 3) != proof) return "e=invalid-proof";
    return "v=" + base64(signature(without_proof));
  }

 private:
  std::string auth_message(std::string_view without_proof) const {
    return client_first_bare_ + "," + server_first_ + "," + std::string(without_proof);
  }

  std::string salt_;
  int iterations_;
  std::string nonce_;
  std::string expected_binding_;
  std::string client_key_;
  std::string server_key_;
  std::string client_first_bare_;
  std::string server_first_;
};

}  // namespace pgstride::test
