// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// From options to an SSL_CTX: which files are read, and what it means that one is missing.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "pgstride/driver/net/openssl.hpp"
#include "pgstride/driver/net/openssl_engine.hpp"
#include "pgstride/driver/net/system_user.hpp"

namespace pgstride::inline v0 {
namespace {

template <auto free>
struct Free {
  template <class T>
  void operator()(T* object) const noexcept {
    free(object);
  }
};
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

constexpr int version_number(TlsVersion version) noexcept { return TLS1_VERSION + static_cast<int>(version); }
static_assert(version_number(TlsVersion::tls_1_3) == TLS1_3_VERSION);

std::string version_name(TlsVersion version) {
  constexpr const char* names[] = {"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
  return names[static_cast<int>(version)];
}

std::string versions_of(const TlsOptions& options) {
  const std::string least = version_name(options.min_version);
  if (!options.max_version) return least + " or newer";
  return least + " to " + version_name(*options.max_version);
}

bool exists(const std::string& path) noexcept {
  struct stat status {};
  return !path.empty() && ::stat(path.c_str(), &status) == 0;
}

/// A file that was named, or else the default one.
struct File {
  File(const std::string& named, const char* default_name) : path(named), is_named(!named.empty()) {
    if (is_named) return;
    const std::string home = home_directory();
    if (!home.empty()) path = home + "/.postgresql/" + default_name;
  }

  std::string path;  // empty: not named, and there is no home
  bool is_named;
};

int never_ask(char* into, int size, int, void* secret) noexcept {
  const std::string_view password = static_cast<const Secret*>(secret)->reveal();
  if (size < 0 || password.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(into, password.data(), password.size());
  return static_cast<int>(password.size());
}

void log_keys(const SSL* ssl, const char* line) noexcept {
  const auto* path = static_cast<const char*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  const int file = ::open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return;
  // In one piece, so that the lines of several connections do not mix.
  try {
    const std::string whole = std::string(line) + '\n';
    if (::write(file, whole.data(), whole.size()) < 0) errno = 0;  // nothing to be done about it
  } catch (...) {
  }
  ::close(file);
}

class OpenSslContext final : public TlsContext {
 public:
  explicit OpenSslContext(const TlsOptions& options) : options_(options) {
    demands_.server_name_indication = options.server_name_indication;
    demands_.verified_name = options.mode == SslMode::verify_full;
    demands_.certificate_request = options.certificate_mode == SslCertMode::require;
    demands_.application = options.negotiation == SslNegotiation::direct;
    demands_.versions = versions_of(options);
  }

  bool load(OptionError& error) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    if (!context_) return refuse(error, "sslmode", "cannot create a TLS context");
    SSL_CTX_set_options(context_.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_OFF);
    return set_versions(error) && load_roots(error) && load_certificate(error) && start_key_log(error);
  }

  std::unique_ptr<TlsEngine> connect(const std::string& host, Failure& failure) const override {
    ERR_clear_error();
    auto engine = OpenSslEngine::make(context_.get(), host, demands_);
    if (!engine) failure = Failure(Errc::tls_failed, take_openssl_reason());
    return engine;
  }

 private:
  static bool refuse(OptionError& error, const char* option, const std::string& what) {
    error = OptionError(option, 0, what);
    return false;
  }
  static bool refuse_file(OptionError& error, const char* option, const char* what, const std::string& path) {
    return refuse(error, option, std::string(what) + " \"" + path + "\": " + take_openssl_reason());
  }

  bool set_versions(OptionError& error) {
    if (SSL_CTX_set_min_proto_version(context_.get(), version_number(options_.min_version)) != 1)
      return refuse(error, "ssl_min_protocol_version", "is not available in this OpenSSL");
    if (options_.max_version &&
        SSL_CTX_set_max_proto_version(context_.get(), version_number(*options_.max_version)) != 1)
      return refuse(error, "ssl_max_protocol_version", "is not available in this OpenSSL");
    return true;
  }

  // A root certificate that is there makes every mode verify.
  bool load_roots(OptionError& error) {
    ERR_clear_error();
    if (options_.root_certificate == "system") {
      if (SSL_CTX_set_default_verify_paths(context_.get()) != 1)
        return refuse(error, "sslrootcert", "could not load the system's roots: " + take_openssl_reason());
    } else {
      const File root(options_.root_certificate, "root.crt");
      if (!exists(root.path)) {
        if (options_.mode < SslMode::verify_ca) return true;
        const std::string path = root.path.empty() ? "~/.postgresql/root.crt" : root.path;
        return refuse(error, "sslrootcert",
                      "root certificate file \"" + path + "\" does not exist or cannot be accessed");
      }
      if (SSL_CTX_load_verify_locations(context_.get(), root.path.c_str(), nullptr) != 1)
        return refuse_file(error, "sslrootcert", "could not read root certificate file", root.path);
    }
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    return load_revoked(error);
  }

  bool load_revoked(OptionError& error) {
    const bool by_default = options_.crl.empty() && options_.crl_directory.empty();
    const std::string file = by_default ? File("", "root.crl").path : options_.crl;
    if (by_default && !exists(file)) return true;
    X509_STORE* store = SSL_CTX_get_cert_store(context_.get());
    ERR_clear_error();
    if (!file.empty() && X509_STORE_load_locations(store, file.c_str(), nullptr) != 1)
      return refuse_file(error, "sslcrl", "could not read certificate revocation list", file);
    if (!options_.crl_directory.empty()) {
      // OpenSSL would only notice when it needs a list from there, and then find none.
      if (!exists(options_.crl_directory))
        return refuse(error, "sslcrldir", "directory \"" + options_.crl_directory + "\" does not exist");
      if (X509_STORE_load_locations(store, nullptr, options_.crl_directory.c_str()) != 1)
        return refuse_file(error, "sslcrldir", "could not use directory", options_.crl_directory);
    }
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return true;
  }

  bool load_certificate(OptionError& error) {
    if (options_.certificate_mode == SslCertMode::disable) return true;
    const File certificate(options_.certificate, "postgresql.crt");
    const File key(options_.key, "postgresql.key");
    if (!certificate.is_named && !exists(certificate.path)) {
      if (options_.certificate_mode == SslCertMode::require)
        return refuse(error, "sslcertmode", "is \"require\", and there is no certificate");
      return true;
    }
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context_.get(), certificate.path.c_str()) != 1)
      return refuse_file(error, "sslcert", "could not read certificate file", certificate.path);
    if (!is_private(key.path, error)) return false;
    const Bio file(BIO_new_file(key.path.c_str(), "r"));
    const Key loaded(file ? PEM_read_bio_PrivateKey(file.get(), nullptr, never_ask, &options_.key_password)
                          : nullptr);
    if (!loaded) return refuse_file(error, "sslkey", "could not read private key file", key.path);
    if (SSL_CTX_use_PrivateKey(context_.get(), loaded.get()) != 1 ||
        SSL_CTX_check_private_key(context_.get()) != 1)
      return refuse_file(error, "sslkey", "certificate does not match private key file", key.path);
    return true;
  }

