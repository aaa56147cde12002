// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Plan once, run per row: what a described statement's values are encoded and decoded with.
#pragma once

#include <vector>

#include "pgstride/driver/loop/loop.hpp"
#include "pgstride/protocol/statement.hpp"
#include "pgstride/pybind/src/codec.hpp"
#include "pgstride/pybind/src/python.hpp"
#include "pgstride/pybind/src/registry.hpp"
#include "pgstride/pybind/src/repeats.hpp"

namespace pgstride::python {

class Plan final : public Statement::Attachment {
 public:
  /// The plan of a ready statement, made when first asked for. `registry` knows all of the statement's
  /// types. Null with a Python error set.
  static Plan* of(Statement& statement, Registry& registry);
  /// Whether it has been made, for the encoding there is now: then the types need not be looked at again.
  static bool exists_for(const Statement& statement, const Registry& registry) noexcept {
    const auto* plan = static_cast<const Plan*>(statement.attachment());
    return plan != nullptr && plan->encoding_ == registry.encoding();
  }

  /// When the statement was first used.
  TimePoint made_at() const noexcept { return made_at_; }
  void set_made_at(TimePoint at) noexcept { made_at_ = at; }
  /// The statement in Python's hands, which takes itself back when it goes; null: there is none.
  PyObject* handle() const noexcept { return handle_; }
  void set_handle(PyObject* handle) noexcept { handle_ = handle; }

  const std::vector<const TypeCodec*>& parameters() const noexcept { return parameters_; }
  const std::vector<const TypeCodec*>& columns() const noexcept { return columns_; }
  /// Of the columns: a tuple of str, borrowed.
  PyObject* names() const noexcept { return names_.get(); }

  /// Writes parameter formats and values into an open Bind. False with a Python error set.
  bool encode_arguments(PyObject* const* args, Py_ssize_t count, WriteBuffer& out) const;
  /// One set of arguments of many: any sequence. `position` (from 0) is its place among them.
  bool encode_set(PyObject* set, Py_ssize_t position, WriteBuffer& out) const;
  void encode_result_formats(WriteBuffer& out) const;
  /// Whether tuples of COPY's binary format can be made of records; false with a Python error set.
  bool can_write_records(const Statement& statement) const;
  /// Such a tuple, from whatever can be indexed. What it has too much is ignored.
  bool encode_record(PyObject* record, WriteBuffer& out) const;
  /// A new Record (or `type`, a subclass); null with a Python error set. `repeats`: null, or what was in
  /// the rows before.
  PyObject* decode(DataRow row, PyTypeObject* type, Repeats* repeats) const;

 private:
  Plan() = default;

  /// Negative `set`: the arguments are the only ones.
  bool encode(PyObject* const* args, Py_ssize_t count, Py_ssize_t set, WriteBuffer& out) const;
  bool choose_codecs(const Statement& statement, Registry& registry);
  bool add(Oid type, Registry& registry, std::vector<const TypeCodec*>& codecs);

  std::vector<const TypeCodec*> parameters_;
  std::vector<const TypeCodec*> columns_;
  std::vector<CodecRef> keep_;                    // what those two point to
  std::shared_ptr<const TextEncoding> encoding_;  // that they are for
  Ref names_;
  Ref layout_;
  TimePoint made_at_{};
  PyObject* handle_ = nullptr;     // not owned
  bool binary_parameters_ = true;  // one format code says it all
  bool binary_columns_ = true;
};

}  // namespace pgstride::python
