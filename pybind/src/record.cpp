// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/record.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "pgstride/pybind/src/record_iterators.hpp"
#include "pgstride/pybind/src/record_layout.hpp"
#include "pgstride/pybind/src/record_pickle.hpp"

namespace pgstride::python {

namespace {

PyTypeObject* type = nullptr;

Record* as_record(PyObject* object) { return reinterpret_cast<Record*>(object); }

/// The memory of dead records without the collector's head, by size, for the next ones of that size.
/// Guarded by the GIL.
class FreeList {
 public:
  /// As its last owner left it; null when there is none.
  Record* take(Py_ssize_t size) noexcept {
    if (size >= sizes) return nullptr;
    Stack& stack = stacks_[size];
    if (stack.top == nullptr) return nullptr;
    Record* top = as_record(stack.top);
    stack.top = top->layout;
    --stack.depth;
    return top;
  }

  bool keep(Record* record, Py_ssize_t size) noexcept {
    if (size >= sizes || stacks_[size].depth == deepest) return false;
    record->layout = stacks_[size].top;
    stacks_[size].top = reinterpret_cast<PyObject*>(record);
    ++stacks_[size].depth;
    return true;
  }

 private:
  static constexpr Py_ssize_t sizes = 20;
  static constexpr int deepest = 256;

  struct Stack {
    PyObject* top = nullptr;  // whose `layout` is the next one
    int depth = 0;
  };

  Stack stacks_[sizes];
};

FreeList free_list;

// --- life and death -----------------------------------------------------------------------------

/// Whether the garbage collector has a head of its own in front of the record. That of atomic values
/// needs none: a fifth less memory, and making rows sets off no collection. Where it is not so, the
/// collector asks (tp_is_gc), as it does for types, of which some are static and have no head either.
bool has_gc_head(PyObject* self) noexcept { return Py_TYPE(self) != type || !layout_of(self).atomic; }

int is_gc(PyObject* self) { return has_gc_head(self) ? 1 : 0; }

PyObject* allocate(PyTypeObject* wanted, const Layout& layout, Py_ssize_t size) {
  if (wanted != type) {
    // Only the type's own allocator knows where a subclass keeps its dict.
    PyObject* object = wanted->tp_alloc(wanted, size);
    if (object != nullptr) PyObject_GC_UnTrack(object);
    return object;
  }
  if (!layout.atomic) return reinterpret_cast<PyObject*>(PyObject_GC_NewVar(Record, type, size));
  if (Record* used = free_list.take(size)) {
    return reinterpret_cast<PyObject*>(PyObject_InitVar(reinterpret_cast<PyVarObject*>(used), type, size));
  }
  return reinterpret_cast<PyObject*>(PyObject_NewVar(Record, type, size));
}

void let_go(PyObject* self) {
  for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) Py_XDECREF(as_record(self)->items[i]);
  Py_DECREF(as_record(self)->layout);
}

void dealloc(PyObject* self) {
  PyTypeObject* own = Py_TYPE(self);
  if (!has_gc_head(self)) {
    // Without references to containers there is no deep chain of records to unwind either.
    const Py_ssize_t size = Py_SIZE(self);
    let_go(self);
    if (!free_list.keep(as_record(self), size)) PyObject_Free(self);
    Py_DECREF(own);
    return;
  }
  PyObject_GC_UnTrack(self);
  Py_TRASHCAN_BEGIN(self, dealloc);
  let_go(self);
  own->tp_free(self);
  Py_DECREF(own);
  Py_TRASHCAN_END
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as_record(self)->layout);
  for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) Py_VISIT(as_record(self)->items[i]);
  return 0;
}

// --- access -------------------------------------------------------------------------------------

Py_ssize_t length(PyObject* self) { return Py_SIZE(self); }

PyObject* item_at(PyObject* self, Py_ssize_t i) {
  if (i < 0 || i >= Py_SIZE(self)) {
    PyErr_SetString(PyExc_IndexError, "record index out of range");
    return nullptr;
  }
  return Py_NewRef(as_record(self)->items[i]);
}

