// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Nested containers seen as an array: how many dimensions, and which elements. Private to codecs/.
#pragma once

#include <span>
#include <vector>

#include "pgstride/protocol/codec/array.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

class ArrayShape {
 public:
  /// Containers must be nested regularly. Once this has been done, it does not matter what happens
  /// to them while their elements are encoded. False with a Python error set.
  bool measure(PyObject* container);

  /// None of an array without elements.
  std::span<const ArrayDimension> dimensions() const noexcept {
    return std::span(dimensions_).first(elements_.empty() ? 0 : ndim_);
  }
  /// In row-major order.
  const std::vector<Ref>& elements() const noexcept { return elements_; }

 private:
  bool walk(PyObject* container, std::size_t level);

  std::array<ArrayDimension, max_array_dimensions> dimensions_{};
  std::size_t ndim_ = 0;
  std::vector<Ref> elements_;
};

/// When an element was of the wrong type, the array had a wrong value: makes that out of the error
/// that is set. `index` is left out when it is negative.
void blame_element(Py_ssize_t index);

/// Imports collections.abc.Mapping.
bool prepare_arrays();

}  // namespace pgstride::python
