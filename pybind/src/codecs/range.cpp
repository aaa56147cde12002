// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/range.hpp"

#include "pgstride/pybind/src/codecs/conversions.hpp"

namespace pgstride::python {
namespace {

PyObject* range_class() {
  static PyObject* kept = nullptr;
  return types_class("Range", kept);
}

PyObject* keyword_names() {
  static PyObject* kept = nullptr;
  if (kept == nullptr) kept = Py_BuildValue("(sss)", "lower_inc", "upper_inc", "empty");
  return kept;
}

PyObject* flag(bool value) noexcept { return value ? Py_True : Py_False; }

Ref decode_bound(bool is_there, Bytes bytes, const TypeCodec& bounds) {
  return is_there ? Ref::steal(bounds.decode(bytes, bounds)) : Ref::borrow(Py_None);
}

PyObject* make_range(const RangeView& range, const TypeCodec& bounds) {
  PyObject* type = range_class();
  PyObject* names = keyword_names();
  if (type == nullptr || names == nullptr) return nullptr;
  const Ref lower = decode_bound(range.has_lower, range.lower, bounds);
  if (!lower) return nullptr;
  const Ref upper = decode_bound(range.has_upper, range.upper, bounds);
  if (!upper) return nullptr;
  PyObject* const args[] = {lower.get(), upper.get(), flag(range.lower_inclusive),
                            flag(range.upper_inclusive), flag(range.empty)};
  return PyObject_Vectorcall(type, args, 2, names);
}

/// A range as Python has it, its bounds not yet encoded.
struct Bounds {
  RangeView shape;
  Ref lower;
  Ref upper;
};

bool take_bound(Ref value, Ref& into, bool& is_there) {
  if (!value) return false;
  is_there = value.get() != Py_None;
  into = std::move(value);
  return true;
}

bool read_flag(PyObject* object, const char* name, bool& value) {
  const Ref flag = attribute(object, name);
  const int is_true = flag ? PyObject_IsTrue(flag.get()) : -1;
  value = is_true > 0;
  return is_true >= 0;
}

bool read_range(PyObject* object, Bounds& bounds) {
  RangeView& shape = bounds.shape;
  return read_flag(object, "isempty", shape.empty) && read_flag(object, "lower_inc", shape.lower_inclusive) &&
         read_flag(object, "upper_inc", shape.upper_inclusive) &&
         take_bound(attribute(object, "lower"), bounds.lower, shape.has_lower) &&
         take_bound(attribute(object, "upper"), bounds.upper, shape.has_upper);
}

/// Both bounds, inclusive; the lower one alone; nothing for the empty range.
bool read_pair(PyObject* object, Bounds& bounds) {
  const Ref items = Ref::steal(PySequence_Tuple(object));
  if (!items) return false;
  const Py_ssize_t count = PyTuple_GET_SIZE(items.get());
  RangeView& shape = bounds.shape;
  shape.empty = count == 0;
  shape.lower_inclusive = count > 0;
  shape.upper_inclusive = count == 2;
  if (count > 2) {
    PyErr_Format(PyExc_ValueError, "expected 0, 1 or 2 elements in range (got %zd)", count);
    return false;
  }
  const auto item = [&](Py_ssize_t i) {
    return Ref::borrow(i < count ? PyTuple_GET_ITEM(items.get(), i) : Py_None);
  };
  take_bound(item(0), bounds.lower, shape.has_lower);
  take_bound(item(1), bounds.upper, shape.has_upper);
  shape.lower_inclusive = shape.lower_inclusive && shape.has_lower;
  shape.upper_inclusive = shape.upper_inclusive && shape.has_upper;
  return true;
}

bool read_bounds(PyObject* object, Bounds& bounds) {
  if (PyList_Check(object) || PyTuple_Check(object)) return read_pair(object, bounds);
  PyObject* type = range_class();
  const int is_range = type != nullptr ? PyObject_IsInstance(object, type) : -1;
  if (is_range > 0) return read_range(object, bounds);
  if (is_range == 0)
    PyErr_Format(PyExc_TypeError, "list, tuple or Range object expected (got type %R)", Py_TYPE(object));
  return false;
}

bool write_bound(const Ref& value, WriteBuffer& out, const TypeCodec& bounds) {
  const ValueLength length(out);
  return bounds.encode(value.get(), out, bounds);
}

bool write_range(PyObject* object, WriteBuffer& out, const TypeCodec& bounds_codec) {
  Bounds bounds;
  if (!read_bounds(object, bounds)) return false;
  write_range_header(out, bounds.shape);
  if (bounds.shape.empty) return true;
  return (!bounds.shape.has_lower || write_bound(bounds.lower, out, bounds_codec)) &&
         (!bounds.shape.has_upper || write_bound(bounds.upper, out, bounds_codec));
}

}  // namespace

PyObject* decode_range(Bytes bytes, const TypeCodec& codec) {
  RangeView range;
  const Nesting nesting;
  if (nesting.too_deep() || !parse_range(bytes, range)) return malformed(bytes, codec);
  return make_range(range, *codec.element);
}

PyObject* decode_multirange(Bytes bytes, const TypeCodec& codec) {
  MultirangeView ranges;
  if (!ranges.parse(bytes)) return malformed(bytes, codec);
  Ref list = Ref::steal(PyList_New(static_cast<Py_ssize_t>(ranges.count())));
  for (std::size_t i = 0; list && i < ranges.count(); ++i) {
    RangeView range;
    if (!ranges.next(range)) return malformed(bytes, codec);
    PyObject* value = make_range(range, *codec.element->element);
    if (value == nullptr) return nullptr;
    PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), value);
  }
  return list && !ranges.done() ? malformed(bytes, codec) : list.release();
}

bool encode_range(PyObject* object, WriteBuffer& out, const TypeCodec& codec) {
  return write_range(object, out, *codec.element);
}

bool encode_multirange(PyObject* object, WriteBuffer& out, const TypeCodec& codec) {
  static PyObject* sequence = nullptr;
  if (sequence == nullptr) {
    const Ref module = Ref::steal(PyImport_ImportModule("collections.abc"));
    sequence = module ? PyObject_GetAttrString(module.get(), "Sequence") : nullptr;
  }
  const int is_sequence = sequence != nullptr ? PyObject_IsInstance(object, sequence) : -1;
  if (is_sequence == 0)
    PyErr_Format(PyExc_TypeError, "expected a sequence (got type '%s')", type_name(object));
  if (is_sequence <= 0) return false;
  const Ref items = Ref::steal(PySequence_Tuple(object));
  if (!items) return false;
  write_multirange_header(out, static_cast<std::size_t>(PyTuple_GET_SIZE(items.get())));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items.get()); ++i) {
    const ValueLength length(out);
    if (!write_range(PyTuple_GET_ITEM(items.get(), i), out, *codec.element->element)) return false;
  }
  return true;
}

}  // namespace pgstride::python
