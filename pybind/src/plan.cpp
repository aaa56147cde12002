// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/plan.hpp"

#include <algorithm>
#include <memory>

#include "pgstride/pybind/src/arguments.hpp"
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
    out.u16(1);
    out.i16(static_cast<std::int16_t>(Format::binary));
    return;
  }
  out.u16(static_cast<std::uint16_t>(codecs.size()));
  for (const TypeCodec* codec : codecs) out.i16(static_cast<std::int16_t>(codec->format));
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

Plan* Plan::of(Statement& statement, Registry& registry) {
  if (auto* plan = static_cast<Plan*>(statement.attachment())) return plan;
  std::unique_ptr<Plan> plan(new Plan);
  for (const Oid type : statement.parameters()) {
    if (!plan->add(type, registry, plan->parameters_)) return nullptr;
  }
  const Ref names = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(statement.columns().size())));
  if (!names) return nullptr;
  Py_ssize_t position = 0;
  bool atomic = true;
  for (const Column& column : statement.columns()) {
    if (!plan->add(column.type, registry, plan->columns_)) return nullptr;
    atomic = atomic && plan->columns_.back()->atomic;
    PyObject* name =
        PyUnicode_DecodeUTF8(column.name.data(), static_cast<Py_ssize_t>(column.name.size()), "replace");
    if (!name) return nullptr;
    PyUnicode_InternInPlace(&name);
    PyTuple_SET_ITEM(names.get(), position++, name);
  }
  plan->layout_ = make_layout(names.get(), atomic);
  if (!plan->layout_) return nullptr;
  plan->binary_parameters_ = all_binary(plan->parameters_);
  plan->binary_columns_ = all_binary(plan->columns_);
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

PyObject* Plan::decode(DataRow row, PyTypeObject* type) const {
  PyObject* record = new_record(type, layout_.get(), static_cast<Py_ssize_t>(columns_.size()));
  if (!record) return nullptr;
  Py_ssize_t position = 0;
  for (const TypeCodec* codec : columns_) {
    const Field field = row.next();
    PyObject* value = field.null ? Py_NewRef(Py_None) : codec->decode(field.bytes, *codec);
    if (!value) [[unlikely]] {
      Py_DECREF(record);
      return nullptr;
    }
    set_item(record, position++, value);
  }
  track_record(record);
  return record;
}

}  // namespace pgstride::python
