// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/md5.hpp"

#include <array>

#include <openssl/err.h>
#include <openssl/evp.h>

namespace pgstride::inline v0 {
namespace {

/// Appends MD5(text) in hexadecimal, which is what the next step of the protocol digests.
bool append_md5(std::string_view text, std::string& out) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  ERR_set_mark();  // a refusal must not stay in this thread's error queue, where TLS would find it
  const bool ok = EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr) == 1;
  ERR_pop_to_mark();
  for (unsigned i = 0; ok && i < size; ++i) {
    out.push_back("0123456789abcdef"[digest[i] >> 4U]);
    out.push_back("0123456789abcdef"[digest[i] & 0x0FU]);
  }
  wipe(digest.data(), digest.size());
  return ok;
}

}  // namespace

std::optional<std::string> md5_password(std::string_view user, const Secret& password, Bytes salt) {
  constexpr std::size_t hex_size = 32;

  std::string text;
  text.reserve(password.reveal().size() + user.size());
  text.append(password.reveal()).append(user);
  const Secret salted_with_user(std::move(text));

  // Who knows this digest can log in; so it is a secret too, and must not grow on the way.
  std::string stored;
  stored.reserve(hex_size + salt.size());
  if (!append_md5(salted_with_user.reveal(), stored)) return std::nullopt;
  stored.append(as_text(salt));
  const Secret salted_by_server(std::move(stored));

  std::string answer = "md5";
  if (!append_md5(salted_by_server.reveal(), answer)) return std::nullopt;
  return answer;
}

}  // namespace pgstride::inline v0
