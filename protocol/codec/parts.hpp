// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Values within values: how the elements of an array, the attributes of a composite, the bounds of a range and the
// like are counted, and told apart. What they mean is for the codecs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "pgstride/protocol/row.hpp"
#include "pgstride/protocol/write_buffer.hpp"

namespace pgstride::inline v0 {

/// A length and so many bytes, or the length −1 that means NULL; any other makes `in` fail.
inline Field read_part(Reader& in) noexcept {
  const std::int32_t length = in.i32();
  if (length >= 0) return {in.take(static_cast<std::size_t>(length)), false};
  if (length != -1) in.fail();
  return {};
}

/// The same of a part that is never NULL.
inline Bytes read_present_part(Reader& in) noexcept {
  const Field part = read_part(in);
  if (part.null) in.fail();
  return part.bytes;
}

/// How many parts follow. The buffer fails when there are more than 31 bits can count.
inline void write_count(WriteBuffer& out, std::size_t count) {
  if (count > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) return out.fail_too_large();
  out.i32(static_cast<std::int32_t>(count));
}

}  // namespace pgstride::inline v0
