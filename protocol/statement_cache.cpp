// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/statement_cache.hpp"

#include <algorithm>

namespace pgstride::inline v0 {

StatementCache::StatementCache(std::size_t capacity) noexcept : capacity_(capacity) {}
StatementCache::~StatementCache() = default;

bool StatementCache::Key::operator==(const Key& other) const noexcept {
  return sql == other.sql && std::equal(types.begin(), types.end(), other.types.begin(), other.types.end());
}

std::size_t StatementCache::Hash::operator()(const Key& key) const noexcept {
  std::size_t hash = std::hash<std::string_view>{}(key.sql);
  for (const Oid type : key.types) hash = hash * 31 + type;
  return hash;
}

Statement* StatementCache::find(std::string_view sql, std::span<const Oid> types) {
  const Key key{sql, types};
  // Mostly the last one again, which needs no hash.
  if (!entries_.empty() && key_of(*entries_.front()) == key) return entries_.front().get();
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->get();
}

bool StatementCache::holds(const Statement& statement) const {
  const auto found = index_.find(key_of(statement));
  return found != index_.end() && found->second->get() == &statement;
}

void StatementCache::insert(StatementRef statement) {
  if (capacity_ == 0) return;
  const Key key = key_of(*statement);
  if (Statement* old = find(key.sql, key.types)) erase(*old);
  std::list<StatementRef> entry;
  entry.push_back(std::move(statement));
  index_[key] = entry.begin();
  entries_.splice(entries_.begin(), entry);
  resize(capacity_);
}

void StatementCache::erase(const Statement& statement) {
  const auto found = index_.find(key_of(statement));
  if (found == index_.end() || found->second->get() != &statement) return;
  const StatementRef keep = *found->second;  // the key views the statement: it must go last
  entries_.erase(found->second);
  index_.erase(found);
}

void StatementCache::clear() noexcept {
  index_.clear();
  std::list<StatementRef> gone;  // a statement's end may have the last word of somebody's code
  gone.swap(entries_);
}

void StatementCache::resize(std::size_t capacity) {
  capacity_ = capacity;
  while (entries_.size() > capacity_) erase(*StatementRef(entries_.back()));
}

}  // namespace pgstride::inline v0