  // As libpq and the server have it: ours alone, or root's and readable for a group.
  static bool is_private(const std::string& path, OptionError& error) {
    struct stat status {};
    if (path.empty() || ::stat(path.c_str(), &status) != 0)
      return refuse(error, "sslkey", "certificate present, but not private key file \"" + path + "\"");
    if (!S_ISREG(status.st_mode))
      return refuse(error, "sslkey", "private key file \"" + path + "\" is not a regular file");
    const mode_t forbidden = status.st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;
    if ((status.st_mode & forbidden) == 0) return true;
    return refuse(error, "sslkey",
                  "private key file \"" + path +
                      "\" has group or world access; it must have mode 0600 or less, or 0640 or less if "
                      "owned by root");
  }

  bool start_key_log(OptionError& error) {
    const std::string& path = options_.key_log_file;
    if (path.empty()) return true;
    const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return refuse(error, "sslkeylogfile", "could not open \"" + path + "\" for writing");
    ::close(file);
    SSL_CTX_set_app_data(context_.get(), const_cast<char*>(path.c_str()));
    SSL_CTX_set_keylog_callback(context_.get(), log_keys);
    return true;
  }

  TlsOptions options_;
  TlsDemands demands_;
  Context context_;
};

}  // namespace

std::shared_ptr<const TlsContext> make_tls_context(const TlsOptions& options, OptionError& error) {
  auto context = std::make_shared<OpenSslContext>(options);
  return context->load(error) ? context : nullptr;
}

}  // namespace pgstride::inline v0
