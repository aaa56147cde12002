// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Range<T> and Multirange<T>: ranges of every T that has a codec. Those of int, std::int64_t, Numeric,
// std::chrono's days and time points are PostgreSQL's own (int4range, …); the type of other ranges is
// inferred by the server.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "pgstride/protocol/codec/array_value.hpp"
#include "pgstride/protocol/codec/range.hpp"

namespace pgstride::inline v0 {

/// Missing bounds are infinite. The server writes the ranges of integers and days as
/// [lower,upper), whatever they were given as.
template <class T>
struct Range {
  Range() = default;
  /// [lower,upper)
  Range(std::optional<T> lower_, std::optional<T> upper_)
      : lower(std::move(lower_)), upper(std::move(upper_)) {
    lower_inclusive = lower.has_value();
  }
  static Range make_empty() {
    Range range;
    range.empty = true;
    return range;
  }
  friend bool operator==(const Range&, const Range&) = default;

  std::optional<T> lower;
  std::optional<T> upper;
  bool lower_inclusive = false;
  bool upper_inclusive = false;
  bool empty = false;
};

template <class T>
struct Multirange {
  Multirange() = default;
  explicit Multirange(std::vector<Range<T>> ranges_) : ranges(std::move(ranges_)) {}
  friend bool operator==(const Multirange&, const Multirange&) = default;

  std::vector<Range<T>> ranges;
};

template <class T>
inline constexpr bool is_view<Range<T>> = is_view<T>;
template <class T>
inline constexpr bool is_view<Multirange<T>> = is_view<T>;

namespace detail {

/// The built-in range or multirange type over a type; 0 when there is none.
constexpr Oid type_over(Oid part, TypeKind kind) noexcept {
  for (const BuiltinType& type : builtin_types)
    if (type.kind == kind && type.element == part && part != 0) return type.oid;
  return oid::unspecified;
}

constexpr Oid part_of(Oid type, TypeKind kind) noexcept {
  const std::size_t at = builtin_type_index(type);
  return at < std::size(builtin_types) && builtin_types[at].kind == kind ? builtin_types[at].element : 0;
}

/// The bounds' type when a T is read from a range of this type: its own, or T's when the range is a user's.
template <class T>
constexpr Oid bound_type(Oid range) noexcept {
  const Oid part = part_of(range, TypeKind::range);
  return part != 0 ? part : Codec<T>::oid == 0 ? oid::text : Codec<T>::oid;
}

}  // namespace detail

template <class T>
struct Codec<Range<T>> {
  static constexpr Oid oid = detail::type_over(Codec<T>::oid, TypeKind::range);
  static constexpr Oid array_oid = array_of(oid);
  static constexpr Format format = Format::binary;
  static constexpr bool accepts(Oid type) noexcept {
    const Oid part = detail::part_of(type, TypeKind::range);
    return part != 0 ? Codec<T>::accepts(part) : type >= oid::first_user_type;
  }

  static void encode(const Range<T>& value, WriteBuffer& out)
    requires Encodable<T>
  {
    RangeView flags;
    flags.empty = value.empty;
    flags.has_lower = value.lower.has_value() && !value.empty;
    flags.has_upper = value.upper.has_value() && !value.empty;
    flags.lower_inclusive = value.lower_inclusive && flags.has_lower;
    flags.upper_inclusive = value.upper_inclusive && flags.has_upper;
    write_range_header(out, flags);
    if (flags.has_lower) encode_binary_value(*value.lower, detail::bound_type<T>(oid), out);
    if (flags.has_upper) encode_binary_value(*value.upper, detail::bound_type<T>(oid), out);
  }

  static bool decode(Oid type, Bytes bytes, Range<T>& value)
    requires Decodable<T>
  {
    RangeView range;
    return parse_range(bytes, range) && read(detail::bound_type<T>(type), range, value);
  }

 private:
  friend struct Codec<Multirange<T>>;

  static bool read(Oid bound, const RangeView& range, Range<T>& value) {
    value.lower.reset();
    value.upper.reset();
    value.empty = range.empty;
    value.lower_inclusive = range.lower_inclusive;
    value.upper_inclusive = range.upper_inclusive;
    return (!range.has_lower || Codec<T>::decode(bound, range.lower, value.lower.emplace())) &&
           (!range.has_upper || Codec<T>::decode(bound, range.upper, value.upper.emplace()));
  }
};

template <class T>
struct Codec<Multirange<T>> {
  static constexpr Oid oid = detail::type_over(Codec<Range<T>>::oid, TypeKind::multirange);
  static constexpr Oid array_oid = array_of(oid);
  static constexpr Format format = Format::binary;
  static constexpr bool accepts(Oid type) noexcept {
    const Oid range = detail::part_of(type, TypeKind::multirange);
    return range != 0 ? Codec<Range<T>>::accepts(range) : type >= oid::first_user_type;
  }

  static void encode(const Multirange<T>& value, WriteBuffer& out)
    requires Encodable<T>
  {
    write_multirange_header(out, value.ranges.size());
    for (const Range<T>& range : value.ranges) encode_value(range, out);
  }

  static bool decode(Oid type, Bytes bytes, Multirange<T>& value)
    requires Decodable<T>
  {
    MultirangeView ranges;
    if (!ranges.parse(bytes)) return false;
    const Oid bound = detail::bound_type<T>(detail::part_of(type, TypeKind::multirange));
    value.ranges.assign(ranges.count(), Range<T>());
    for (Range<T>& range : value.ranges) {
      RangeView view;
      if (!ranges.next(view) || !Codec<Range<T>>::read(bound, view, range)) return false;
    }
    return ranges.done();
  }
};

}  // namespace pgstride::inline v0
