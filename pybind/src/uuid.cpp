// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/uuid.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace pgstride::python {
namespace {

// What an instance has behind the slots of uuid.UUID, which stay empty.
struct State {
  Uuid value;
  Py_hash_t hash;  // 0: not asked for yet
};

PyTypeObject* uuid_type = nullptr;
PyObject* standard_type = nullptr;  // uuid.UUID
PyObject* unknown_safety = nullptr;
Py_ssize_t state_offset = 0;

State& state_of(PyObject* self) noexcept {
  return *reinterpret_cast<State*>(reinterpret_cast<char*>(self) + state_offset);
}

constexpr std::size_t hex_size = 32;

Ref hex_of(PyObject* self) {
  std::array<char, uuid_text_size> text;
  uuid_to_text(state_of(self).value, text.data());
  const auto end = std::remove(text.begin(), text.end(), '-');
  return Ref::steal(PyUnicode_FromStringAndSize(text.data(), end - text.begin()));
}

PyObject* get_int(PyObject* self, void*) {
  const Ref hex = hex_of(self);
  return hex ? PyLong_FromUnicodeObject(hex.get(), 16) : nullptr;
}

PyObject* get_hex(PyObject* self, void*) { return hex_of(self).release(); }

PyObject* get_bytes(PyObject* self, void*) {
  const auto bytes = as_text(state_of(self).value.bytes);
  return PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size()));
}

PyObject* get_is_safe(PyObject*, void*) { return Py_NewRef(unknown_safety); }

PyObject* str(PyObject* self) {
  std::array<char, uuid_text_size> text;
  uuid_to_text(state_of(self).value, text.data());
  return PyUnicode_FromStringAndSize(text.data(), text.size());
}

/// Equal UUIDs of either type must have the same hash, and uuid.UUID takes its int's.
Py_hash_t hash(PyObject* self) {
  State& state = state_of(self);
  if (state.hash == 0) {
    const Ref integer = Ref::steal(get_int(self, nullptr));
    if (!integer) return -1;
    state.hash = PyObject_Hash(integer.get());
  }
  return state.hash;
}

PyObject* compare(PyObject* self, PyObject* other, int op) {
  if (const Uuid* theirs = as_uuid(other)) {
    const Uuid& ours = state_of(self).value;
    const int order = std::memcmp(ours.bytes.data(), theirs->bytes.data(), ours.bytes.size());
    Py_RETURN_RICHCOMPARE(order, 0, op);
  }
  const int is_standard = PyObject_IsInstance(other, standard_type);
  if (is_standard < 0) return nullptr;
  if (is_standard == 0) Py_RETURN_NOTIMPLEMENTED;
  const Ref ours = Ref::steal(get_int(self, nullptr));
  const Ref theirs = attribute(other, "int");
  return ours && theirs ? PyObject_RichCompare(ours.get(), theirs.get(), op) : nullptr;
}

PyObject* reduce(PyObject* self, PyObject*) {
  return Py_BuildValue("O(N)", reinterpret_cast<PyObject*>(Py_TYPE(self)), get_bytes(self, nullptr));
}

bool uuid_from_bytes(PyObject* bytes, Uuid& value) {
  const auto size = PyBytes_GET_SIZE(bytes);
  if (parse_uuid(as_bytes({PyBytes_AS_STRING(bytes), static_cast<std::size_t>(size)}), value)) return true;
  PyErr_Format(PyExc_ValueError, "16 bytes were expected, got %zd", size);
  return false;
}

PyObject* construct(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  PyObject* source = nullptr;
  if (kwargs != nullptr && PyDict_GET_SIZE(kwargs) != 0) {
    PyErr_SetString(PyExc_TypeError, "UUID() takes no keyword arguments");
    return nullptr;
  }
  if (!PyArg_UnpackTuple(args, "UUID", 1, 1, &source)) return nullptr;
  Uuid value;
  if (PyBytes_Check(source)) return uuid_from_bytes(source, value) ? new_uuid(value) : nullptr;
  if (PyUnicode_Check(source)) return uuid_from_str(source, value) ? new_uuid(value) : nullptr;
  PyErr_Format(PyExc_TypeError, "a bytes or str object expected, got %R", source);
  return nullptr;
}

// The base's __init__ would insist on keyword arguments of its own.
int initialise(PyObject*, PyObject*, PyObject*) { return 0; }

