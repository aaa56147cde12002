// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/numeric.hpp"

#include <charconv>
#include <memory>
#include <string_view>

#include "pgstride/pybind/src/codecs/conversions.hpp"

namespace pgstride::python {
namespace {

// Borrowed from the module decimal, for the life of the process.
PyTypeObject* decimal_type = nullptr;
PyObject* create_decimal = nullptr;  // of a context in which nothing is rounded
PyObject* nan = nullptr;
PyObject* infinity = nullptr;
PyObject* minus_infinity = nullptr;

constexpr int digits_per_group = 4;
constexpr std::size_t longest_exponent = 8;  // E131068
constexpr long max_integer_digits = 131072;

/// Takes off the groups of zeros, before the point, that the server did not send; they become an
/// exponent, because that is where asyncpg has them and as_tuple() shows it.
int take_zero_groups(NumericView& value) noexcept {
  const int count = value.weight + 1 - value.ndigits;
  if (value.dscale > 0 || value.ndigits == 0 || count <= 0) return 0;
  value.weight -= count;
  return count;
}

char* spell(const NumericView& value, int zero_groups, char* out) noexcept {
  out = numeric_to_text(value, out);
  if (zero_groups == 0) return out;
  *out++ = 'E';
  return std::to_chars(out, out + longest_exponent, digits_per_group * zero_groups).ptr;
}

PyObject* make_decimal(const char* text, const char* end) {
  const Ref string = Ref::steal(make_ascii(text, static_cast<std::size_t>(end - text)));
  return string ? PyObject_CallOneArg(create_decimal, string.get()) : nullptr;
}

/// Says why write_numeric() did not take the Decimal.
bool refuse_decimal(PyObject* decimal) {
  const Ref adjusted = call_method(decimal, "adjusted");
  if (!adjusted) return false;
  const long power = PyLong_AsLong(adjusted.get());
  if (power == -1 && PyErr_Occurred()) return false;
  PyErr_Format(PyExc_ValueError, "cannot encode Decimal value into numeric: exponent is too %s",
               power < max_integer_digits ? "small" : "large");
  return false;
}

bool encode_decimal(PyObject* decimal, WriteBuffer& out) {
  // The type's own str(), whatever a subclass makes of it.
  const Ref string = Ref::steal(decimal_type->tp_str(decimal));
  if (!string) return false;
  Py_ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(string.get(), &size);
  if (data == nullptr) return false;
  std::string_view text(data, static_cast<std::size_t>(size));
  // Signs, payloads and the signalling kind are Python's alone.
  if (text.find("NaN") != std::string_view::npos) text = "NaN";
  if (write_numeric(out, text)) return true;
  out.take_failure();
  return refuse_decimal(decimal);
}

}  // namespace

bool prepare_numeric() {
  const Ref module = Ref::steal(PyImport_ImportModule("decimal"));
  if (!module) return false;
  const auto get = [&](const char* name) { return attribute(module.get(), name); };
  Ref type = get("Decimal");
  const Ref context = get("Context");
  const Ref precision = get("MAX_PREC");
  const Ref most = get("MAX_EMAX");
  const Ref least = get("MIN_EMIN");
  if (!type || !context || !precision || !most || !least) return false;
  const Ref exact = Ref::steal(PyObject_CallFunction(context.get(), "OOOOiiO", precision.get(), Py_None,
                                                     least.get(), most.get(), 1, 0, Py_None));
  Ref create = exact ? attribute(exact.get(), "create_decimal") : Ref();
  if (!create) return false;
  const auto make = [&](const char* text) { return PyObject_CallFunction(create.get(), "s", text); };
  nan = make("NaN");
  infinity = make("Infinity");
  minus_infinity = make("-Infinity");
  if (nan == nullptr || infinity == nullptr || minus_infinity == nullptr) return false;
  create_decimal = create.release();
  decimal_type = reinterpret_cast<PyTypeObject*>(type.release());
  return true;
}

PyObject* decode_numeric(Bytes bytes, const TypeCodec& codec) {
  NumericView value;
  if (!parse_numeric(bytes, value)) return malformed(bytes, codec);
  switch (value.sign) {
    case NumericSign::nan: return Py_NewRef(nan);
    case NumericSign::positive_infinity: return Py_NewRef(infinity);
    case NumericSign::negative_infinity: return Py_NewRef(minus_infinity);
    default: break;
  }
  const int zero_groups = take_zero_groups(value);
  const std::size_t room = max_numeric_text_size(value) + longest_exponent;
  char shorter[128];
  if (room <= sizeof shorter) return make_decimal(shorter, spell(value, zero_groups, shorter));
  const auto longer = std::make_unique_for_overwrite<char[]>(room);
  return make_decimal(longer.get(), spell(value, zero_groups, longer.get()));
}

bool encode_numeric(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  if (PyObject_TypeCheck(object, decimal_type)) return encode_decimal(object, out);
  const Ref decimal = Ref::steal(PyObject_CallOneArg(reinterpret_cast<PyObject*>(decimal_type), object));
  return decimal && encode_decimal(decimal.get(), out);
}

PyObject* decode_numeric_text(Bytes bytes, const TypeCodec& codec) {
  const Ref text = Ref::steal(decode_text(bytes, codec));
  return text ? PyObject_CallOneArg(create_decimal, text.get()) : nullptr;
}

bool encode_numeric_text(PyObject* object, WriteBuffer& out, const TypeCodec& codec) {
  const Ref text = Ref::steal(PyObject_Str(object));
  return text && encode_text(text.get(), out, codec);
}

}  // namespace pgstride::python
