// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/connect_steps.hpp"

#include <atomic>
#include <optional>
#include <utility>

namespace pgstride::inline v0 {

class Handshake::DerivationJob final : public Job {
 public:
  DerivationJob(Handshake& owner, Derivation derivation)
      : owner_(&owner), derivation_(std::move(derivation)) {}
  ~DerivationJob() override {
    if (owner_) owner_->job_ = nullptr;
  }

  void give_up() noexcept {
    owner_ = nullptr;
    cancelled_ = true;
  }

  void work() noexcept override { keys_ = derivation_.run(&cancelled_); }
  void done() noexcept override {
    if (!owner_) return;
    Handshake& handshake = *std::exchange(owner_, nullptr);
    handshake.job_ = nullptr;
    if (keys_ && handshake.cache_) handshake.cache_->keep(handshake.user_, derivation_, *keys_);
    handshake.derived(keys_);
    handshake.channel_.flush();
  }

 private:
  Handshake* owner_;
  Derivation derivation_;
  std::atomic<bool> cancelled_{false};
  std::optional<SaltedKeys> keys_;
};

Handshake::~Handshake() {
  if (job_) job_->give_up();
}

void Handshake::on_derivation(Derivation derivation) {
  if (cache_) {
    if (const auto known = cache_->find(user_, derivation)) return derived(known);
  }
  auto job = std::make_unique<DerivationJob>(*this, std::move(derivation));
  job_ = job.get();
  channel_.loop().offload(std::move(job));
}

}  // namespace pgstride::inline v0
