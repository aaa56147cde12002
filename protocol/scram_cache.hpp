// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Keys derived from passwords, kept for later connections: after an outage all clients come back at once,
// and each derivation is thousands of hashes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgstride/protocol/scram.hpp"

namespace pgstride::inline v0 {

/// Not to be used by two threads at once. The keys are as good as passwords, so they are wiped at the end.
class ScramCache {
 public:
  /// The keys kept for this user, password, salt and iteration count.
  std::optional<SaltedKeys> find(std::string_view user, const Derivation& derivation) const;
  void keep(std::string_view user, const Derivation& derivation, const SaltedKeys& keys);

 private:
  struct Entry {
    Entry(std::string_view u, const Derivation& d, const SaltedKeys& k) : user(u), derivation(d), keys(k) {}

    std::string user;
    Derivation derivation;
    SaltedKeys keys;
  };
  static constexpr std::size_t most = 64;  // a server, or someone who plays one, chooses the salts

  std::vector<Entry> entries_;  // the oldest first
};

}  // namespace pgstride::inline v0
