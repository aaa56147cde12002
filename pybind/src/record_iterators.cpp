// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/record_iterators.hpp"

#include <algorithm>

#include "pgstride/pybind/src/record_layout.hpp"

namespace pgstride::python {

namespace {

struct RecordIterator {
  PyObject_HEAD PyObject* record;  // null when exhausted
  Py_ssize_t position;
  Py_ssize_t size;
};

PyTypeObject* values_type = nullptr;
PyTypeObject* items_type = nullptr;

RecordIterator* as_iterator(PyObject* object) { return reinterpret_cast<RecordIterator*>(object); }

PyObject* iterate(PyTypeObject* type, PyObject* record, Py_ssize_t size) {
  auto* iterator = PyObject_GC_New(RecordIterator, type);
  if (iterator == nullptr) return nullptr;
  iterator->record = Py_NewRef(record);
  iterator->position = 0;
  iterator->size = size;
  auto* object = reinterpret_cast<PyObject*>(iterator);
  PyObject_GC_Track(object);
  return object;
}

/// The position to yield now, or -1 at the end.
Py_ssize_t advance(RecordIterator& iterator) {
  if (iterator.record == nullptr) return -1;
  if (iterator.position < iterator.size) return iterator.position++;
  Py_CLEAR(iterator.record);
  return -1;
}

PyObject* next_value(PyObject* self) {
  const Py_ssize_t i = advance(*as_iterator(self));
  if (i < 0) return nullptr;
  return Py_NewRef(reinterpret_cast<Record*>(as_iterator(self)->record)->items[i]);
}

PyObject* next_item(PyObject* self) {
  const Py_ssize_t i = advance(*as_iterator(self));
  if (i < 0) return nullptr;
  PyObject* record = as_iterator(self)->record;
  PyObject* name = PyTuple_GET_ITEM(layout_of(record).names, i);
  return PyTuple_Pack(2, name, reinterpret_cast<Record*>(record)->items[i]);
}

PyObject* length_hint(PyObject* self, PyObject*) {
  const RecordIterator& iterator = *as_iterator(self);
  return PyLong_FromSsize_t(iterator.record == nullptr ? 0 : iterator.size - iterator.position);
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as_iterator(self)->record);
  return 0;
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  Py_XDECREF(as_iterator(self)->record);
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

PyMethodDef methods[] = {
    {"__length_hint__", length_hint, METH_NOARGS, "How many are still to come."},
    {nullptr, nullptr, 0, nullptr},
};

PyTypeObject* create_type(const char* name, iternextfunc next) {
  PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
      {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
      {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
      {Py_tp_iternext, reinterpret_cast<void*>(next)},
      {Py_tp_methods, methods},
      {0, nullptr},
  };
  PyType_Spec spec = {
      .name = name,
      .basicsize = sizeof(RecordIterator),
      .itemsize = 0,
      .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
               Py_TPFLAGS_DISALLOW_INSTANTIATION,
      .slots = slots,
  };
  return reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
}

bool add_type(PyObject* module, const char* name, PyTypeObject* type) {
  return type != nullptr && PyModule_AddObjectRef(module, name, reinterpret_cast<PyObject*>(type)) == 0;
}

}  // namespace

PyObject* iterate_values(PyObject* record) { return iterate(values_type, record, Py_SIZE(record)); }

PyObject* iterate_items(PyObject* record) {
  return iterate(items_type, record, std::min(Py_SIZE(record), PyTuple_GET_SIZE(layout_of(record).names)));
}

bool add_record_iterators(PyObject* module) {
  if (values_type == nullptr) {
    values_type = create_type("pgstride.protocol.record.RecordIterator", next_value);
  }
  if (items_type == nullptr) {
    items_type = create_type("pgstride.protocol.record.RecordItemsIterator", next_item);
  }
  return add_type(module, "RecordIterator", values_type) &&
         add_type(module, "RecordItemsIterator", items_type);
}

}  // namespace pgstride::python
