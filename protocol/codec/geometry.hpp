// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// point, line, lseg, box, circle, path and polygon: coordinates only, without computations.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pgstride/protocol/codec/codec.hpp"
#include "pgstride/protocol/codec/parts.hpp"

namespace pgstride::inline v0 {

struct Point {
  double x = 0;
  double y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

/// All points with a·x + b·y + c = 0.
struct Line {
  double a = 0;
  double b = 0;
  double c = 0;
  friend bool operator==(const Line&, const Line&) = default;
};

/// An lseg from one end to the other.
struct Segment {
  Point from;
  Point to;
  friend bool operator==(const Segment&, const Segment&) = default;
};

/// The server stores the upper right corner first, whichever corners it was given.
struct Box {
  Point high;
  Point low;
  friend bool operator==(const Box&, const Box&) = default;
};

struct Circle {
  Point center;
  double radius = 0;
  friend bool operator==(const Circle&, const Circle&) = default;
};

inline Point read_point(Reader& in) noexcept {
  const double x = in.f64();
  return {x, in.f64()};
}

inline void write_point(WriteBuffer& out, const Point& value) {
  out.f64(value.x);
  out.f64(value.y);
}

/// The corners of a path or polygon where they lie.
struct PointsView {
  static constexpr std::size_t point_size = 16;

  Bytes bytes;

  std::size_t size() const noexcept { return bytes.size() / point_size; }
  Point operator[](std::size_t i) const noexcept {
    Reader in(bytes.subspan(i * point_size, point_size));
    return read_point(in);
  }
};

/// A count and as many points, to the end of the value.
inline PointsView read_points(Reader& in) noexcept {
  const std::int32_t count = in.i32();
  if (count < 0 || static_cast<std::uint64_t>(count) * PointsView::point_size != in.remaining()) in.fail();
  return {in.rest()};
}

struct PathView {
  bool closed = false;
  PointsView points;
};

[[nodiscard]] inline bool parse_path(Bytes bytes, PathView& value) noexcept {
  Reader in(bytes);
  const auto closed = in.u8();
  value.closed = closed == 1;
  value.points = read_points(in);
  return in.done() && closed <= 1;
}

[[nodiscard]] inline bool parse_polygon(Bytes bytes, PointsView& value) noexcept {
  Reader in(bytes);
  value = read_points(in);
  return in.done();
}

/// What comes before `count` points; those follow with write_point().
inline void write_polygon_header(WriteBuffer& out, std::size_t count) { write_count(out, count); }
inline void write_path_header(WriteBuffer& out, bool closed, std::size_t count) {
  out.u8(closed ? 1 : 0);
  write_polygon_header(out, count);
}

template <>
struct Codec<Point> : BinaryType<oid::point> {
  static void encode(const Point& value, WriteBuffer& out) { write_point(out, value); }
  static bool decode(Oid, Bytes bytes, Point& value) noexcept {
    Reader in(bytes);
    value = read_point(in);
    return in.done();
  }
};

template <>
struct Codec<Line> : BinaryType<oid::line> {
  static void encode(const Line& value, WriteBuffer& out) {
    out.f64(value.a);
    out.f64(value.b);
    out.f64(value.c);
  }
  static bool decode(Oid, Bytes bytes, Line& value) noexcept {
    Reader in(bytes);
    value.a = in.f64();
    value.b = in.f64();
    value.c = in.f64();
    return in.done();
  }
};

template <>
struct Codec<Segment> : BinaryType<oid::lseg> {
  static void encode(const Segment& value, WriteBuffer& out) {
    write_point(out, value.from);
    write_point(out, value.to);
  }
  static bool decode(Oid, Bytes bytes, Segment& value) noexcept {
    Reader in(bytes);
    value.from = read_point(in);
    value.to = read_point(in);
    return in.done();
  }
};

template <>
struct Codec<Box> : BinaryType<oid::box> {
  static void encode(const Box& value, WriteBuffer& out) {
    write_point(out, value.high);
    write_point(out, value.low);
  }
  static bool decode(Oid, Bytes bytes, Box& value) noexcept {
    Reader in(bytes);
    value.high = read_point(in);
    value.low = read_point(in);
    return in.done();
  }
};

template <>
struct Codec<Circle> : BinaryType<oid::circle> {
  static void encode(const Circle& value, WriteBuffer& out) {
    write_point(out, value.center);
    out.f64(value.radius);
  }
  static bool decode(Oid, Bytes bytes, Circle& value) noexcept {
    Reader in(bytes);
    value.center = read_point(in);
    value.radius = in.f64();
    return in.done();
  }
};

}  // namespace pgstride::inline v0
