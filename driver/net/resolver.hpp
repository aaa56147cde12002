// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Names to addresses, without holding up the loop: getaddrinfo() runs through Loop::offload.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pgstride/driver/loop/loop.hpp"
#include "pgstride/driver/net/address.hpp"
#include "pgstride/protocol/error.hpp"

namespace pgstride::inline v0 {

class ResolveHandler {
 public:
  /// Either addresses in the system's order of preference, never none, or a failure
  /// (Errc::host_not_found, and the system's words for it). May destroy the Resolver.
  virtual void on_resolved(std::vector<Address>, Failure) noexcept = 0;

 protected:
  ~ResolveHandler() = default;
};

/// One lookup at a time. Destroying it forgets the lookup: a getaddrinfo() under way runs to its
/// end on its own and its answer is dropped. Must be destroyed before its loop.
class Resolver {
 public:
  explicit Resolver(Loop& loop) noexcept : loop_(loop) {}
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver() { cancel(); }

  /// Answers in a later turn, for an IP literal too, which needs no helper thread. A lookup still
  /// under way is cancelled.
  void resolve(const std::string& host, std::uint16_t port, ResolveHandler&);
  /// on_resolved() will not be called.
  void cancel() noexcept;

 private:
  class Lookup;

  Loop& loop_;
  Lookup* lookup_ = nullptr;  // owned by the loop; tells us when it is destroyed
};

}  // namespace pgstride::inline v0