PyObject* slice_of(PyObject* self, PyObject* slice) {
  Py_ssize_t start = 0;
  Py_ssize_t stop = 0;
  Py_ssize_t step = 0;
  if (PySlice_Unpack(slice, &start, &stop, &step) < 0) return nullptr;
  const Py_ssize_t count = PySlice_AdjustIndices(Py_SIZE(self), &start, &stop, step);
  PyObject* values = PyTuple_New(count);
  if (values == nullptr) return nullptr;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyTuple_SET_ITEM(values, i, Py_NewRef(as_record(self)->items[start + i * step]));
  }
  return values;
}

PyObject* item_named(PyObject* self, PyObject* name) {
  Py_ssize_t i = 0;
  switch (find_column(self, name, i)) {
    case Lookup::found: return Py_NewRef(as_record(self)->items[i]);
    case Lookup::failed: return nullptr;
    case Lookup::missing: break;
  }
  // A tuple set as the error would be taken for the arguments of KeyError.
  const auto args = Ref::steal(PyTuple_Pack(1, name));
  if (args) PyErr_SetObject(PyExc_KeyError, args.get());
  return nullptr;
}

PyObject* subscript(PyObject* self, PyObject* key) {
  if (PyUnicode_CheckExact(key)) return item_named(self, key);
  if (PyIndex_Check(key) != 0) {
    Py_ssize_t i = PyNumber_AsSsize_t(key, PyExc_IndexError);
    if (i == -1 && PyErr_Occurred() != nullptr) return nullptr;
    return item_at(self, i < 0 ? i + Py_SIZE(self) : i);
  }
  if (PySlice_Check(key)) return slice_of(self, key);
  return item_named(self, key);
}

int contains(PyObject* self, PyObject* name) {
  const int found = PyDict_Contains(layout_of(self).index, name);
  if (found >= 0 || PyErr_ExceptionMatches(PyExc_TypeError) == 0) return found;
  PyErr_Clear();  // not hashable, so no name
  return 0;
}

PyObject* get(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (count < 1 || count > 2) {
    return PyErr_Format(PyExc_TypeError, "Record.get() expected 1 or 2 arguments, got %zd", count);
  }
  Py_ssize_t i = 0;
  switch (find_column(self, args[0], i)) {
    case Lookup::found: return Py_NewRef(as_record(self)->items[i]);
    case Lookup::missing: return Py_NewRef(count == 2 ? args[1] : Py_None);
    case Lookup::failed: break;
  }
  return nullptr;
}

PyObject* keys(PyObject* self, PyObject*) { return PyObject_GetIter(layout_of(self).names); }
PyObject* values(PyObject* self, PyObject*) { return iterate_values(self); }
PyObject* items(PyObject* self, PyObject*) { return iterate_items(self); }

// --- as a value ---------------------------------------------------------------------------------

/// The values of a record or a tuple.
struct Values {
  explicit Values(PyObject* object)
      : first(is_record(object) ? as_record(object)->items
                                : reinterpret_cast<PyTupleObject*>(object)->ob_item),
        size(Py_SIZE(object)) {}

  PyObject* const* first;
  Py_ssize_t size;
};

PyObject* compare(PyObject* self, PyObject* other, int operation) {
  if (!is_record(other) && !PyTuple_Check(other)) Py_RETURN_NOTIMPLEMENTED;
  const Values left(self);
  const Values right(other);
  const Py_ssize_t common = std::min(left.size, right.size);
  for (Py_ssize_t i = 0; i < common; ++i) {
    const int equal = PyObject_RichCompareBool(left.first[i], right.first[i], Py_EQ);
    if (equal < 0) return nullptr;
    if (equal > 0) continue;
    if (operation == Py_EQ) Py_RETURN_FALSE;
    if (operation == Py_NE) Py_RETURN_TRUE;
    return PyObject_RichCompare(left.first[i], right.first[i], operation);
  }
  Py_RETURN_RICHCOMPARE(left.size, right.size, operation);
}

// By way of a tuple: how tuples are hashed differs between versions of Python.
Py_hash_t hash(PyObject* self) {
  const auto tuple = Ref::steal(PyTuple_New(Py_SIZE(self)));
  if (!tuple) return -1;
  for (Py_ssize_t i = 0; i < Py_SIZE(self); ++i) {
    PyTuple_SET_ITEM(tuple.get(), i, Py_NewRef(as_record(self)->items[i]));
  }
  return PyObject_Hash(tuple.get());
}

