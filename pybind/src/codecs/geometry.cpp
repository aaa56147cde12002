// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/geometry.hpp"

#include <array>

#include "pgstride/pybind/src/codecs/conversions.hpp"

namespace pgstride::python {
namespace {

// The classes of pgstride.types; most are tuples with names for their items.
PyObject* point_class = nullptr;
PyObject* segment_class = nullptr;
PyObject* box_class = nullptr;
PyObject* line_class = nullptr;
PyObject* circle_class = nullptr;
PyObject* path_class = nullptr;
PyObject* polygon_class = nullptr;

/// An instance of a subclass of tuple, made without its own __new__, which would only convert.
template <class... Items>
PyObject* make_tuple(const char* name, PyObject*& kept, const Items&... items) {
  if (!(static_cast<bool>(items) && ...)) return nullptr;
  PyObject* type = types_class(name, kept);
  const Ref values = type ? Ref::steal(PyTuple_Pack(sizeof...(items), items.get()...)) : Ref();
  const Ref args = values ? Ref::steal(PyTuple_Pack(1, values.get())) : Ref();
  return args ? PyTuple_Type.tp_new(reinterpret_cast<PyTypeObject*>(type), args.get(), nullptr) : nullptr;
}

Ref number(double value) { return Ref::steal(PyFloat_FromDouble(value)); }

Ref make_point(const Point& value) {
  return Ref::steal(make_tuple("Point", point_class, number(value.x), number(value.y)));
}

/// A Path or Polygon of these points.
PyObject* make_outline(PyObject* type, const PointsView& points, PyObject* names, PyObject* is_closed) {
  if (type == nullptr) return nullptr;
  std::vector<Ref> owned;
  std::vector<PyObject*> args;
  for (std::size_t i = 0; i < points.size(); ++i) {
    owned.push_back(make_point(points[i]));
    if (!owned.back()) return nullptr;
    args.push_back(owned.back().get());
  }
  const std::size_t count = args.size();
  if (names != nullptr) args.push_back(is_closed);
  return PyObject_Vectorcall(type, args.data(), count, names);
}

/// What the square brackets would give. None with a Python error set.
Ref item_of(PyObject* object, Py_ssize_t index) {
  if (PyTuple_Check(object) || PyList_Check(object)) return Ref::steal(PySequence_GetItem(object, index));
  const Ref key = Ref::steal(PyLong_FromSsize_t(index));
  return key ? Ref::steal(PyObject_GetItem(object, key.get())) : Ref();
}

bool to_number(const Ref& object, double& value) {
  if (!object) return false;
  value = PyFloat_AsDouble(object.get());
  return value != -1.0 || !PyErr_Occurred();
}

bool to_point(PyObject* object, Point& value) {
  return to_number(item_of(object, 0), value.x) && to_number(item_of(object, 1), value.y);
}

bool to_two_points(PyObject* object, Point& first, Point& second) {
  const Ref one = item_of(object, 0);
  const Ref two = one ? item_of(object, 1) : Ref();
  return two && to_point(one.get(), first) && to_point(two.get(), second);
}

/// The points of anything that has a length and can be iterated over.
bool to_points(PyObject* object, std::vector<Point>& points) {
  if (PyObject_Length(object) < 0) return false;
  const Ref items = Ref::steal(PySequence_Tuple(object));
  if (!items) return false;
  points.resize(static_cast<std::size_t>(PyTuple_GET_SIZE(items.get())));
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!to_point(PyTuple_GET_ITEM(items.get(), static_cast<Py_ssize_t>(i)), points[i])) return false;
  }
  return true;
}

void write_points(const std::vector<Point>& points, WriteBuffer& out) {
  for (const Point& point : points) write_point(out, point);
}

template <class T>
bool parse(Bytes bytes, const TypeCodec& codec, T& value) {
  return Codec<T>::decode(codec.type, bytes, value) || malformed(bytes, codec) != nullptr;
}

}  // namespace

