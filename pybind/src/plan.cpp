// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/plan.hpp"

#include <algorithm>
#include <memory>

#include "pgstride/protocol/frontend.hpp"
#include "pgstride/pybind/src/call_arguments.hpp"
#include "pgstride/pybind/src/failure.hpp"
#include "pgstride/pybind/src/record.hpp"

namespace pgstride::python {
namespace {

bool all_binary(const std::vector<const TypeCodec*>& codecs) noexcept {
  return std::all_of(codecs.begin(), codecs.end(),
                     [](const TypeCodec* c) { return c->format == Format::binary; });
}

// One code stands for all values when they agree, which they mostly do.
void write_formats(const std::vector<const TypeCodec*>& codecs, bool binary, WriteBuffer& out) {
  if (binary) {
    frontend::all_binary(out);
    return;
  }
  out.u16(static_cast<std::uint16_t>(codecs.size()));
  for (const TypeCodec* codec : codecs) out.i16(static_cast<std::int16_t>(codec->format));
}

/// A tuple of str. Names keep the encoding that they came in.
Ref names_of(const Columns& columns, const TextEncoding* encoding) {
  Ref names = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(columns.size())));
  Py_ssize_t position = 0;
  for (const Column& column : columns) {
    PyObject* name = names ? make_server_text(column.name, encoding).release() : nullptr;
    if (!name) return {};
    PyUnicode_InternInPlace(&name);
    PyTuple_SET_ITEM(names.get(), position++, name);
  }
  return names;
}

Ref item_of(PyObject* record, Py_ssize_t position) {
  if (PySequence_Check(record)) return Ref::steal(PySequence_GetItem(record, position));
  const Ref key = Ref::steal(PyLong_FromSsize_t(position));
  return key ? Ref::steal(PyObject_GetItem(record, key.get())) : Ref();
}

}  // namespace

bool Plan::add(Oid type, Registry& registry, std::vector<const TypeCodec*>& codecs) {
  CodecRef codec = registry.find(type);
  if (!codec) return false;
  codecs.push_back(codec.get());
  keep_.push_back(std::move(codec));
  return true;
}

bool Plan::choose_codecs(const Statement& statement, Registry& registry) {
  Plan chosen;  // all of them or none
  for (const Oid type : statement.parameters()) {
    if (!chosen.add(type, registry, chosen.parameters_)) return false;
  }
  for (const Column& column : statement.columns()) {
    if (!chosen.add(column.type, registry, chosen.columns_)) return false;
  }
  const bool atomic = std::all_of(chosen.columns_.begin(), chosen.columns_.end(),
                                  [](const TypeCodec* codec) { return codec->atomic; });
  const Ref names = names_ ? names_ : names_of(statement.columns(), registry.encoding().get());
  const Ref layout = names ? make_layout(names.get(), atomic) : Ref();
  if (!layout) return false;
  names_ = names;
  layout_ = layout;
  parameters_.swap(chosen.parameters_);
  columns_.swap(chosen.columns_);
  keep_.swap(chosen.keep_);
  binary_parameters_ = all_binary(parameters_);
  binary_columns_ = all_binary(columns_);
  encoding_ = registry.encoding();
  return true;
}

Plan* Plan::of(Statement& statement, Registry& registry) {
  if (auto* plan = static_cast<Plan*>(statement.attachment())) {
    if (plan->encoding_ == registry.encoding()) [[likely]]
      return plan;
    return plan->choose_codecs(statement, registry) ? plan : nullptr;
  }
  std::unique_ptr<Plan> plan(new Plan);
  if (!plan->choose_codecs(statement, registry)) return nullptr;
  Plan* raw = plan.get();
  statement.attach(std::move(plan));
  return raw;
}

bool Plan::encode_arguments(PyObject* const* args, Py_ssize_t count, WriteBuffer& out) const {
  return encode(args, count, -1, out);
}

bool Plan::encode_set(PyObject* set, Py_ssize_t position, WriteBuffer& out) const {
  if (PyTuple_CheckExact(set)) return encode(&PyTuple_GET_ITEM(set, 0), PyTuple_GET_SIZE(set), position, out);
  if (!PySequence_Check(set)) return refuse_set(position, set);
  // A copy, for a list may be changed by the code that its items run.
  const Ref items = Ref::steal(PySequence_Tuple(set));
  return items && encode(&PyTuple_GET_ITEM(items.get(), 0), PyTuple_GET_SIZE(items.get()), position, out);
}

bool Plan::encode(PyObject* const* args, Py_ssize_t count, Py_ssize_t set, WriteBuffer& out) const {
  if (count != static_cast<Py_ssize_t>(parameters_.size()))
    return refuse_argument_count(parameters_.size(), count);
  write_formats(parameters_, binary_parameters_, out);
  out.u16(static_cast<std::uint16_t>(count));
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (args[i] == Py_None) {
      out.i32(-1);
      continue;
    }
    const TypeCodec& codec = *parameters_[static_cast<std::size_t>(i)];
    const ValueLength length(out);
    if (!codec.encode) return refuse_type(i, codec);
    if (!codec.encode(args[i], out, codec)) return refuse_argument(i, args[i], set);
  }
  return true;
}

bool Plan::can_write_records(const Statement& statement) const {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i]->encode && columns_[i]->format == Format::binary) continue;
    return refuse_copied_column(statement.columns()[i].type, *columns_[i]);
  }
  return true;
}

bool Plan::encode_record(PyObject* record, WriteBuffer& out) const {
  out.u16(static_cast<std::uint16_t>(columns_.size()));
  const Py_ssize_t in_tuple = PyTuple_CheckExact(record) ? PyTuple_GET_SIZE(record) : 0;
  Py_ssize_t position = 0;
  for (const TypeCodec* codec : columns_) {
    const Ref value =
        position < in_tuple ? Ref::borrow(PyTuple_GET_ITEM(record, position)) : item_of(record, position);
    if (!value) return false;
    ++position;
    if (value.get() == Py_None) {
      out.i32(-1);
      continue;
    }
    const ValueLength length(out);
    if (!codec->encode(value.get(), out, *codec)) return false;
  }
  return true;
}

void Plan::encode_result_formats(WriteBuffer& out) const { write_formats(columns_, binary_columns_, out); }

PyObject* Plan::decode(DataRow row, PyTypeObject* type, Repeats* repeats) const {
  PyObject* record = new_record(type, layout_.get(), static_cast<Py_ssize_t>(columns_.size()));
  if (!record) return nullptr;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const TypeCodec& codec = *columns_[i];
    const Field field = row.next();
    PyObject* value = field.null ? Py_NewRef(Py_None)
                      : repeats  ? repeats->decode(i, field.bytes, codec)
                                 : codec.decode(field.bytes, codec);
    if (!value) [[unlikely]] {
      Py_DECREF(record);
      return nullptr;
    }
    set_item(record, static_cast<Py_ssize_t>(i), value);
  }
  track_record(record);
  return record;
}

}  // namespace pgstride::python