const char* class_name(PyObject* self) {
  const char* name = Py_TYPE(self)->tp_name;
  const char* dot = std::strrchr(name, '.');
  return dot != nullptr ? dot + 1 : name;
}

PyObject* describe(PyObject* self) {
  PyObject* names = layout_of(self).names;
  if (Py_SIZE(self) > PyTuple_GET_SIZE(names)) {
    PyErr_SetString(PyExc_RuntimeError, "invalid record mapping");
    return nullptr;
  }
  const auto parts = Ref::steal(PyList_New(1 + Py_SIZE(self)));
  const auto blank = Ref::steal(PyUnicode_FromString(" "));
  if (!parts || !blank) return nullptr;
  PyObject* part = PyUnicode_FromString(class_name(self));
  for (Py_ssize_t i = 0; part != nullptr; ++i) {
    PyList_SET_ITEM(parts.get(), i, part);
    if (i == Py_SIZE(self)) {
      const auto line = Ref::steal(PyUnicode_Join(blank.get(), parts.get()));
      return line ? PyUnicode_FromFormat("<%U>", line.get()) : nullptr;
    }
    part = PyUnicode_FromFormat("%S=%R", PyTuple_GET_ITEM(names, i), as_record(self)->items[i]);
  }
  return nullptr;
}

PyObject* repr(PyObject* self) {
  const int nested = Py_ReprEnter(self);
  if (nested != 0) return nested > 0 ? PyUnicode_FromFormat("<%s ...>", class_name(self)) : nullptr;
  PyObject* text = describe(self);
  Py_ReprLeave(self);
  return text;
}

// --- the type -----------------------------------------------------------------------------------

PyCFunction as_method(PyObject* (*function)(PyObject*, PyObject* const*, Py_ssize_t)) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef methods[] = {
    {"get", as_method(get), METH_FASTCALL, "The value of the column of that name, or the second argument."},
    {"keys", keys, METH_NOARGS, "An iterator over the names of the columns."},
    {"values", values, METH_NOARGS, "An iterator over the values."},
    {"items", items, METH_NOARGS, "An iterator over (name, value)."},
    {"__reduce__", reduce_record, METH_NOARGS, nullptr},
    {"__deepcopy__", deepcopy_record, METH_O, nullptr},
    {"__setstate__", set_record_state, METH_O, nullptr},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "For annotations: Record[...]."},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_doc, const_cast<char*>("One row: a tuple whose values also have names.")},
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {Py_tp_is_gc, reinterpret_cast<void*>(is_gc)},
    {Py_tp_repr, reinterpret_cast<void*>(repr)},
    {Py_tp_hash, reinterpret_cast<void*>(hash)},
    {Py_tp_richcompare, reinterpret_cast<void*>(compare)},
    {Py_tp_iter, reinterpret_cast<void*>(iterate_values)},
    {Py_tp_methods, methods},
    {Py_sq_length, reinterpret_cast<void*>(length)},
    {Py_sq_item, reinterpret_cast<void*>(item_at)},
    {Py_sq_contains, reinterpret_cast<void*>(contains)},
    {Py_mp_length, reinterpret_cast<void*>(length)},
    {Py_mp_subscript, reinterpret_cast<void*>(subscript)},
    {0, nullptr},
};

PyType_Spec spec = {
    .name = "pgstride.protocol.record.Record",
    .basicsize = offsetof(Record, items),
    .itemsize = sizeof(PyObject*),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

}  // namespace

PyObject* new_record(PyTypeObject* wanted, PyObject* layout, Py_ssize_t size) noexcept {
  PyObject* self = allocate(wanted, *reinterpret_cast<const Layout*>(layout), size);
  if (self == nullptr) return nullptr;
  as_record(self)->layout = Py_NewRef(layout);
  std::fill_n(as_record(self)->items, size, nullptr);
  return self;
}

void track_record(PyObject* record) noexcept {
  if (has_gc_head(record)) PyObject_GC_Track(record);
}

PyTypeObject* record_type() noexcept { return type; }

bool add_record_types(PyObject* module) {
  // A module may be initialised again; the records that exist keep their type.
  if (type == nullptr) type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return type != nullptr && PyModule_AddObjectRef(module, "Record", reinterpret_cast<PyObject*>(type)) == 0 &&
         add_layout_type(module) && add_record_iterators(module) && add_record_functions(module);
}

}  // namespace pgstride::python
