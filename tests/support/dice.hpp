// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Where a test takes its choices from: a generator with a seed that can be printed, or a fuzzer's input.
#pragma once

#include <cstddef>
#include <random>

#include "pgstride/protocol/bytes.hpp"

namespace pgstride::test {

class Dice {
 public:
  /// Any number below `sides`.
  virtual std::size_t roll(std::size_t sides) = 0;
  /// There is nothing left to choose with; from here on roll() is always 0.
  virtual bool spent() const noexcept = 0;

 protected:
  Dice() = default;
  Dice(const Dice&) = default;
  Dice& operator=(const Dice&) = default;
  ~Dice() = default;
};

class RandomDice final : public Dice {
 public:
  explicit RandomDice(unsigned seed) : random_(seed) {}
  std::size_t roll(std::size_t sides) override {
    return std::uniform_int_distribution<std::size_t>(0, sides - 1)(random_);
  }
  bool spent() const noexcept override { return false; }

 private:
  std::mt19937 random_;
};

/// Two bytes for a choice among more than 256, else one.
class ByteDice final : public Dice {
 public:
  explicit ByteDice(Bytes bytes) noexcept : bytes_(bytes) {}
  std::size_t roll(std::size_t sides) override {
    std::size_t value = take();
    if (sides > 256) value = value << 8 | take();
    return value % sides;
  }
  bool spent() const noexcept override { return bytes_.empty(); }

 private:
  std::size_t take() noexcept {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<std::size_t>(bytes_.front());
    bytes_ = bytes_.subspan(1);
    return byte;
  }

  Bytes bytes_;
};

}  // namespace pgstride::test
