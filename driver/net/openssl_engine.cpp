// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/net/openssl_engine.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "pgstride/driver/net/address.hpp"
#include "pgstride/driver/net/certificate.hpp"
#include "pgstride/driver/net/openssl.hpp"

namespace pgstride::inline v0 {
namespace {

constexpr std::string_view protocol = "postgresql";
constexpr unsigned char offered_protocols[] = "\x0apostgresql";

bool is_literal(const std::string& host) { return Address::from_literal(host, 0).has_value(); }

/// The server's alert that it will not have a handshake with us at all; other alerts complain about
/// something particular, which is not a reason to go without encryption.
bool is_refusal(unsigned long error) noexcept {
  return ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE;
}

bool is_about_versions(unsigned long error) noexcept {
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return false;
  switch (ERR_GET_REASON(error)) {
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_UNKNOWN_PROTOCOL: return true;
    default: return false;
  }
}

std::string reason_of(unsigned long error) {
  if (error == 0) return "the connection was cut off";
  if (ERR_SYSTEM_ERROR(error)) return std::system_category().message(ERR_GET_REASON(error));
  if (const char* reason = ERR_reason_error_string(error)) return reason;
  return "error " + std::to_string(error);
}

}  // namespace

std::string take_openssl_reason() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  return reason_of(error);
}

/// The wire as OpenSSL sees it: reads what was fed, writes what is to be sent. Unlike OpenSSL's own
/// memory BIO it copies nothing that it needs not.
struct OpenSslWire {
  static BIO* make(OpenSslEngine& engine) {
    static BIO_METHOD* const method = make_method();
    BIO* bio = method == nullptr ? nullptr : BIO_new(method);
    if (bio != nullptr) BIO_set_data(bio, &engine);
    return bio;
  }

  static int read(BIO* bio, char* into, std::size_t size, std::size_t* done) noexcept {
    Bytes& input = engine_of(bio).input_;
    BIO_clear_retry_flags(bio);
    if (input.empty()) {
      BIO_set_retry_read(bio);
      return 0;
    }
    *done = std::min(size, input.size());
    std::memcpy(into, input.data(), *done);
    input = input.subspan(*done);
    return 1;
  }

  static int write(BIO* bio, const char* from, std::size_t size, std::size_t* done) noexcept try {
    engine_of(bio).output_.append(as_bytes(std::string_view(from, size)));
    *done = size;
    return 1;
  } catch (...) {  // no memory
    return 0;
  }

  static int on_certificate_request(SSL* ssl, void*) noexcept {
    static_cast<OpenSslEngine*>(SSL_get_app_data(ssl))->certificate_requested_ = true;
    return 1;
  }

 private:
  static OpenSslEngine& engine_of(BIO* bio) noexcept {
    return *static_cast<OpenSslEngine*>(BIO_get_data(bio));
  }

  static int create(BIO* bio) noexcept {
    BIO_set_init(bio, 1);
    return 1;
  }
  static long control(BIO*, int command, long, void*) noexcept { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static BIO_METHOD* make_method() noexcept {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pgstride");
    if (method == nullptr) return nullptr;
    BIO_meth_set_read_ex(method, read);
    BIO_meth_set_write_ex(method, write);
    BIO_meth_set_create(method, create);
    BIO_meth_set_ctrl(method, control);
    return method;
  }
};

void OpenSslEngine::Free::operator()(ssl_st* ssl) const noexcept { SSL_free(ssl); }

std::unique_ptr<OpenSslEngine> OpenSslEngine::make(ssl_ctx_st* context, const std::string& host,
                                                   const TlsDemands& demands) {
  Handle handle(SSL_new(context));
  if (!handle) return nullptr;
  auto engine = std::make_unique<OpenSslEngine>(std::move(handle), host, demands);
  SSL* ssl = engine->ssl_.get();
  BIO* bio = OpenSslWire::make(*engine);
  if (bio == nullptr) return nullptr;
  SSL_set_bio(ssl, bio, bio);
  SSL_set_app_data(ssl, engine.get());
  SSL_set_cert_cb(ssl, OpenSslWire::on_certificate_request, nullptr);
  SSL_set_connect_state(ssl);
  const bool is_named = demands.server_name_indication && !is_literal(host);
  if (is_named && SSL_set_tlsext_host_name(ssl, host.c_str()) != 1) return nullptr;
  if (SSL_set_alpn_protos(ssl, offered_protocols, sizeof offered_protocols - 1) != 0) return nullptr;
  return engine;
}

OpenSslEngine::OpenSslEngine(Handle&& ssl, const std::string& host, const TlsDemands& demands)
    : ssl_(std::move(ssl)), host_(host), demands_(demands) {}

void OpenSslEngine::handshake() {
  if (state_ != TlsState::handshaking) return;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return opened();
  if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) fail();
}

