// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/record_layout.hpp"

namespace pgstride::python {

namespace {

PyTypeObject* layout_type = nullptr;

Layout* as_layout(PyObject* object) { return reinterpret_cast<Layout*>(object); }

// No tp_clear, here and in Record: as in a tuple, nothing changes after creation, so every cycle
// leads through some other object that can be cleared.
int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as_layout(self)->names);
  Py_VISIT(as_layout(self)->index);
  return 0;
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  Py_DECREF(as_layout(self)->names);
  Py_DECREF(as_layout(self)->index);
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

PyType_Slot slots[] = {
    {Py_tp_doc, const_cast<char*>("The names of a result's columns, shared by its records.")},
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {0, nullptr},
};

PyType_Spec spec = {
    .name = "pgstride.protocol.record.RecordDescriptor",
    .basicsize = sizeof(Layout),
    .itemsize = 0,
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

}  // namespace

Ref make_layout(PyObject* names, PyObject* index, bool atomic) {
  auto* layout = PyObject_GC_New(Layout, layout_type);
  if (layout == nullptr) return {};
  layout->names = Py_NewRef(names);
  layout->index = Py_NewRef(index);
  layout->atomic = atomic;
  auto* object = reinterpret_cast<PyObject*>(layout);
  PyObject_GC_Track(object);
  return Ref::steal(object);
}

Ref make_layout(PyObject* names, bool atomic) {
  if (!PyTuple_CheckExact(names)) {
    PyErr_SetString(PyExc_TypeError, "column names must be a tuple");
    return {};
  }
  auto index = Ref::steal(PyDict_New());
  if (!index) return {};
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); ++i) {
    PyObject* name = PyTuple_GET_ITEM(names, i);
    // A subclass of str could refer to anything; then no record of this layout could go untracked.
    if (!PyUnicode_CheckExact(name)) {
      PyErr_SetString(PyExc_TypeError, "column names must be strings");
      return {};
    }
    auto position = Ref::steal(PyLong_FromSsize_t(i));
    if (!position || PyDict_SetItem(index.get(), name, position.get()) < 0) return {};
  }
  return make_layout(names, index.get(), atomic);
}

Lookup find_column(PyObject* record, PyObject* name, Py_ssize_t& position) {
  PyObject* found = PyDict_GetItemWithError(layout_of(record).index, name);
  if (found == nullptr) {
    if (PyErr_Occurred() == nullptr) return Lookup::missing;
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return Lookup::failed;
    PyErr_Clear();  // what cannot be hashed is no column's name
    return Lookup::missing;
  }
  position = PyLong_CheckExact(found) ? PyLong_AsSsize_t(found) : -1;
  if (position >= 0 && position < Py_SIZE(record)) return Lookup::found;
  PyErr_SetString(PyExc_RuntimeError, "invalid record descriptor");
  return Lookup::failed;
}

bool add_layout_type(PyObject* module) {
  if (layout_type == nullptr) layout_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return layout_type != nullptr &&
         PyModule_AddObjectRef(module, "RecordDescriptor", reinterpret_cast<PyObject*>(layout_type)) == 0;
}

}  // namespace pgstride::python
