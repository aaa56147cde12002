// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/type_codecs.hpp"

#include <string_view>

#include "pgstride/pybind/src/codecs/conversions.hpp"
#include "pgstride/pybind/src/codecs/user.hpp"

namespace pgstride::python {
namespace {

bool oid_of(PyObject* number, Oid& type) {
  const unsigned long value = PyLong_AsUnsignedLong(number);
  type = static_cast<Oid>(value);
  return !PyErr_Occurred();
}

/// A codec stands for others in derived ones, and in the plans of statements.
void install(PyObject* core, Oid type, CodecRef codec) {
  core_of(core).types().set_user_codec(type, std::move(codec));
  core_of(core).session().statements().clear();
}

bool exchange_of(PyObject* format, UserCodec::Exchange& exchange) {
  const char* text = PyUnicode_AsUTF8(format);
  if (text == nullptr) return false;
  const std::string_view name = text;
  exchange = name == "text"     ? UserCodec::Exchange::text
             : name == "binary" ? UserCodec::Exchange::binary
                                : UserCodec::Exchange::tuple;
  return true;
}

/// Whether what is read and written like a built-in type can be that in a format; '' is any.
bool exchange_as(TypeCodec& codec, std::string_view format) {
  if (std::string_view(codec.kind) != "scalar") return false;
  if (format.empty() || (format == "text") == (codec.format == Format::text)) return true;
  if (codec.format == Format::text) return false;
  switch (codec.type) {
    case oid::name:
    case oid::bpchar:
    case oid::varchar:
    case oid::text:
    case oid::xml: break;  // the same in both
    case oid::numeric:
      codec.decode = decode_numeric_text;
      codec.encode = encode_numeric_text;
      break;
    default: return false;
  }
  codec.format = Format::text;
  return true;
}

PyObject* refuse_tuple_form(PyObject* name) {
  const Ref type = exception_type("InterfaceError");
  if (!type) return nullptr;
  return PyErr_Format(type.get(), "%S type does not support the 'tuple' exchange format", name);
}

}  // namespace

bool TypeRequest::set_out() {
  const Ref items = Ref::steal(PySequence_Tuple(types_.get()));
  if (!items) return false;
  std::vector<Oid> unknown;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items.get()); ++i) {
    Oid type = 0;
    if (!oid_of(PyTuple_GET_ITEM(items.get(), i), type)) return false;
    core().types().note_unknown(type, unknown);
  }
  if (!unknown.empty() && look_up(std::move(unknown))) return true;
  if (lookup_failure()) return raise(lookup_failure()) != nullptr;
  finish();
  return true;
}

PyObject* TypeRequest::take_result() {
  if (lookup_failure() || has_error()) return raise(lookup_failure());
  Py_RETURN_NONE;
}

void TypeRequest::give_up() noexcept {
  stop_looking_up();
  core().disclaim(*this);
}

PyObject* set_type_codec(PyObject* core, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 5, "set_type_codec")) return nullptr;
  Oid type = 0;
  auto exchange = UserCodec::Exchange::text;
  if (!oid_of(args[0], type) || !exchange_of(args[4], exchange)) return nullptr;
  const CodecRef base = core_of(core).types().find_base(type);
  if (!base) return nullptr;
  if (exchange == UserCodec::Exchange::tuple && !has_tuple_form(*base)) return refuse_tuple_form(args[1]);
  install(core, type, make_user_codec(base, exchange, args[2], args[3], core_of(core).types().encoding()));
  Py_RETURN_NONE;
}

PyObject* set_type_alias(PyObject* core, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 5, "set_type_alias")) return nullptr;
  Oid type = 0;
  Oid like = 0;
  if (!oid_of(args[0], type) || (args[3] != Py_None && !oid_of(args[3], like))) return nullptr;
  auto codec = std::make_shared<DerivedCodec>();
  if (like != 0) {
    const CodecRef base = core_of(core).types().find_without_user(like);
    if (!base) return nullptr;
    static_cast<TypeCodec&>(*codec) = *base;
    codec->parts = {base};
    const char* format = args[4] == Py_None ? "" : PyUnicode_AsUTF8(args[4]);
    if (!format) return nullptr;
    if (!exchange_as(*codec, format)) Py_RETURN_FALSE;
  } else {
    codec->decode = decode_hstore;
    codec->encode = encode_hstore;
    codec->element = &text_codec();
    codec->atomic = false;
  }
  const char* name = PyUnicode_AsUTF8(args[1]);
  const char* schema = name ? PyUnicode_AsUTF8(args[2]) : nullptr;
  if (!schema) return nullptr;
  codec->type = type;
  codec->own_name = name;
  codec->own_schema = schema;
  codec->name = codec->own_name.c_str();
  codec->schema = codec->own_schema.c_str();
  install(core, type, std::move(codec));
  Py_RETURN_TRUE;
}

PyObject* reset_type_codec(PyObject* core, PyObject* oid) {
  Oid type = 0;
  if (!oid_of(oid, type)) return nullptr;
  install(core, type, nullptr);
  Py_RETURN_NONE;
}

PyObject* share_types(PyObject* core, PyObject* other) {
  if (!is_core(other)) return PyErr_Format(PyExc_TypeError, "a Core is required, not %R", Py_TYPE(other));
  core_of(core).share_types(core_of(other));
  Py_RETURN_NONE;
}

PyObject* forget_types(PyObject* core, PyObject*) {
  core_of(core).forget_types();
  Py_RETURN_NONE;
}

PyObject* known_type(PyObject* core, PyObject* oid) {
  Oid type = 0;
  if (!oid_of(oid, type)) return nullptr;
  Registry& types = core_of(core).types();
  std::vector<Oid> unknown;
  types.note_unknown(type, unknown);
  if (!unknown.empty()) {
    // Some have a name, but no values to read: trigger, say.
    for (const BuiltinType& named : pgstride::builtin_types)
      if (named.oid == type) return Py_BuildValue("(Isss)", type, named.name.data(), "scalar", "pg_catalog");
    Py_RETURN_NONE;
  }
  const CodecRef codec = types.find(type);
  return codec ? describe_type(type, *codec) : nullptr;
}

PyObject* builtin_types(PyObject*, PyObject*) {
  Ref names = Ref::steal(PyDict_New());
  for (const BuiltinType& type : pgstride::builtin_types) {
    const Ref oid = names ? Ref::steal(PyLong_FromUnsignedLong(type.oid)) : Ref();
    if (!oid || PyDict_SetItemString(names.get(), type.name.data(), oid.get()) != 0) return nullptr;
  }
  return names.release();
}

}  // namespace pgstride::python
