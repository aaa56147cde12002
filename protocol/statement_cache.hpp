// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Which statements a connection keeps prepared: least recently used goes first. The cache is only
// one of the holders; a statement that is dropped here while it runs lives until it has run.
#pragma once

#include <list>
#include <span>
#include <string_view>
#include <unordered_map>

#include "pgstride/protocol/statement.hpp"

namespace pgstride::inline v0 {

class StatementCache {
 public:
  explicit StatementCache(std::size_t capacity) noexcept;
  ~StatementCache();
  StatementCache(const StatementCache&) = delete;
  StatementCache& operator=(const StatementCache&) = delete;

  /// The statement for this text and these asked-for parameter types, now the most recently used;
  /// null when there is none.
  Statement* find(std::string_view sql, std::span<const Oid> types);
  /// Whether it is one of these; nothing is used thereby.
  bool holds(const Statement& statement) const;
  /// Takes a statement in, dropping the oldest when full. Does nothing when the capacity is 0.
  void insert(StatementRef statement);
  void erase(const Statement& statement);
  void clear() noexcept;
  void resize(std::size_t capacity);

  /// Most recently used first.
  const std::list<StatementRef>& entries() const noexcept { return entries_; }
  std::size_t size() const noexcept { return entries_.size(); }
  std::size_t capacity() const noexcept { return capacity_; }

 private:
  struct Key {  // views of the statement's own text and types
    std::string_view sql;
    std::span<const Oid> types;
    bool operator==(const Key& other) const noexcept;
  };
  static Key key_of(const Statement& statement) noexcept {
    return {statement.sql(), statement.asked_types()};
  }
  struct Hash {
    std::size_t operator()(const Key& key) const noexcept;
  };

  std::size_t capacity_;
  std::list<StatementRef> entries_;  // most recently used first
  std::unordered_map<Key, std::list<StatementRef>::iterator, Hash> index_;
};

}  // namespace pgstride::inline v0