PyGetSetDef attributes[] = {
    {"int", get_int, nullptr, nullptr, nullptr},     {"hex", get_hex, nullptr, nullptr, nullptr},
    {"bytes", get_bytes, nullptr, nullptr, nullptr}, {"is_safe", get_is_safe, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMethodDef methods[] = {
    {"__reduce__", reduce, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

template <class Function>
void* slot(Function* function) noexcept {
  return reinterpret_cast<void*>(function);
}

bool make_type() {
  const Ref module = Ref::steal(PyImport_ImportModule("uuid"));
  if (!module) return false;
  Ref standard = attribute(module.get(), "UUID");
  const Ref safety = attribute(module.get(), "SafeUUID");
  Ref unknown = safety ? attribute(safety.get(), "unknown") : Ref();
  const Ref bases = standard ? Ref::steal(PyTuple_Pack(1, standard.get())) : Ref();
  if (!unknown || !bases) return false;

  PyType_Slot slots[] = {
      {Py_tp_new, slot(construct)},
      {Py_tp_init, slot(initialise)},
      {Py_tp_str, slot(str)},
      {Py_tp_hash, slot(hash)},
      {Py_tp_richcompare, slot(compare)},
      {Py_tp_getset, attributes},
      {Py_tp_methods, methods},
      {0, nullptr},
  };
  state_offset = reinterpret_cast<PyTypeObject*>(standard.get())->tp_basicsize;
  PyType_Spec spec{"pgstride.pgproto.pgproto.UUID",
                   static_cast<int>(state_offset + Py_ssize_t{sizeof(State)}), 0, Py_TPFLAGS_DEFAULT, slots};
  uuid_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpecWithBases(&spec, bases.get()));
  standard_type = standard.release();
  unknown_safety = unknown.release();
  return uuid_type != nullptr;
}

constexpr int hex_value(Py_UCS4 c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<int>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<int>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<int>(c - 'A' + 10);
  return -1;
}

bool refuse_character(PyObject* text, Py_UCS4 c) {
  const Ref character = Ref::steal(PyUnicode_FromOrdinal(static_cast<int>(c)));
  if (character)
    PyErr_Format(PyExc_ValueError, "invalid UUID %R: unexpected character %R", text, character.get());
  return false;
}

}  // namespace

PyObject* new_uuid(const Uuid& value) noexcept {
  // Not tracked by the collector: it refers to nothing.
  PyObject* self = PyObject_GC_New(PyObject, uuid_type);
  if (self == nullptr) return nullptr;
  std::memset(reinterpret_cast<char*>(self) + sizeof(PyObject), 0,
              static_cast<std::size_t>(state_offset) - sizeof(PyObject));
  state_of(self) = {value, 0};
  return self;
}

const Uuid* as_uuid(PyObject* object) noexcept {
  return Py_IS_TYPE(object, uuid_type) ? &state_of(object).value : nullptr;
}

bool uuid_from_str(PyObject* text, Uuid& value) {
  Py_ssize_t size = 0;
  if (PyUnicode_AsUTF8AndSize(text, &size) == nullptr) return false;
  if (size < static_cast<Py_ssize_t>(hex_size) || size > static_cast<Py_ssize_t>(uuid_text_size)) {
    PyErr_Format(PyExc_ValueError, "invalid UUID %R: length must be between 32..36 characters, got %zd", text,
                 size);
    return false;
  }
  std::size_t count = 0;
  for (Py_ssize_t i = 0; i < PyUnicode_GET_LENGTH(text); ++i) {
    const Py_UCS4 c = PyUnicode_READ_CHAR(text, i);
    if (c == '-') continue;
    const int digit = hex_value(c);
    if (digit < 0) return refuse_character(text, c);
    if (count == hex_size) {
      PyErr_Format(PyExc_ValueError, "invalid UUID %R: decodes to more than 16 bytes", text);
      return false;
    }
    std::byte& byte = value.bytes[count / 2];
    byte = count % 2 == 0 ? static_cast<std::byte>(digit << 4) : byte | static_cast<std::byte>(digit);
    ++count;
  }
  if (count < hex_size) {
    PyErr_Format(PyExc_ValueError, "invalid UUID %R: decodes to less than 16 bytes", text);
    return false;
  }
  return true;
}

bool add_uuid_type(PyObject* module) {
  if (uuid_type == nullptr && !make_type()) return false;
  return PyModule_AddObjectRef(module, "UUID", reinterpret_cast<PyObject*>(uuid_type)) == 0;
}

}  // namespace pgstride::python
