// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The shape of the Unicode data behind SASLprep. tools/saslprep.py fills it in
// (saslprep_table.cpp); only saslprep.cpp reads it. Every table is sorted by its first member.
#pragma once

#include <cstdint>
#include <span>

namespace pgstride::inline v0::saslprep_table {

/// What stringprep does with a code point: RFC 3454's tables, as RFC 4013 combines them.
enum class Treatment : std::uint8_t {
  keep,           // and neutral for the bidirectional check
  left_to_right,  // D.2
  right_to_left,  // D.1
  to_space,       // C.1.2
  to_nothing,     // B.1
  prohibit,       // C.2.1 to C.9, and A.1: unassigned in Unicode 3.2
};

/// From `first` up to the next run's first.
struct TreatmentRun {
  std::uint32_t first : 24;
  std::uint32_t treatment : 8;
};

/// As above, for the canonical combining class.
struct CombiningRun {
  std::uint32_t first : 24;
  std::uint32_t combining_class : 8;
};

/// `count` neighbouring code points, each with a full compatibility decomposition of `length` code
/// points; these lie one after the other in `decomposed`, from `offset` on.
struct DecompositionRun {
  std::uint32_t first;
  std::uint16_t offset;
  std::uint8_t count;
  std::uint8_t length;
};

struct Composition {
  char32_t first;
  char32_t second;
  char32_t composite;
};

extern const std::span<const TreatmentRun> treatments;
extern const std::span<const CombiningRun> combining_classes;
extern const std::span<const DecompositionRun> decompositions;
extern const std::span<const char32_t> decomposed;
extern const std::span<const Composition> compositions;

}  // namespace pgstride::inline v0::saslprep_table
