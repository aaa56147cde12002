// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Values of the extension hstore: keys, each with a text or NULL.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pgstride/protocol/codec/codec.hpp"
#include "pgstride/protocol/codec/parts.hpp"

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
    pair.key = read_present_part(in_);
    pair.value = read_part(in_);
    return pair;
  }
  /// No pair so far was malformed.
  bool ok() const noexcept { return in_.ok(); }
  /// … and the last one ended where the value ends.
  bool done() const noexcept { return in_.done(); }

 private:
  Reader in_{Bytes{}};
  std::size_t count_ = 0;
};

/// Followed by the pairs: a length and a key, a length and a text, or -1.
inline void write_hstore_header(WriteBuffer& out, std::size_t count) { write_count(out, count); }

}  // namespace pgstride::inline v0
