// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Codecs that users define: their functions around one of the exchange formats.
#include "pgstride/pybind/src/codecs/user.hpp"

#include "pgstride/protocol/codec/time.hpp"
#include "pgstride/pybind/src/codecs/conversions.hpp"

namespace pgstride::python {
namespace {

// --- the tuples that stand for dates and times --------------------------------------------------

PyObject* decode_date_tuple(Bytes bytes, const TypeCodec& codec) {
  std::int32_t days = 0;
  return parse_date(bytes, days) ? Py_BuildValue("(i)", days) : malformed(bytes, codec);
}

PyObject* decode_timestamp_tuple(Bytes bytes, const TypeCodec& codec) {
  std::int64_t micros = 0;
  return parse_timestamp(bytes, micros) ? Py_BuildValue("(L)", static_cast<long long>(micros))
                                        : malformed(bytes, codec);
}

PyObject* decode_time_tuple(Bytes bytes, const TypeCodec& codec) {
  Time time;
  return parse_time(bytes, time) ? Py_BuildValue("(L)", static_cast<long long>(time.micros))
                                 : malformed(bytes, codec);
}

// The server counts offsets westwards.
PyObject* decode_timetz_tuple(Bytes bytes, const TypeCodec& codec) {
  TimeTz time;
  if (!parse_timetz(bytes, time)) return malformed(bytes, codec);
  return Py_BuildValue("(Li)", static_cast<long long>(time.micros), -time.utc_offset);
}

PyObject* decode_interval_tuple(Bytes bytes, const TypeCodec& codec) {
  Interval value;
  if (!parse_interval(bytes, value)) return malformed(bytes, codec);
  return Py_BuildValue("(iiL)", value.months, value.days, static_cast<long long>(value.micros));
}

/// The items of a tuple of exactly `count`.
Ref items_of(PyObject* object, Py_ssize_t count, const char* name) {
  Ref items = Ref::steal(PySequence_Tuple(object));
  if (!items || PyTuple_GET_SIZE(items.get()) == count) return items;
  PyErr_Format(PyExc_ValueError, "%s tuple encoder: expecting %zd element%s in tuple, got %zd", name, count,
               count == 1 ? "" : "s", PyTuple_GET_SIZE(items.get()));
  return {};
}

template <class Int>
bool item(const Ref& items, Py_ssize_t index, Int& value) {
  return to_integer(PyTuple_GET_ITEM(items.get(), index), value);
}

// Whether there is such a date or time is for the server to say.

bool encode_date_tuple(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  const Ref items = items_of(object, 1, "date");
  std::int32_t days = 0;
  if (!items || !item(items, 0, days)) return false;
  out.i32(days);
  return true;
}

bool encode_timestamp_tuple(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  const Ref items = items_of(object, 1, "timestamp");
  std::int64_t micros = 0;
  if (!items || !item(items, 0, micros)) return false;
  out.i64(micros);
  return true;
}

bool encode_time_tuple(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  const Ref items = items_of(object, 1, "time");
  std::int64_t micros = 0;
  if (!items || !item(items, 0, micros)) return false;
  out.i64(micros);
  return true;
}

bool encode_timetz_tuple(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  const Ref items = items_of(object, 2, "time");
  std::int64_t micros = 0;
  std::int32_t seconds_west = 0;
  if (!items || !item(items, 0, micros) || !item(items, 1, seconds_west)) return false;
  out.i64(micros);
  out.i32(seconds_west);
  return true;
}

bool encode_interval_tuple(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  const Ref items = items_of(object, 3, "interval");
  Interval value;
  if (!items || !item(items, 0, value.months) || !item(items, 1, value.days) || !item(items, 2, value.micros))
    return false;
  write_interval(out, value);
  return true;
}

struct TupleForm {
  TypeCodec::Decode decode = nullptr;
  TypeCodec::Encode encode = nullptr;
};

TupleForm tuple_form_of(const TypeCodec& base) noexcept {
  switch (base.type) {
    case oid::date: return {decode_date_tuple, encode_date_tuple};
    case oid::timestamp:
    case oid::timestamptz: return {decode_timestamp_tuple, encode_timestamp_tuple};
    case oid::time: return {decode_time_tuple, encode_time_tuple};
    case oid::timetz: return {decode_timetz_tuple, encode_timetz_tuple};
    case oid::interval: return {decode_interval_tuple, encode_interval_tuple};
    default: break;
  }
  if (base.decode == decode_composite) return {base.decode, base.encode};
  return {};
}

// --- the user's functions -----------------------------------------------------------------------

const UserCodec& user(const TypeCodec& codec) noexcept { return static_cast<const UserCodec&>(codec); }

PyObject* decode_exchanged(Bytes bytes, const UserCodec& codec) {
  switch (codec.exchange) {
    case UserCodec::Exchange::text: return decode_text(bytes, codec);
    case UserCodec::Exchange::binary: return decode_bytea(bytes, codec);
    case UserCodec::Exchange::tuple: break;
  }
  return tuple_form_of(*codec.base).decode(bytes, *codec.base);
}

PyObject* decode_by_user(Bytes bytes, const TypeCodec& codec) {
  const Ref decoder = user(codec).decoder;
  const Ref exchanged = Ref::steal(decode_exchanged(bytes, user(codec)));
  return exchanged ? PyObject_CallOneArg(decoder.get(), exchanged.get()) : nullptr;
}

bool encode_by_user(PyObject* object, WriteBuffer& out, const TypeCodec& codec) {
  const Ref encoder = user(codec).encoder;
  const Ref exchanged = Ref::steal(PyObject_CallOneArg(encoder.get(), object));
  if (!exchanged) return false;
  switch (user(codec).exchange) {
    case UserCodec::Exchange::text: return encode_text(exchanged.get(), out, codec);
    case UserCodec::Exchange::binary: return encode_bytea(exchanged.get(), out, codec);
    case UserCodec::Exchange::tuple: break;
  }
  const TypeCodec& base = *user(codec).base;
  return tuple_form_of(base).encode(exchanged.get(), out, base);
}

}  // namespace

const UserCodec* as_user_codec(const TypeCodec& codec) noexcept {
  return codec.decode == decode_by_user ? &user(codec) : nullptr;
}

bool has_tuple_form(const TypeCodec& base) noexcept { return tuple_form_of(base).decode != nullptr; }

CodecRef make_user_codec(CodecRef base, UserCodec::Exchange exchange, PyObject* encoder, PyObject* decoder,
                         const std::shared_ptr<const TextEncoding>& encoding) {
  auto codec = std::make_shared<UserCodec>();
  static_cast<TypeCodec&>(*codec) = *base;
  codec->format = exchange == UserCodec::Exchange::text ? Format::text : Format::binary;
  codec->decode = decode_by_user;
  codec->encode = encode_by_user;
  codec->atomic = false;
  codec->exchange = exchange;
  codec->encoder = Ref::borrow(encoder);
  codec->decoder = Ref::borrow(decoder);
  codec->base = std::move(base);
  codec->encoding = encoding;
  return codec;
}

}  // namespace pgstride::python