void OpenSslEngine::opened() {
  state_ = TlsState::open;
  if (demands_.verified_name) {
    const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
    auto mismatch = certificate == nullptr ? "the server has shown no certificate"
                                           : certificate_mismatch(certificate, host_);
    if (!mismatch.empty()) return fail(Errc::certificate_rejected, std::move(mismatch));
  }
  const std::string application = info().application;
  if (demands_.application && application.empty())
    return fail(Errc::tls_failed, "the server does not speak PostgreSQL over direct TLS (no ALPN answer)");
  if (!application.empty() && application != protocol)  // newer OpenSSLs notice it themselves
    return fail(Errc::tls_failed,
                "the server speaks something else than PostgreSQL over TLS (its ALPN answer)");
  if (demands_.certificate_request && !certificate_requested_)
    return fail(Errc::tls_failed, "the server did not ask for a client certificate");
}

std::size_t OpenSslEngine::read(std::span<std::byte> into) {
  if (state_ != TlsState::open || into.empty()) return 0;
  ERR_clear_error();
  std::size_t count = 0;
  if (SSL_read_ex(ssl_.get(), into.data(), into.size(), &count) == 1) return count;
  switch (SSL_get_error(ssl_.get(), 0)) {
    case SSL_ERROR_WANT_READ: break;
    case SSL_ERROR_ZERO_RETURN: state_ = TlsState::closed; break;
    default: fail();
  }
  return 0;
}

bool OpenSslEngine::write(Bytes plaintext) {
  if (state_ != TlsState::open) return false;
  if (plaintext.empty()) return true;
  ERR_clear_error();
  std::size_t count = 0;
  // The wire takes everything, so there is nothing to wait for and no partial write.
  if (SSL_write_ex(ssl_.get(), plaintext.data(), plaintext.size(), &count) == 1) return true;
  fail();
  return false;
}

void OpenSslEngine::close() noexcept {
  if (state_ != TlsState::open && state_ != TlsState::closed) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  state_ = TlsState::closed;
}

TlsInfo OpenSslEngine::info() const {
  TlsInfo info;
  info.version = SSL_get_version(ssl_.get());
  if (const char* cipher = SSL_get_cipher_name(ssl_.get())) info.cipher = cipher;
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  if (size != 0) info.application.assign(reinterpret_cast<const char*>(name), size);
  return info;
}

std::string OpenSslEngine::server_end_point() const {
  const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  return certificate == nullptr ? std::string() : certificate_end_point(certificate);
}

void OpenSslEngine::fail() {
  const unsigned long error = ERR_peek_error();
  std::string why = take_openssl_reason();
  const long verdict = SSL_get_verify_result(ssl_.get());
  const bool is_distrust =
      ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED;
  if (is_distrust) why.append(": ").append(X509_verify_cert_error_string(verdict));
  if (state_ == TlsState::handshaking && is_about_versions(error))
    why += " (does the server speak a version that we allow, " + demands_.versions + "?)";
  fail(is_distrust         ? Errc::certificate_rejected
       : is_refusal(error) ? Errc::tls_refused
                           : Errc::tls_failed,
       std::move(why));
}

void OpenSslEngine::fail(Errc code, std::string why) {
  state_ = TlsState::failed;
  failure_ = Failure(code, std::move(why));
}

}  // namespace pgstride::inline v0
