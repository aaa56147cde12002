// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Rows as they came, kept one after the other.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "pgstride/protocol/bytes.hpp"

namespace pgstride::inline v0 {

/// Byte strings. Each block of memory is at least twice as large as the one before it, and is never copied into the next:
/// what a large result costs is mostly the first touch of its pages.
class RowArena {
 public:
  void append(Bytes row) {
    if (last_.room() < row.size() + sizeof(std::size_t)) add_block(row.size() + sizeof(std::size_t));
    last_.append(row);
  }
  /// Valid until clear(), also when the arena is moved.
  Bytes operator[](std::size_t i) const noexcept {
    if (i >= last_.first) return last_[i];
    // From the back: half of the strings are in the last block, and half of the others in the one before it.
    const Block* block = &full_.back();
    while (i < block->first) --block;
    return (*block)[i];
  }
  std::size_t size() const noexcept { return last_.first + last_.count; }
  /// Forgets the strings and keeps the last block.
  void clear() noexcept;

 private:
  /// The strings from its front, the offsets where they end from its back.
  struct Block {
    Block() noexcept = default;
    Block(std::size_t bytes, std::size_t strings_before)
        : memory(std::make_unique_for_overwrite<std::byte[]>(bytes)),
          capacity(bytes),
          first(strings_before) {}
    Block(Block&& other) noexcept { *this = std::move(other); }
    Block& operator=(Block&& other) noexcept {
      memory = std::move(other.memory);
      capacity = std::exchange(other.capacity, 0);
      used = std::exchange(other.used, 0);
      count = std::exchange(other.count, 0);
      first = std::exchange(other.first, 0);
      return *this;
    }

    std::size_t room() const noexcept { return capacity - used - count * sizeof(std::size_t); }
    void append(Bytes string) noexcept {
      if (!string.empty()) std::memcpy(memory.get() + used, string.data(), string.size());
      used += string.size();
      std::memcpy(end_slot(count), &used, sizeof used);
      ++count;
    }
    Bytes operator[](std::size_t i) const noexcept {
      const std::size_t begin = i == first ? 0 : end_of(i - first - 1);
      return {memory.get() + begin, end_of(i - first) - begin};
    }
    std::byte* end_slot(std::size_t n) const noexcept {
      return memory.get() + capacity - (n + 1) * sizeof(std::size_t);
    }
    std::size_t end_of(std::size_t n) const noexcept {
      std::size_t end = 0;
      std::memcpy(&end, end_slot(n), sizeof end);
      return end;
    }

    std::unique_ptr<std::byte[]> memory;
    std::size_t capacity = 0;
    std::size_t used = 0;  // by the strings
    std::size_t count = 0;
    std::size_t first = 0;  // how many strings are in the blocks before it
  };

  void add_block(std::size_t needed);

  std::vector<Block> full_;
  Block last_;
};

}  // namespace pgstride::inline v0
