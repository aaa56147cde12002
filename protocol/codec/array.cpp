// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/array.hpp"

#include <algorithm>
#include <limits>

namespace pgstride::inline v0 {

bool ArrayView::parse(Bytes bytes) noexcept {
  Reader in(bytes);
  const std::int32_t ndim = in.i32();
  const std::int32_t flags = in.i32();
  element_type_ = in.u32();
  if (!in.ok() || ndim < 0 || ndim > max_array_dimensions || (flags != 0 && flags != 1)) return false;
  has_nulls_ = flags == 1;
  ndim_ = static_cast<std::size_t>(ndim);

  std::int64_t count = ndim == 0 ? 0 : 1;
  for (ArrayDimension& dimension : std::span(dimensions_).first(ndim_)) {
    dimension.size = in.i32();
    dimension.lower_bound = in.i32();
    // The last subscript is a 32-bit number, too.
    const std::int64_t end = std::int64_t{dimension.lower_bound} + dimension.size;
    if (dimension.size < 0 || end > std::int64_t{std::numeric_limits<std::int32_t>::max()} + 1) return false;
    if (__builtin_mul_overflow(count, dimension.size, &count)) return false;
  }
  if (!in.ok() || count > static_cast<std::int64_t>(in.remaining() / sizeof(std::int32_t))) return false;
  count_ = static_cast<std::size_t>(count);
  elements_ = in.rest();
  return count_ > 0 || elements_.empty();
}

bool ArrayForm::takes(const ArrayView& array) const noexcept {
  const std::span own(sizes, dimensions);
  if (array.count() == 0)
    return std::ranges::any_of(own, [](std::size_t n) { return n == any_size || n == 0; });
  return std::ranges::equal(own, array.dimensions(), [](std::size_t wanted, const ArrayDimension& has) {
    return wanted == any_size || wanted == static_cast<std::size_t>(has.size);
  });
}

void ArrayShape::add_list(std::size_t level, std::size_t size) noexcept {
  if (size > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    too_large_ = true;
    return;
  }
  if (level == ndim_) {
    dimensions_[ndim_++].size = static_cast<std::int32_t>(size);
    empty_ = empty_ || size == 0;
  } else if (static_cast<std::size_t>(dimensions_[level].size) != size) {
    ragged_ = true;
  }
}

bool ArrayShape::check(WriteBuffer& out) const noexcept {
  if (too_large_) {
    out.fail_too_large();
  } else if (ragged_) {
    out.fail("the lists in it are not equally long");
  }
  return !too_large_ && !ragged_;
}

ArrayWriter::ArrayWriter(WriteBuffer& out, Oid element_type, std::span<const ArrayDimension> dimensions)
    : out_(out) {
  if (dimensions.size() > static_cast<std::size_t>(max_array_dimensions)) out.fail();
  out.i32(static_cast<std::int32_t>(dimensions.size()));
  has_nulls_ = out.position();
  out.i32(0);
  out.u32(element_type);
  for (const ArrayDimension& dimension : dimensions) {
    out.i32(dimension.size);
    out.i32(dimension.lower_bound);
  }
}

void ArrayLiteral::separate() {
  if (!first_) out_.u8(static_cast<std::uint8_t>(delimiter_));
  first_ = false;
}

void ArrayLiteral::null() {
  separate();
  out_.text("NULL");
}

void ArrayLiteral::element(std::string_view text) {
  separate();
  out_.u8('"');
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t plain = std::min(text.find_first_of("\"\\", at), text.size());
    out_.text(text.substr(at, plain - at));
    if (plain == text.size()) break;
    out_.u8('\\');
    out_.u8(static_cast<std::uint8_t>(text[plain]));
    at = plain + 1;
  }
  out_.u8('"');
}

}  // namespace pgstride::inline v0
