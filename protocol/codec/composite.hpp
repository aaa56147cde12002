// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Records and composite types: fields that name their types. Their names are not on the wire.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pgstride/protocol/codec/codec.hpp"
#include "pgstride/protocol/codec/parts.hpp"

namespace pgstride::inline v0 {

struct CompositeField {
  Oid type = 0;
  Field value;
};

/// Walks over the fields: next() count() times, then done() must hold.
class CompositeView {
 public:
  [[nodiscard]] bool parse(Bytes bytes) noexcept {
    constexpr std::size_t smallest_field = sizeof(Oid) + sizeof(std::int32_t);
    in_ = Reader(bytes);
    const std::int32_t count = in_.i32();
    if (!in_.ok() || count < 0 || static_cast<std::size_t>(count) > in_.remaining() / smallest_field)
      return false;
    count_ = static_cast<std::size_t>(count);
    return count_ > 0 || in_.empty();
  }

  std::size_t count() const noexcept { return count_; }

  CompositeField next() noexcept {
    CompositeField field;
    field.type = in_.u32();
    field.value = read_part(in_);
    return field;
  }
  /// No field so far was malformed.
  bool ok() const noexcept { return in_.ok(); }
  bool done() const noexcept { return in_.done(); }

 private:
  Reader in_{Bytes{}};
  std::size_t count_ = 0;
};

/// The fields follow, each its type (u32) and then its value with length, or −1.
inline void write_composite_header(WriteBuffer& out, std::size_t count) { write_count(out, count); }

}  // namespace pgstride::inline v0