PyObject* decode_point(Bytes bytes, const TypeCodec& codec) {
  Point value;
  return parse(bytes, codec, value) ? make_point(value).release() : nullptr;
}

PyObject* decode_segment(Bytes bytes, const TypeCodec& codec) {
  Segment value;
  if (!parse(bytes, codec, value)) return nullptr;
  return make_tuple("LineSegment", segment_class, make_point(value.from), make_point(value.to));
}

PyObject* decode_box(Bytes bytes, const TypeCodec& codec) {
  Box value;
  if (!parse(bytes, codec, value)) return nullptr;
  return make_tuple("Box", box_class, make_point(value.high), make_point(value.low));
}

PyObject* decode_line(Bytes bytes, const TypeCodec& codec) {
  Line value;
  if (!parse(bytes, codec, value)) return nullptr;
  return make_tuple("Line", line_class, number(value.a), number(value.b), number(value.c));
}

PyObject* decode_circle(Bytes bytes, const TypeCodec& codec) {
  Circle value;
  if (!parse(bytes, codec, value)) return nullptr;
  const Ref center = Ref::steal(Py_BuildValue("(dd)", value.center.x, value.center.y));
  return make_tuple("Circle", circle_class, center, number(value.radius));
}

PyObject* decode_path(Bytes bytes, const TypeCodec& codec) {
  PathView value;
  if (!parse_path(bytes, value)) return malformed(bytes, codec);
  const Ref names = Ref::steal(Py_BuildValue("(s)", "is_closed"));
  if (!names) return nullptr;
  return make_outline(types_class("Path", path_class), value.points, names.get(),
                      value.closed ? Py_True : Py_False);
}

PyObject* decode_polygon(Bytes bytes, const TypeCodec& codec) {
  PointsView points;
  if (!parse_polygon(bytes, points)) return malformed(bytes, codec);
  return make_outline(types_class("Polygon", polygon_class), points, nullptr, nullptr);
}

bool encode_point(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  Point value;
  if (!to_point(object, value)) return false;
  Codec<Point>::encode(value, out);
  return true;
}

bool encode_segment(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  Segment value;
  if (!to_two_points(object, value.from, value.to)) return false;
  Codec<Segment>::encode(value, out);
  return true;
}

bool encode_box(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  Box value;
  if (!to_two_points(object, value.high, value.low)) return false;
  Codec<Box>::encode(value, out);
  return true;
}

bool encode_line(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  Line value;
  if (!to_number(item_of(object, 0), value.a) || !to_number(item_of(object, 1), value.b) ||
      !to_number(item_of(object, 2), value.c))
    return false;
  Codec<Line>::encode(value, out);
  return true;
}

bool encode_circle(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  Circle value;
  const Ref center = item_of(object, 0);
  if (!center || !to_point(center.get(), value.center)) return false;
  if (!to_number(item_of(object, 1), value.radius)) return false;
  Codec<Circle>::encode(value, out);
  return true;
}

/// A tuple is a closed path; a Path says it itself; anything else is an open one.
bool encode_path(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  int is_closed = PyTuple_Check(object) ? 1 : 0;
  if (is_closed == 0 && !PyList_Check(object)) {
    const Ref flag = attribute(object, "is_closed");
    if (!flag && !PyErr_ExceptionMatches(PyExc_AttributeError)) return false;
    PyErr_Clear();
    is_closed = flag ? PyObject_IsTrue(flag.get()) : 0;
    if (is_closed < 0) return false;
  }
  std::vector<Point> points;
  if (!to_points(object, points)) return false;
  write_path_header(out, is_closed != 0, points.size());
  write_points(points, out);
  return true;
}

bool encode_polygon(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  std::vector<Point> points;
  if (!to_points(object, points)) return false;
  write_polygon_header(out, points.size());
  write_points(points, out);
  return true;
}

}  // namespace pgstride::python
