// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/net/resolver.hpp"

#include <netdb.h>

#include <cerrno>
#include <memory>
#include <new>
#include <utility>

namespace pgstride::inline v0 {

/// work() fills the answer on the helper thread; the resolver is looked at on the loop's only.
class Resolver::Lookup final : public Job {
 public:
  Lookup(Resolver& resolver, ResolveHandler& handler, const std::string& host, std::uint16_t port)
      : resolver_(&resolver), handler_(handler), host_(host), port_(std::to_string(port)) {}
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;
  ~Lookup() override {
    if (resolver_ != nullptr) resolver_->lookup_ = nullptr;
  }

  void answer(const Address& address) { addresses_.push_back(address); }
  void forget() noexcept { resolver_ = nullptr; }

  void work() noexcept override {
    try {
      look_up();
    } catch (const std::bad_alloc&) {
      addresses_.clear();
      error_ = EAI_MEMORY;
    }
  }

  void done() noexcept override {
    if (resolver_ == nullptr) return;
    std::exchange(resolver_, nullptr)->lookup_ = nullptr;
    handler_.on_resolved(std::move(addresses_), failure());
  }

 private:
  void look_up() {
    if (host_.find('\0') != std::string::npos) {
      error_ = EAI_NONAME;
      return;
    }
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICSERV;
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    error_ = ::getaddrinfo(host_.c_str(), port_.c_str(), &hints, &found);
    if (error_ == EAI_SYSTEM) system_error_ = errno;
    if (error_ != 0) return;
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
    for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
      if (each->ai_family == AF_INET || each->ai_family == AF_INET6) {
        addresses_.emplace_back(each->ai_addr, each->ai_addrlen);
      }
    }
    if (addresses_.empty()) error_ = EAI_NONAME;
  }

  Failure failure() const {
    if (error_ == 0) return {};
    if (error_ != EAI_SYSTEM) return {Errc::host_not_found, ::gai_strerror(error_)};
    return {Errc::host_not_found, std::error_code(system_error_, std::system_category()).message()};
  }

  Resolver* resolver_;
  ResolveHandler& handler_;
  std::string host_;
  std::string port_;
  std::vector<Address> addresses_;
  int error_ = 0;
  int system_error_ = 0;
};

void Resolver::resolve(const std::string& host, std::uint16_t port, ResolveHandler& handler) {
  cancel();
  auto lookup = std::make_unique<Lookup>(*this, handler, host, port);
  lookup_ = lookup.get();
  if (const auto literal = Address::from_literal(host, port)) {
    lookup->answer(*literal);
    loop_.post(std::move(lookup));
  } else {
    loop_.offload(std::move(lookup));
  }
}

void Resolver::cancel() noexcept {
  if (lookup_ != nullptr) std::exchange(lookup_, nullptr)->forget();
}

}  // namespace pgstride::inline v0
