// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Arrays, and the other values made of values: arbitrary bytes must be refused or walked to their very
// end without stepping outside them, and arrays must survive being written again.
// Proves FZ-3.
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgstride/protocol/codec/array_value.hpp"
#include "pgstride/protocol/codec/composite.hpp"
#include "pgstride/protocol/codec/range.hpp"
#include "pgstride/protocol/codec/scalar.hpp"
#include "pgstride/protocol/codec/text.hpp"

#include "tests/support/require.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

void rewrite_array(Bytes input) {
  ArrayView array;
  if (!array.parse(input)) return;
  require(array.count() <= input.size() / 4);

  WriteBuffer out;
  ArrayWriter again(out, array.element_type(), array.dimensions());
  ArrayElements elements(array);
  bool any_null = false;
  for (std::size_t i = 0; i < array.count(); ++i) {
    const Field element = elements.next();
    any_null = any_null || element.null;
    if (element.null) {
      again.null();
    } else {
      ValueLength length(out);
      out.bytes(element.bytes);
    }
  }
  if (!elements.done()) return;
  // The flag is the one thing that we do not copy but find out.
  std::vector<std::byte> expected(input.begin(), input.end());
  expected[7] = static_cast<std::byte>(any_null ? 1 : 0);
  require(as_text(out.pending()) == as_text(expected));
}

/// What is read into a list is the same when it is written and read again.
template <class Values>
void read_list(Oid type, Bytes input) {
  Values values{};
  if (!Codec<Values>::decode(type, input, values)) return;
  if constexpr (Codec<Values>::format == Format::binary) {
    WriteBuffer out;
    Codec<Values>::encode(values, out);
    Values again{};
    require(!out.failed() && Codec<Values>::decode(type, out.pending(), again) && again == values);
  }
}

void walk_range(Bytes input) {
  RangeView range;
  if (!parse_range(input, range)) return;
  require(range.lower.size() + range.upper.size() < input.size());
}

void walk_multirange(Bytes input) {
  MultirangeView ranges;
  if (!ranges.parse(input)) return;
  require(ranges.count() <= input.size() / 5);
  RangeView range;
  for (std::size_t i = 0; i < ranges.count(); ++i) {
    if (!ranges.next(range)) return;
  }
}

/// Composites nest in one another; a head goes as deep as it trusts its stack, here eight levels.
void walk_composite(Bytes input, int depth) {
  CompositeView record;
  if (depth == 0 || !record.parse(input)) return;
  require(record.count() <= input.size() / 8);
  for (std::size_t i = 0; i < record.count(); ++i) {
    const CompositeField field = record.next();
    if (!record.ok()) return;
    if (!field.value.null) walk_composite(field.value.bytes, depth - 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(reinterpret_cast<const std::byte*>(data), size);
  rewrite_array(input);
  read_list<std::vector<std::int64_t>>(oid::anyarray, input);
  read_list<std::vector<std::optional<std::int32_t>>>(oid::int4_array, input);
  read_list<std::vector<std::optional<std::string>>>(oid::text_array, input);
  read_list<std::vector<bool>>(oid::bool_array, input);
  read_list<std::vector<std::vector<std::optional<std::int16_t>>>>(oid::int2_array, input);
  read_list<std::vector<std::vector<std::vector<std::string>>>>(oid::anyarray, input);
  read_list<std::vector<std::array<bool, 2>>>(oid::bool_array, input);
  walk_range(input);
  walk_multirange(input);
  walk_composite(input, 8);
  return 0;
}
