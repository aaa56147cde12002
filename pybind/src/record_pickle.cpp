// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/record_pickle.hpp"

#include "pgstride/pybind/src/record_layout.hpp"

namespace pgstride::python {

namespace {

PyObject* reconstructor = nullptr;  // _record, for __reduce__

PyObject* fill_record(PyTypeObject* type, PyObject* layout, PyObject* values) {
  const Py_ssize_t size = PyTuple_GET_SIZE(values);
  PyObject* record = new_record(type, layout, size);
  if (record == nullptr) return nullptr;
  for (Py_ssize_t i = 0; i < size; ++i) set_item(record, i, Py_NewRef(PyTuple_GET_ITEM(values, i)));
  track_record(record);
  return record;
}

/// By type, so that no record is: one in another, and so on, must not die without the trashcan.
bool are_atomic(PyObject* values) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(values); ++i) {
    if (PyType_IS_GC(Py_TYPE(PyTuple_GET_ITEM(values, i))) != 0) return false;
  }
  return true;
}

/// In a pickle of many records their names are one object, so they share a Layout again.
Ref shared_layout(PyObject* names, bool atomic) {
  static PyObject* recent[2] = {};
  PyObject*& last = recent[atomic];
  if (last != nullptr && reinterpret_cast<Layout*>(last)->names == names) return Ref::borrow(last);
  Ref layout = make_layout(names, atomic);
  if (layout) Py_XSETREF(last, Py_NewRef(layout.get()));
  return layout;
}

PyObject* record_from_pickle(PyObject*, PyObject* args) {
  PyObject* names = nullptr;
  PyObject* values = nullptr;
  auto* type = record_type();
  if (PyArg_ParseTuple(args, "O!O!|O!:_record", &PyTuple_Type, &names, &PyTuple_Type, &values, &PyType_Type,
                       &type) == 0) {
    return nullptr;
  }
  if (PyType_IsSubtype(type, record_type()) == 0) {
    PyErr_Format(PyExc_TypeError, "%R is not a subclass of Record", type);
    return nullptr;
  }
  if (PyTuple_GET_SIZE(names) != PyTuple_GET_SIZE(values)) {
    PyErr_SetString(PyExc_ValueError, "a record must have as many names as values");
    return nullptr;
  }
  const Ref layout = shared_layout(names, are_atomic(values));
  return layout ? fill_record(type, layout.get(), values) : nullptr;
}

PyObject* create_record(PyObject*, PyObject* args) {
  PyObject* mapping = nullptr;
  PyObject* values = nullptr;
  if (PyArg_ParseTuple(args, "OO!:_create_record", &mapping, &PyTuple_Type, &values) == 0) return nullptr;
  const auto index = mapping == Py_None ? Ref::steal(PyDict_New()) : Ref::borrow(mapping);
  if (!index) return nullptr;
  if (!PyDict_Check(index.get())) {
    PyErr_SetString(PyExc_TypeError, "the mapping of a record must be a dict or None");
    return nullptr;
  }
  const auto names = Ref::steal(PySequence_Tuple(index.get()));
  if (!names) return nullptr;
  const Ref layout = make_layout(names.get(), index.get(), false);
  return layout ? fill_record(record_type(), layout.get(), values) : nullptr;
}

/// The instance dict of a subclass's record; null without an error when there is none or it is empty.
/// Not by attribute access: subclasses like to define __getattr__.
Ref instance_dict(PyObject* record) {
  if (Py_TYPE(record) == record_type()) return {};
  auto dict = Ref::steal(PyObject_GenericGetDict(record, nullptr));
  if (!dict && PyErr_ExceptionMatches(PyExc_AttributeError)) PyErr_Clear();
  return dict && PyDict_GET_SIZE(dict.get()) > 0 ? dict : Ref();
}

PyMethodDef functions[] = {
    {"_record", record_from_pickle, METH_VARARGS,
     "_record(names, values, cls=Record): what pickles of records call."},
    {"_create_record", create_record, METH_VARARGS,
     "_create_record(mapping, values): a Record for tests, whose names and their positions are as given."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

PyObject* reduce_record(PyObject* self, PyObject*) {
  const auto values = Ref::steal(PySequence_Tuple(self));
  if (!values) return nullptr;
  PyObject* names = layout_of(self).names;
  const auto args =
      Ref::steal(Py_TYPE(self) == record_type() ? PyTuple_Pack(2, names, values.get())
                                                : PyTuple_Pack(3, names, values.get(), Py_TYPE(self)));
  if (!args) return nullptr;
  const Ref state = instance_dict(self);
  if (PyErr_Occurred() != nullptr) return nullptr;
  return state ? PyTuple_Pack(3, reconstructor, args.get(), state.get())
               : PyTuple_Pack(2, reconstructor, args.get());
}

// The copy module would do all this from __reduce__, but it asks the instance, not the type, for
// __deepcopy__, and a subclass's __getattr__ that knows only columns answers with KeyError.
PyObject* deepcopy_record(PyObject* self, PyObject* memo) {
  const auto copy = Ref::steal(PyImport_ImportModule("copy"));
  const auto reduced = call_method(self, "__reduce__");
  if (!copy || !reduced) return nullptr;
  PyObject* callable = nullptr;
  PyObject* args = nullptr;
  PyObject* state = Py_None;
  if (PyArg_ParseTuple(reduced.get(), "OO!|O", &callable, &PyTuple_Type, &args, &state) == 0) return nullptr;
  const Ref new_args = call_method(copy.get(), "deepcopy", args, memo);
  if (!new_args) return nullptr;
  auto result = Ref::steal(PyObject_CallObject(callable, new_args.get()));
  const auto key = Ref::steal(PyLong_FromVoidPtr(self));
  if (!result || !key || PyObject_SetItem(memo, key.get(), result.get()) < 0) return nullptr;
  if (state != Py_None) {
    const Ref new_state = call_method(copy.get(), "deepcopy", state, memo);
    if (!new_state || !call_method(result.get(), "__setstate__", new_state.get())) return nullptr;
  }
  return result.release();
}

PyObject* set_record_state(PyObject* self, PyObject* state) {
  const auto dict = Ref::steal(PyObject_GenericGetDict(self, nullptr));
  if (!dict || PyDict_Update(dict.get(), state) < 0) return nullptr;
  Py_RETURN_NONE;
}

bool add_record_functions(PyObject* module) {
  if (PyModule_AddFunctions(module, functions) < 0) return false;
  Py_XSETREF(reconstructor, PyObject_GetAttrString(module, "_record"));
  return reconstructor != nullptr;
}

}  // namespace pgstride::python
