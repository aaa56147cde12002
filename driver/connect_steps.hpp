// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The waits that connecting is made of, each an awaitable that stops waiting when it is destroyed.
// Private to the connector.
#pragma once

#include <coroutine>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "pgstride/driver/channel.hpp"
#include "pgstride/driver/net/gssapi.hpp"
#include "pgstride/driver/net/resolver.hpp"
#include "pgstride/driver/options.hpp"
#include "pgstride/protocol/operations/startup.hpp"
#include "pgstride/protocol/scram_cache.hpp"

namespace pgstride::inline v0 {

struct Resolution {
  std::vector<Address> addresses;
  Failure failure;  // when there are none
};

inline std::string host_text(const Host& host) {
  return host.is_unix() ? host.socket_path() : host.name + ":" + std::to_string(host.port);
}

/// co_await resolve(loop, host) → Resolution
class resolve final : ResolveHandler {
 public:
  resolve(Loop& loop, const Host& host) : resolver_(loop), host_(host) {}

  bool await_ready() {
    if (!host_.is_unix()) return false;
    std::error_code error;
    const Address address = Address::from_path(host_.socket_path(), error);
    if (error) {
      resolution_.failure = Failure(error, "socket path");
    } else {
      resolution_.addresses.push_back(address);
    }
    return true;
  }
  void await_suspend(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    resolver_.resolve(host_.address.empty() ? host_.name : host_.address, host_.port, *this);
  }
  Resolution await_resume() { return std::move(resolution_); }

 private:
  void on_resolved(std::vector<Address> addresses, Failure failure) noexcept override {
    resolution_.addresses = std::move(addresses);
    resolution_.failure = std::move(failure);
    waiting_.resume();
  }

  Resolver resolver_;
  const Host& host_;
  Resolution resolution_;
  std::coroutine_handle<> waiting_;
};

/// co_await connect_socket(loop, socket, address, keepalive) → error_code
class connect_socket final : FdHandler {
 public:
  connect_socket(Loop& loop, Socket& socket, const Address& address, const Keepalive& keepalive)
      : loop_(loop), socket_(socket), error_(socket.connect_start(address, keepalive)) {}

  bool await_ready() const noexcept { return error_ != std::errc::operation_in_progress; }
  void await_suspend(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    watch_ = loop_.watch(socket_.fd(), *this);
    watch_->want(Ready::write);
  }
  std::error_code await_resume() const noexcept { return error_; }

 private:
  void on_fd(Ready) noexcept override {
    error_ = socket_.connect_finish();
    if (error_ == std::errc::operation_in_progress) return;
    watch_.reset();
    waiting_.resume();
  }

  Loop& loop_;
  Socket& socket_;
  std::unique_ptr<Watch> watch_;
  std::error_code error_;
  std::coroutine_handle<> waiting_;
};

/// co_await ready(loop, fd, what)
class ready final : FdHandler {
 public:
  ready(Loop& loop, int fd, Ready what) : watch_(loop.watch(fd, *this)) { watch_->want(what); }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) noexcept { waiting_ = waiting; }
  void await_resume() const noexcept {}

 private:
  void on_fd(Ready) noexcept override {
    watch_.reset();
    waiting_.resume();
  }

  std::unique_ptr<Watch> watch_;
  std::coroutine_handle<> waiting_;
};

/// The startup exchange; its slow parts run on another thread than the loop's.
class Handshake final : public Startup {
 public:
  /// `cache` may be null. All outlive the handshake.
  Handshake(Channel& channel, const StartupOptions& options, const GssTarget& target,
            ScramCache* cache) noexcept
      : Startup(options), channel_(channel), user_(options.user), target_(target), cache_(cache) {}
  ~Handshake();

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    if (!channel_.submit(*this)) return false;
    channel_.flush();
    return true;
  }
  void await_resume() const noexcept {}

 private:
  class Errand;
  class DerivationErrand;
  class GssErrand;

  void on_derivation(Derivation derivation) override;
  void on_gss(std::string token) override;
  void send_out(std::unique_ptr<Errand> errand);
  void on_done() noexcept override { waiting_.resume(); }

  Channel& channel_;
  std::string_view user_;
  const GssTarget& target_;
  ScramCache* cache_;
  std::shared_ptr<GssExchange> gss_;
  Errand* errand_ = nullptr;  // owned by the loop; tells us when it is destroyed
  std::coroutine_handle<> waiting_;
};

}  // namespace pgstride::inline v0
