// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Values of the extension hstore: keys, each with a text or NULL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "pgstride/protocol/codec/codec.hpp"

namespace pgstride::inline v0 {

struct HstorePair {
  Bytes key;
  Field value;
};

/// The pairs in wire order, read one by one.
class HstoreView {
 public:
  /// False when the value is malformed as far as its header tells.
  [[nodiscard]] bool parse(Bytes bytes) noexcept {
    constexpr std::size_t smallest_pair = 2 * sizeof(std::int32_t);
    in_ = Reader(bytes);
    const std::int32_t count = in_.i32();
    if (!in_.ok() || count < 0 || static_cast<std::size_t>(count) > in_.remaining() / smallest_pair)
      return false;
    count_ = static_cast<std::size_t>(count);
    return true;
  }

  std::size_t count() const noexcept { return count_; }

  HstorePair next() noexcept {
    HstorePair pair;
    pair.key = read(in_.i32());
    const std::int32_t length = in_.i32();
    if (length != -1) pair.value = {read(length), false};
    return pair;
  }
  /// No pair so far was malformed.
  bool ok() const noexcept { return in_.ok(); }
  /// … and the last one ended where the value ends.
  bool done() const noexcept { return in_.done(); }

 private:
  Bytes read(std::int32_t length) noexcept {
    if (length >= 0) return in_.take(static_cast<std::size_t>(length));
    in_.fail();
    return {};
  }

  Reader in_{Bytes{}};
  std::size_t count_ = 0;
};

/// Followed by the pairs: a length and a key, a length and a text, or -1.
inline void write_hstore_header(WriteBuffer& out, std::size_t count) {
  if (count > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) return out.fail_too_large();
  out.i32(static_cast<std::int32_t>(count));
}

}  // namespace pgstride::inline v0
