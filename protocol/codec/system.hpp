// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Values about the server's own workings: row addresses (tid), transactions (xid8) and snapshots of them.
// Log positions, xid and the reg… types are plain integers, in scalar.hpp.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

#include "pgstride/protocol/codec/codec.hpp"
#include "pgstride/protocol/codec/parts.hpp"

namespace pgstride::inline v0 {

/// Where a row version lies in its table.
struct TupleId {
  std::uint32_t block = 0;
  std::uint16_t offset = 0;
  friend bool operator==(const TupleId&, const TupleId&) = default;
};

[[nodiscard]] inline bool parse_tid(Bytes bytes, TupleId& value) noexcept {
  Reader in(bytes);
  value.block = in.u32();
  value.offset = in.u16();
  return in.done();
}

inline void write_tid(WriteBuffer& out, const TupleId& value) {
  out.u32(value.block);
  out.u16(value.offset);
}

template <>
struct Codec<TupleId> : BinaryType<oid::tid> {
  static void encode(const TupleId& value, WriteBuffer& out) { write_tid(out, value); }
  static bool decode(Oid, Bytes bytes, TupleId& value) noexcept { return parse_tid(bytes, value); }
};

/// An xid8. One can be read as a std::uint64_t as well, which as a parameter is an int8.
struct FullTransactionId {
  std::uint64_t value = 0;
  friend auto operator<=>(const FullTransactionId&, const FullTransactionId&) = default;
};

template <>
struct Codec<FullTransactionId> : BinaryType<oid::xid8> {
  static void encode(FullTransactionId id, WriteBuffer& out) { out.u64(id.value); }
  static bool decode(Oid, Bytes bytes, FullTransactionId& id) noexcept {
    Reader in(bytes);
    id.value = in.u64();
    return in.done();
  }
};

/// pg_snapshot and txid_snapshot: the transactions from xmin up to but without xmax, and which of them
/// were in progress.
struct SnapshotView {
  std::int64_t xmin = 0;
  std::int64_t xmax = 0;
  Bytes bytes;

  std::size_t size() const noexcept { return bytes.size() / sizeof(std::int64_t); }
  std::int64_t operator[](std::size_t i) const noexcept {
    return Reader(bytes.subspan(i * sizeof(std::int64_t))).i64();
  }
};

[[nodiscard]] inline bool parse_snapshot(Bytes bytes, SnapshotView& value) noexcept {
  Reader in(bytes);
  const std::int32_t count = in.i32();
  value.xmin = in.i64();
  value.xmax = in.i64();
  value.bytes = in.rest();
  return in.done() && count >= 0 &&
         static_cast<std::uint64_t>(count) * sizeof(std::int64_t) == value.bytes.size();
}

/// `count` transaction numbers follow, each an i64.
inline void write_snapshot_header(WriteBuffer& out, std::size_t count, std::int64_t xmin, std::int64_t xmax) {
  write_count(out, count);
  out.i64(xmin);
  out.i64(xmax);
}

}  // namespace pgstride::inline v0
