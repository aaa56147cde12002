// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Asks the catalogs what types are, and what they consist of, in one round trip.
//
// Several statements in one Sync segment, all of them unnamed, so that it works through a pooler and
// leaves no name behind. JIT compilation is off while the catalogs are read, for it would take longer
// than everything else; that ends with the implicit transaction, or with a savepoint inside a block.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "pgstride/protocol/operation.hpp"
#include "pgstride/protocol/type_info.hpp"

namespace pgstride::inline v0 {

class Introspect : public Operation {
 public:
  /// The types that were found, and all that they consist of, as far as that is not built in. Types
  /// that do not exist are not among them.
  std::vector<TypeInfo> take_types() noexcept { return std::move(types_); }

 protected:
  explicit Introspect(std::vector<Oid> wanted) noexcept
      : Operation(Flow::extended), wanted_(std::move(wanted)) {}

  Encoded encode(WriteBuffer& out) override;
  bool on_frame(const Frame& frame) override;

 private:
  /// Of every statement; the last one is followed by ReadyForQuery.
  enum class Expect : std::uint8_t { parse_complete, bind_complete, result, ready };

  std::vector<Oid> wanted_;
  std::vector<TypeInfo> types_;
  std::size_t steps_left_ = 0;
  std::size_t lookup_left_ = 0;  // steps left when the catalogs are read
  Expect expect_ = Expect::parse_complete;
};

}  // namespace pgstride::inline v0
