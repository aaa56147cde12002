// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/tls_server.hpp"

#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace pgstride::test {
namespace {

void demand(bool done) {
  if (!done) throw std::runtime_error("TlsServer: OpenSSL refuses");
}

GENERAL_NAME* general_name(const AlternativeName& from) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  ASN1_STRING* value =
      ASN1_STRING_type_new(from.kind == AlternativeName::dns ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);
  demand(name && value &&
         ASN1_STRING_set(value, from.value.data(), static_cast<int>(from.value.size())) == 1);
  GENERAL_NAME_set0_value(name, from.kind == AlternativeName::dns ? GEN_DNS : GEN_IPADD, value);
  return name;
}

std::string write_file(const X509* certificate) {
  std::string path = "/tmp/pgstride-certificate-XXXXXX";
  const int fd = ::mkstemp(path.data());
  FILE* file = fd < 0 ? nullptr : ::fdopen(fd, "w");
  demand(file != nullptr && PEM_write_X509(file, certificate) == 1);
  std::fclose(file);
  return path;
}

int choose_application(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                       unsigned offered_size, void* wanted) {
  const auto& name = *static_cast<const std::string*>(wanted);
  for (unsigned at = 0; at < offered_size; at += 1U + offered[at]) {
    if (name != std::string_view(reinterpret_cast<const char*>(offered + at + 1), offered[at])) continue;
    *out = offered + at + 1;
    *size = offered[at];
    return SSL_TLSEXT_ERR_OK;
  }
  if (name.empty()) return SSL_TLSEXT_ERR_NOACK;
  *out = reinterpret_cast<const unsigned char*>(name.data());
  *size = static_cast<unsigned char>(name.size());
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

SelfSigned::SelfSigned(std::string_view common_name, const std::vector<AlternativeName>& names, Key key)
    : key_(key == Key::ec ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"),
           EVP_PKEY_free),
      certificate_(X509_new(), X509_free) {
  X509* made = certificate_.get();
  demand(key_ && made);
  X509_set_version(made, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
  X509_gmtime_adj(X509_getm_notBefore(made), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made), 3600);
  X509_set_pubkey(made, key_.get());
  X509_NAME* subject = X509_get_subject_name(made);
  const auto add = [&](const char* field, std::string_view text) {
    demand(X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(text.data()),
                                      static_cast<int>(text.size()), -1, 0) == 1);
  };
  add("O", "pgstride");
  if (!common_name.empty()) add("CN", common_name);
  X509_set_issuer_name(made, subject);
  if (!names.empty()) {
    GENERAL_NAMES* list = GENERAL_NAMES_new();
    for (const AlternativeName& name : names) sk_GENERAL_NAME_push(list, general_name(name));
    demand(X509_add1_ext_i2d(made, NID_subject_alt_name, list, 0, 0) == 1);
    GENERAL_NAMES_free(list);
  }
  demand(X509_sign(made, key_.get(), key == Key::ec ? EVP_sha256() : nullptr) != 0);
  file_ = std::shared_ptr<const std::string>(new std::string(write_file(made)), [](const std::string* path) {
    ::unlink(path->c_str());
    delete path;
  });
}

std::string SelfSigned::der() const {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate_.get(), &bytes);
  demand(size > 0);
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

TlsServer::TlsServer(const SelfSigned& identity, const TlsServerOptions& options)
    : context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free), application_(options.application) {
  demand(context_ &&
         SSL_CTX_use_certificate(context_.get(), const_cast<X509*>(identity.certificate())) == 1 &&
         SSL_CTX_use_PrivateKey(context_.get(), identity.key()) == 1);
  if (options.max_version != 0) SSL_CTX_set_max_proto_version(context_.get(), options.max_version);
  if (options.asks_for_certificate) {
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
  }
  SSL_CTX_set_alpn_select_cb(context_.get(), choose_application, &application_);
  ssl_ = std::shared_ptr<SSL>(SSL_new(context_.get()), SSL_free);
  demand(ssl_ != nullptr);
  SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_accept_state(ssl_.get());
}

std::string TlsServer::hears(std::string_view ciphertext) {
  if (!ciphertext.empty())
    BIO_write(SSL_get_rbio(ssl_.get()), ciphertext.data(), static_cast<int>(ciphertext.size()));
  ERR_clear_error();
  if (!is_open()) SSL_do_handshake(ssl_.get());
  std::array<char, 16384> piece;
  std::size_t count = 0;
  while (is_open() && SSL_read_ex(ssl_.get(), piece.data(), piece.size(), &count) == 1)
    heard_.append(piece.data(), count);
  return output();
}

std::string TlsServer::says(std::string_view plaintext) {
  std::size_t count = 0;
  demand(SSL_write_ex(ssl_.get(), plaintext.data(), plaintext.size(), &count) == 1);
  return output();
}

std::string TlsServer::says_goodbye() {
  SSL_shutdown(ssl_.get());
  return output();
}

std::string TlsServer::changes_keys() {
  demand(SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED) == 1 && SSL_do_handshake(ssl_.get()) == 1);
  return output();
}

std::string TlsServer::shakes_hands_again() {
  demand(SSL_renegotiate(ssl_.get()) == 1 && SSL_do_handshake(ssl_.get()) == 1);
  return output();
}

bool TlsServer::may_ask_for_certificate() const { return SSL_verify_client_post_handshake(ssl_.get()) == 1; }

bool TlsServer::is_open() const { return SSL_is_init_finished(ssl_.get()) == 1; }

std::string TlsServer::takes() { return std::exchange(heard_, {}); }

std::string TlsServer::server_name() const {
  const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? "" : name;
}

bool TlsServer::said_goodbye() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }

std::string TlsServer::output() {
  std::string bytes;
  std::array<char, 16384> piece;
  int count = 0;
  while ((count = BIO_read(SSL_get_wbio(ssl_.get()), piece.data(), static_cast<int>(piece.size()))) > 0)
    bytes.append(piece.data(), static_cast<std::size_t>(count));
  return bytes;
}

}  // namespace pgstride::test
