// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/connect_steps.hpp"

#include <atomic>
#include <optional>
#include <utility>

namespace pgstride::inline v0 {

/// Done on another thread for a handshake that may be gone when it is.
class Handshake::Errand : public Job {
 public:
  explicit Errand(Handshake& owner) : owner_(&owner) {}
  ~Errand() override {
    if (owner_) owner_->errand_ = nullptr;
  }

  void give_up() noexcept {
    owner_ = nullptr;
    is_cancelled_ = true;
  }

  void work() noexcept final {
    try {
      run();
      has_run_ = true;
    } catch (...) {  // no memory
    }
  }
  void done() noexcept final {
    if (!owner_) return;
    Handshake& handshake = *std::exchange(owner_, nullptr);
    handshake.errand_ = nullptr;
    try {
      if (has_run_) return report(handshake);
    } catch (...) {  // likewise
    }
    handshake.channel_.abort(no_memory());
  }

 protected:
  const std::atomic<bool>& is_cancelled() const noexcept { return is_cancelled_; }

 private:
  virtual void run() = 0;
  virtual void report(Handshake& handshake) = 0;

  Handshake* owner_;
  bool has_run_ = false;
  std::atomic<bool> is_cancelled_{false};
};

class Handshake::DerivationErrand final : public Errand {
 public:
  DerivationErrand(Handshake& owner, Derivation derivation)
      : Errand(owner), derivation_(std::move(derivation)) {}

 private:
  void run() override { keys_ = derivation_.run(&is_cancelled()); }
  void report(Handshake& handshake) override {
    if (keys_ && handshake.cache_) handshake.cache_->keep(handshake.user_, derivation_, *keys_);
    handshake.derived(keys_);
    handshake.channel_.flush();
  }

  Derivation derivation_;
  std::optional<SaltedKeys> keys_;
};

class Handshake::GssErrand final : public Errand {
 public:
  GssErrand(Handshake& owner, std::shared_ptr<GssExchange> exchange, std::string token)
      : Errand(owner), exchange_(std::move(exchange)), token_(std::move(token)) {}

 private:
  void run() override { step_ = exchange_->step(token_); }
  void report(Handshake& handshake) override {
    handshake.stepped(step_);
    handshake.channel_.read_on();
  }

  std::shared_ptr<GssExchange> exchange_;
  std::string token_;
  GssStep step_;
};

Handshake::~Handshake() {
  if (errand_) errand_->give_up();
}

void Handshake::on_derivation(Derivation derivation) {
  if (cache_) {
    if (const auto known = cache_->find(user_, derivation)) return derived(known);
  }
  send_out(std::make_unique<DerivationErrand>(*this, std::move(derivation)));
}

void Handshake::on_gss(std::string token) {
  if (!gss_) gss_ = make_gss_exchange(target_);
  send_out(std::make_unique<GssErrand>(*this, gss_, std::move(token)));
}

void Handshake::send_out(std::unique_ptr<Errand> errand) {
  errand_ = errand.get();
  channel_.loop().offload(std::move(errand));
}

}  // namespace pgstride::inline v0
