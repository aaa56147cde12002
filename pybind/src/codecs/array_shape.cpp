// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/codecs/array_shape.hpp"

#include <limits>

#include "pgstride/pybind/src/codecs/conversions.hpp"
#include "pgstride/pybind/src/record.hpp"

namespace pgstride::python {
namespace {

PyObject* mapping_type = nullptr;

enum class Kind { container, element, error };

Kind kind_of(PyObject* object) {
  if (PyList_CheckExact(object)) return Kind::container;
  // A tuple is a composite value, and so is a record.
  if (PyTuple_Check(object) || is_record(object)) return Kind::element;
  const int container = is_container(object);
  if (container < 0) return Kind::error;
  return container != 0 ? Kind::container : Kind::element;
}

bool refuse_shape() {
  PyErr_SetString(PyExc_ValueError, "non-homogeneous array");
  return false;
}

}  // namespace

int is_mapping(PyObject* object) {
  return PyDict_Check(object) ? 1 : PyObject_IsInstance(object, mapping_type);
}

int is_container(PyObject* object) {
  const PyTypeObject* type = Py_TYPE(object);
  if (type->tp_iter == nullptr) return 0;
  if (PyUnicode_Check(object) || PyBytes_Check(object) || PyByteArray_Check(object) ||
      PyMemoryView_Check(object)) {
    return 0;
  }
  const bool is_sized = (type->tp_as_sequence != nullptr && type->tp_as_sequence->sq_length != nullptr) ||
                        (type->tp_as_mapping != nullptr && type->tp_as_mapping->mp_length != nullptr);
  if (!is_sized) return 0;
  const int mapping = is_mapping(object);
  return mapping < 0 ? -1 : static_cast<int>(mapping == 0);
}

bool ArrayShape::measure(PyObject* container) {
  const int is_array = is_container(container);
  if (is_array == 0)
    PyErr_Format(PyExc_TypeError, "a sized iterable container expected (got type '%s')",
                 type_name(container));
  return is_array > 0 && walk(container, 0);
}

bool ArrayShape::walk(PyObject* container, std::size_t level) {
  if (level == dimensions_.size()) {
    PyErr_Format(PyExc_ValueError, "number of array dimensions (%zu) exceed the maximum expected (%d)",
                 level + 1, max_array_dimensions);
    return false;
  }
  const Ref items = Ref::steal(PySequence_Fast(container, "cannot be iterated over"));
  if (!items) return false;
  const Py_ssize_t size = PySequence_Fast_GET_SIZE(items.get());
  if (size > std::numeric_limits<std::int32_t>::max()) {
    PyErr_SetString(PyExc_ValueError, "too many elements in array value");
    return false;
  }
  // The first container of a level decides how many items and which kind of them the others have.
  const bool is_first = level == ndim_;
  if (is_first) {
    dimensions_[level].size = static_cast<std::int32_t>(size);
    ++ndim_;
  } else if (dimensions_[level].size != size) {
    return refuse_shape();
  }
  for (Py_ssize_t i = 0; i < size; ++i) {
    // isinstance() may run code of the user's, and a list can be changed by that.
    if (PySequence_Fast_GET_SIZE(items.get()) != size) return refuse_shape();
    Ref item = Ref::borrow(PySequence_Fast_GET_ITEM(items.get(), i));
    const Kind kind = kind_of(item.get());
    if (kind == Kind::error) return false;
    const bool is_leaf = level + 1 == ndim_ && !(is_first && i == 0 && kind == Kind::container);
    // Where the first container of a level has elements, whatever the others have is one.
    if (is_leaf ? is_first && kind == Kind::container : kind == Kind::element) return refuse_shape();
    if (is_leaf) {
      elements_.push_back(std::move(item));
    } else if (!walk(item.get(), level + 1)) {
      return false;
    }
  }
  return true;
}

void blame_element(Py_ssize_t index) {
  if (!PyErr_ExceptionMatches(PyExc_TypeError)) return;
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  const Ref owned[] = {Ref::steal(type), Ref::steal(value), Ref::steal(traceback)};
  PyObject* reason = value != nullptr ? value : Py_None;
  if (index >= 0) {
    PyErr_Format(PyExc_ValueError, "invalid array element at index %zd: %S", index, reason);
  } else {
    PyErr_Format(PyExc_ValueError, "invalid array element: %S", reason);
  }
}

bool prepare_arrays() {
  const Ref module = Ref::steal(PyImport_ImportModule("collections.abc"));
  if (module) mapping_type = PyObject_GetAttrString(module.get(), "Mapping");
  return mapping_type != nullptr;
}

}  // namespace pgstride::python
