// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/system.hpp"

#include <limits>

#include "pgstride/pybind/src/codecs/conversions.hpp"

namespace pgstride::python {
namespace {

/// A list or tuple, as something whose items can be counted and indexed.
Ref as_items(PyObject* object, Py_ssize_t count, const char* complaint) {
  if (!PyList_Check(object) && !PyTuple_Check(object)) {
    PyErr_Format(PyExc_TypeError, "list or tuple expected (got type %R)", Py_TYPE(object));
    return {};
  }
  Ref items = Ref::steal(PySequence_Tuple(object));
  if (!items || PyTuple_GET_SIZE(items.get()) == count) return items;
  PyErr_SetString(PyExc_ValueError, complaint);
  return {};
}

/// An int: what is not one is not made one here.
bool to_int(PyObject* object, std::int64_t& value) {
  if (PyIndex_Check(object)) return to_integer(object, value);
  PyErr_SetString(PyExc_TypeError, "an integer is required");
  return false;
}

template <class Int>
bool to_part(PyObject* object, Int& value, const char* complaint) {
  std::int64_t wide = 0;
  const bool is_number = to_int(object, wide);
  if (!is_number && !PyErr_ExceptionMatches(PyExc_OverflowError)) return false;
  value = static_cast<Int>(wide);
  if (is_number && value == wide) return true;
  PyErr_SetString(PyExc_OverflowError, complaint);
  return false;
}

}  // namespace

PyObject* decode_tid(Bytes bytes, const TypeCodec& codec) {
  TupleId value;
  if (!parse_tid(bytes, value)) return malformed(bytes, codec);
  return Py_BuildValue("(Ii)", value.block, int{value.offset});
}

bool encode_tid(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  const Ref items = as_items(object, 2, "invalid number of elements in tid tuple, expecting 2");
  if (!items) return false;
  TupleId value;
  if (!to_part(PyTuple_GET_ITEM(items.get(), 0), value.block, "tuple id block value out of uint32 range") ||
      !to_part(PyTuple_GET_ITEM(items.get(), 1), value.offset, "tuple id offset value out of uint16 range")) {
    return false;
  }
  write_tid(out, value);
  return true;
}

PyObject* decode_snapshot(Bytes bytes, const TypeCodec& codec) {
  SnapshotView value;
  if (!parse_snapshot(bytes, value)) return malformed(bytes, codec);
  Ref running = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(value.size())));
  if (!running) return nullptr;
  for (std::size_t i = 0; i < value.size(); ++i) {
    PyObject* transaction = PyLong_FromLongLong(value[i]);
    if (transaction == nullptr) return nullptr;
    PyTuple_SET_ITEM(running.get(), static_cast<Py_ssize_t>(i), transaction);
  }
  return Py_BuildValue("(LLN)", static_cast<long long>(value.xmin), static_cast<long long>(value.xmax),
                       running.release());
}

bool encode_snapshot(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  // The number in this text is asyncpg's.
  const Ref items = as_items(object, 3, "invalid number of elements in txid_snapshot tuple, expecting 4");
  if (!items) return false;
  std::int64_t xmin = 0;
  std::int64_t xmax = 0;
  PyObject* transactions = PyTuple_GET_ITEM(items.get(), 2);
  if (PyObject_Length(transactions) < 0) return false;
  if (!to_int(PyTuple_GET_ITEM(items.get(), 0), xmin) || !to_int(PyTuple_GET_ITEM(items.get(), 1), xmax)) {
    return false;
  }
  const Ref running = Ref::steal(PySequence_Tuple(transactions));
  if (!running) return false;
  const auto start = out.position();
  const Py_ssize_t count = PyTuple_GET_SIZE(running.get());
  write_snapshot_header(out, static_cast<std::size_t>(count), xmin, xmax);
  for (Py_ssize_t i = 0; i < count; ++i) {
    std::int64_t transaction = 0;
    if (!to_int(PyTuple_GET_ITEM(running.get(), i), transaction)) return out.truncate(start), false;
    out.i64(transaction);
  }
  return true;
}

}  // namespace pgstride::python
