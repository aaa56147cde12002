// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Arrays: a header with up to six dimensions, then the elements in row-major order. What the elements mean, and which
// C++ types hold them, is in array_value.hpp.
//
// The header's numbers are the sender's claims. ArrayView::parse() checks them against the bytes present,
// so room for count() elements may be reserved.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "pgstride/protocol/bytes.hpp"
#include "pgstride/protocol/codec/parts.hpp"
#include "pgstride/protocol/oid.hpp"
#include "pgstride/protocol/row.hpp"
#include "pgstride/protocol/write_buffer.hpp"

namespace pgstride::inline v0 {

inline constexpr int max_array_dimensions = 6;

struct ArrayDimension {
  std::int32_t size = 0;
  std::int32_t lower_bound = 1;
  friend bool operator==(const ArrayDimension&, const ArrayDimension&) = default;
};

class ArrayView {
 public:
  /// None: an empty array. A dimension of size 0 also makes one.
  std::span<const ArrayDimension> dimensions() const noexcept { return {dimensions_.data(), ndim_}; }
  Oid element_type() const noexcept { return element_type_; }
  /// A hint of the sender's: elements may be NULL.
  bool has_nulls() const noexcept { return has_nulls_; }
  /// Elements in all dimensions together; each has at least four bytes in the value.
  std::size_t count() const noexcept { return count_; }
  /// The elements as they lie on the wire, for ArrayElements.
  Bytes elements() const noexcept { return elements_; }

  [[nodiscard]] bool parse(Bytes bytes) noexcept;

 private:
  std::array<ArrayDimension, max_array_dimensions> dimensions_{};
  std::size_t ndim_ = 0;
  std::size_t count_ = 0;
  Oid element_type_ = 0;
  bool has_nulls_ = false;
  Bytes elements_;
};

/// Which arrays a C++ type can hold.
struct ArrayForm {
  static constexpr std::size_t any_size = std::numeric_limits<std::size_t>::max();

  /// As far as its dimensions go. An array without elements has none to speak of.
  bool takes(const ArrayView& array) const noexcept;

  std::size_t dimensions = 1;
  std::size_t sizes[max_array_dimensions]{};  // of the dimensions
  bool takes_null = false;                    // as an element
};

/// Walks over the elements: next() count() times, then done() must hold.
class ArrayElements {
 public:
  explicit ArrayElements(const ArrayView& array) noexcept : in_(array.elements()) {}

  Field next() noexcept { return read_part(in_); }
  /// No element so far was malformed.
  bool ok() const noexcept { return in_.ok(); }
  /// … and the last one ended where the value ends.
  bool done() const noexcept { return in_.done(); }

 private:
  Reader in_;
};

/// How lists that are nested in each other are an array: the sizes of its dimensions.
class ArrayShape {
 public:
  /// A list of the array has so many items: elements, or the lists of the next level, which are added behind it. The
  /// outermost one is of level 0.
  void add_list(std::size_t level, std::size_t size) noexcept;

  /// All lists of a level are of the same length, and it is one that can be sent; else `out` fails.
  [[nodiscard]] bool check(WriteBuffer& out) const noexcept;
  /// None of an array without elements.
  std::span<const ArrayDimension> dimensions() const noexcept {
    return {dimensions_.data(), empty_ ? 0 : ndim_};
  }

 private:
  std::array<ArrayDimension, max_array_dimensions> dimensions_{};
  std::size_t ndim_ = 0;
  bool empty_ = false;
  bool ragged_ = false;
  bool too_large_ = false;
};

/// Writes the header; the caller then writes the elements, each with its length or as null().
class ArrayWriter {
 public:
  ArrayWriter(WriteBuffer& out, Oid element_type, std::span<const ArrayDimension> dimensions);
  ArrayWriter(const ArrayWriter&) = delete;
  ArrayWriter& operator=(const ArrayWriter&) = delete;

  void null() {
    out_.i32(-1);
    out_.patch_i32(has_nulls_, 1);
  }

 private:
  WriteBuffer& out_;
  std::uint64_t has_nulls_ = 0;  // where the header says so
};

/// What separates elements in text format (pg_type.typdelim): a comma, except for boxes.
constexpr char array_delimiter(Oid element) noexcept { return element == oid::box ? ';' : ','; }

/// An array in text format, or one dimension of it: {"a","b",NULL}. Complete when it was closed.
class ArrayLiteral {
 public:
  explicit ArrayLiteral(WriteBuffer& out, char delimiter = ',') : out_(out), delimiter_(delimiter) {
    out_.u8('{');
  }
  ArrayLiteral(const ArrayLiteral&) = delete;
  ArrayLiteral& operator=(const ArrayLiteral&) = delete;

  void null();
  void element(std::string_view text);
  /// Another ArrayLiteral is about to be this one's next item.
  void nested() { separate(); }
  void close() { out_.u8('}'); }

 private:
  void separate();

  WriteBuffer& out_;
  char delimiter_;
  bool first_ = true;
};

}  // namespace pgstride::inline v0
