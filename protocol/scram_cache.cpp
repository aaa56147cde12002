// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/scram_cache.hpp"

#include <algorithm>

namespace pgstride::inline v0 {

std::optional<SaltedKeys> ScramCache::find(std::string_view user, const Derivation& wanted) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    const Derivation& known = entry.derivation;
    return entry.user == user && known.iterations == wanted.iterations && known.salt == wanted.salt &&
           known.password.reveal() == wanted.password.reveal();
  });
  return found == entries_.end() ? std::nullopt : std::optional(found->keys);
}

void ScramCache::keep(std::string_view user, const Derivation& derivation, const SaltedKeys& keys) {
  if (find(user, derivation)) return;
  if (entries_.size() == most) entries_.erase(entries_.begin());
  entries_.emplace_back(user, derivation, keys);
}

}  // namespace pgstride::inline v0
