// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What users may change about a connection's types: codecs of their own, aliases of built-in ones, and
// what is to be forgotten when the schema has changed. Not performance-critical, except for the codecs.
#pragma once

#include "pgstride/pybind/src/exchange.hpp"

namespace pgstride::python {

/// Asks the catalogs for types by their OIDs. Its result is None.
class TypeRequest final : public Exchange {
 public:
  explicit TypeRequest(PyObject* core) noexcept : Exchange(core, nullptr) {}
  ~TypeRequest() override { give_up(); }

  /// `types` is a sequence of int. False with a Python error set.
  bool start(PyObject* types, PyObject* timeout) {
    types_ = Ref::borrow(types);
    return begin(timeout);
  }

  PyObject* take_result() override;
  void give_up() noexcept override;

 private:
  bool set_out() override;
  void types_known() noexcept override { finish(); }

  Ref types_;
};

// Methods of Core, with METH_FASTCALL.

/// set_type_codec(oid, name, encoder, decoder, format): the type is known; `name` is what errors call it.
PyObject* set_type_codec(PyObject* core, PyObject* const* args, Py_ssize_t count);
/// set_type_alias(oid, name, schema, like, format): what is read and written like the built-in type
/// `like` (an OID), or like hstore (None). False: that type cannot be exchanged in this format.
PyObject* set_type_alias(PyObject* core, PyObject* const* args, Py_ssize_t count);
/// reset_type_codec(oid)
PyObject* reset_type_codec(PyObject* core, PyObject* oid);
/// share_types(core): types are known and forgotten together with another connection's.
PyObject* share_types(PyObject* core, PyObject* other);
/// forget_types(): of the catalogs nothing is known any more, and no statement is cached.
PyObject* forget_types(PyObject* core, PyObject*);

/// known_type(oid): (oid, name, kind, schema), the user's codecs counted in; None when nothing is known of it.
PyObject* known_type(PyObject* core, PyObject* oid);

/// A dict of the built-in types: name to OID.
PyObject* builtin_types(PyObject* module, PyObject*);

}  // namespace pgstride::python
