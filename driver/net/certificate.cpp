// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/net/certificate.hpp"

#include <arpa/inet.h>

#include <array>
#include <memory>
#include <optional>
#include <string_view>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "pgstride/protocol/ascii.hpp"

namespace pgstride::inline v0 {
namespace {

/// The bytes of an IP address in network order: 4 or 16; empty for a name.
std::string address_bytes(const std::string& host) {
  std::array<char, 16> bytes{};
  if (::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1) return {bytes.data(), 4};
  if (::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1) return {bytes.data(), 16};
  return {};
}

/// "*.example.org" for "db.example.org", not for "a.db.example.org" nor for "example.org".
bool matches_wildcard(std::string_view pattern, std::string_view host) noexcept {
  if (!pattern.starts_with("*.") || pattern.size() < 3) return false;
  const auto dot = host.find('.');
  return dot != 0 && dot != std::string_view::npos &&
         equal_ignoring_case(pattern.substr(1), host.substr(dot));
}

std::string_view text_of(const ASN1_STRING* string) noexcept {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

struct FreeNames {
  void operator()(GENERAL_NAMES* names) const noexcept { GENERAL_NAMES_free(names); }
};

struct FreeCertificate {
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};

/// Goes through the names of a certificate, looking for one.
class NameSearch {
 public:
  explicit NameSearch(const std::string& host) : host_(host), address_(address_bytes(host)) {}

  void look_at(const GENERAL_NAME& name) {
    if (name.type == GEN_DNS) {
      has_own_kind_ = has_own_kind_ || address_.empty();
      look_at_text(text_of(name.d.dNSName));
    } else if (name.type == GEN_IPADD) {
      has_own_kind_ = has_own_kind_ || !address_.empty();
      const auto bytes = text_of(name.d.iPAddress);
      note(address_text(bytes), !address_.empty() && bytes == address_);
    }
  }

  void look_at_common_name(const X509* certificate) {
    const X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (has_own_kind_ || found_ || at < 0) return;
    look_at_text(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
  }

  std::string mismatch() const {
    if (has_nul_) return "a name in the server's certificate contains a NUL";
    if (found_) return {};
    if (count_ == 0) return "the server's certificate holds no name to compare with host \"" + host_ + "\"";
    std::string text = "the server's certificate is for \"" + first_ + "\"";
    if (count_ > 1) text += " (and " + std::to_string(count_ - 1) + " other names)";
    return text + ", not for host \"" + host_ + "\"";
  }

 private:
  void look_at_text(std::string_view name) {
    // Others would read a shorter name out of it than the authority that has signed it.
    has_nul_ = has_nul_ || name.find('\0') != std::string_view::npos;
    note(std::string(name),
         equal_ignoring_case(name, host_) || (address_.empty() && matches_wildcard(name, host_)));
  }

  void note(std::string name, bool matches) {
    if (count_++ == 0) first_ = printable(std::move(name));
    found_ = found_ || matches;
  }

  static std::string address_text(std::string_view bytes) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
    if (bytes.size() != 4 && bytes.size() != 16) return "an address of a kind unknown";
    return ::inet_ntop(family, bytes.data(), text.data(), text.size());
  }

  static std::string printable(std::string name) {
    name.resize(std::min<std::size_t>(name.size(), 255));
    for (char& c : name) {
      if (c < ' ' || c > '~') c = '?';
    }
    return name;
  }

  const std::string& host_;
  std::string address_;
  std::string first_;
  std::size_t count_ = 0;
  bool has_own_kind_ = false;  // a subject alternative name of the kind that the host is
  bool has_nul_ = false;
  bool found_ = false;
};

}  // namespace

std::string certificate_mismatch(const x509_st* certificate, const std::string& host) {
  NameSearch search(host);
  const std::unique_ptr<GENERAL_NAMES, FreeNames> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i)
    search.look_at(*sk_GENERAL_NAME_value(names.get(), i));
  search.look_at_common_name(certificate);
  return search.mismatch();
}

std::string certificate_end_point(const x509_st* certificate) {
  int digest = NID_undef;
  if (X509_get_signature_info(const_cast<X509*>(certificate), &digest, nullptr, nullptr, nullptr) != 1)
    return {};
  if (digest == NID_md5 || digest == NID_sha1) digest = NID_sha256;
  const EVP_MD* hash = digest == NID_undef ? nullptr : EVP_get_digestbynid(digest);
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  if (hash == nullptr || X509_digest(certificate, hash, bytes.data(), &size) != 1) return {};
  return {reinterpret_cast<const char*>(bytes.data()), size};
}

std::string certificate_end_point(Bytes der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const std::unique_ptr<X509, FreeCertificate> certificate(
      d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  return certificate ? certificate_end_point(certificate.get()) : std::string();
}

}  // namespace pgstride::inline v0
