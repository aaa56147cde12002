// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Python's calendar has the years 1 to 9999 and no infinities: its first and last moments stand for
// those, as they do in asyncpg.
#include "pgstride/protocol/codec/time.hpp"
#include "pgstride/pybind/src/codecs/conversions.hpp"
#include "pgstride/pybind/src/codecs/datetime.hpp"

namespace pgstride::python {
namespace {

constexpr std::int32_t first_year = 1;
constexpr std::int32_t last_year = 9999;
constexpr std::int32_t first_day = -730119;  // 0001-01-01
constexpr std::int32_t last_day = 2921939;   // 9999-12-31
constexpr std::int64_t first_moment = first_day * micros_per_day;
constexpr std::int64_t last_moment = (last_day + 1) * micros_per_day - 1;
constexpr std::int64_t epoch_ordinal = 730120;  // 2000-01-01, as date.toordinal() counts

// For the life of the process.
PyObject* first_datetime = nullptr;
PyObject* last_datetime = nullptr;
PyObject* first_date = nullptr;
PyObject* last_date = nullptr;

bool refuse_moment() {
  PyErr_SetString(PyExc_OverflowError, "date value out of range");
  return false;
}

PyObject* make_datetime(std::int64_t micros, PyObject* zone) {
  const DayAndTime parts = split_timestamp(micros);
  if (parts.days < first_day || parts.days > last_day) return refuse_moment(), nullptr;
  const CivilDate date = civil_from_days(parts.days);
  const ClockTime clock = clock_from_micros(parts.micros);
  return PyDateTimeAPI->DateTime_FromDateAndTime(date.year, date.month, date.day, clock.hour, clock.minute,
                                                 clock.second, clock.micro, zone,
                                                 PyDateTimeAPI->DateTimeType);
}

PyObject* decode_moment(Bytes bytes, const TypeCodec& codec, PyObject* zone) {
  std::int64_t micros = 0;
  if (!parse_timestamp(bytes, micros)) return malformed(bytes, codec);
  if (micros == timestamp_infinity) return Py_NewRef(last_datetime);
  if (micros == timestamp_minus_infinity) return Py_NewRef(first_datetime);
  return make_datetime(micros, zone);
}

std::int64_t day_of(PyObject* date) {
  return days_from_civil(PyDateTime_GET_YEAR(date), PyDateTime_GET_MONTH(date), PyDateTime_GET_DAY(date));
}

/// What the datetime shows on its face, whatever its zone.
std::int64_t moment_of(PyObject* datetime) {
  const std::int64_t seconds = PyDateTime_DATE_GET_HOUR(datetime) * 3600 +
                               PyDateTime_DATE_GET_MINUTE(datetime) * 60 +
                               PyDateTime_DATE_GET_SECOND(datetime);
  return day_of(datetime) * micros_per_day + seconds * micros_per_second +
         PyDateTime_DATE_GET_MICROSECOND(datetime);
}

void write_moment(std::int64_t micros, WriteBuffer& out) {
  if (micros == last_moment) micros = timestamp_infinity;
  if (micros == first_moment) micros = timestamp_minus_infinity;
  write_timestamp(out, micros);
}

/// In UTC it may lie beyond the calendar.
bool write_instant(std::int64_t micros, WriteBuffer& out) {
  if (micros < first_moment || micros > last_moment) return refuse_moment();
  write_moment(micros, out);
  return true;
}

/// A datetime, or the midnight with which a date begins.
Ref as_datetime(PyObject* object) {
  if (PyDateTime_Check(object)) return Ref::borrow(object);
  if (PyDate_Check(object)) {
    return Ref::steal(PyDateTime_FromDateAndTime(PyDateTime_GET_YEAR(object), PyDateTime_GET_MONTH(object),
                                                 PyDateTime_GET_DAY(object), 0, 0, 0, 0));
  }
  PyErr_Format(PyExc_TypeError, "expected a datetime.date or datetime.datetime instance, got '%s'",
               type_name(object));
  return {};
}

/// How far the datetime's zone is ahead of UTC, a timedelta; None if it has no zone or one that does
/// not say.
Ref utc_offset_of(PyObject* datetime) {
  if (PyDateTime_DATE_GET_TZINFO(datetime) == Py_None) return Ref::borrow(Py_None);
  Ref offset = call_method(datetime, "utcoffset");
  if (!offset || offset.get() == Py_None || PyDelta_Check(offset.get())) return offset;
  PyErr_Format(PyExc_TypeError, "expected utcoffset() to return None or a timedelta, got '%s'",
               type_name(offset.get()));
  return {};
}

std::int64_t micros_of_delta(PyObject* delta) {
  return PyDateTime_DELTA_GET_DAYS(delta) * micros_per_day +
         PyDateTime_DELTA_GET_SECONDS(delta) * micros_per_second + PyDateTime_DELTA_GET_MICROSECONDS(delta);
}

/// Takes the datetime for local time of this process; but the ends of the calendar are nowhere local.
bool encode_local(PyObject* datetime, WriteBuffer& out) {
  const std::int64_t shown = moment_of(datetime);
  if (shown == first_moment || shown == last_moment) return write_moment(shown, out), true;
  // astimezone() looks a day around for changes of the zone; in the calendar's first and last days it is asked about
  // others near by.
  constexpr int far_enough = 2;
  const int days = shown < first_moment + far_enough * micros_per_day  ? far_enough
                   : shown > last_moment - far_enough * micros_per_day ? -far_enough
                                                                       : 0;
  Ref local = Ref::borrow(datetime);
  if (days != 0) {  // a sum forgets which of an hour's two passes it was, the datetime's fold
    const Ref shift = Ref::steal(PyDelta_FromDSU(days, 0, 0));
    local = shift ? Ref::steal(PyNumber_Add(datetime, shift.get())) : Ref();
  }
  const Ref utc = local ? call_method(local.get(), "astimezone", PyDateTime_TimeZone_UTC) : Ref();
  if (!utc) return false;
  if (!PyDateTime_Check(utc.get())) {
    PyErr_Format(PyExc_TypeError, "expected astimezone() to return a datetime, got '%s'",
                 type_name(utc.get()));
    return false;
  }
  return write_instant(moment_of(utc.get()) - days * micros_per_day, out);
}

}  // namespace

bool prepare_timestamps() {
  PyDateTime_IMPORT;
  if (PyDateTimeAPI == nullptr) return false;
  const auto end_of = [](PyTypeObject* type, const char* end) {
    return PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), end);
  };
  first_date = end_of(PyDateTimeAPI->DateType, "min");
  last_date = end_of(PyDateTimeAPI->DateType, "max");
  first_datetime = end_of(PyDateTimeAPI->DateTimeType, "min");
  last_datetime = end_of(PyDateTimeAPI->DateTimeType, "max");
  return first_date != nullptr && last_date != nullptr && first_datetime != nullptr &&
         last_datetime != nullptr;
}

PyObject* decode_date(Bytes bytes, const TypeCodec& codec) {
  std::int32_t days = 0;
  if (!parse_date(bytes, days)) return malformed(bytes, codec);
  if (days == date_infinity) return Py_NewRef(last_date);
  if (days == date_minus_infinity) return Py_NewRef(first_date);
  const CivilDate date = civil_from_days(days);
  if (date.year < first_year) {
    PyErr_SetString(PyExc_ValueError, "ordinal must be >= 1");
    return nullptr;
  }
  if (date.year > last_year) return PyErr_Format(PyExc_ValueError, "year %d is out of range", date.year);
  return PyDateTimeAPI->Date_FromDate(date.year, date.month, date.day, PyDateTimeAPI->DateType);
}

bool encode_date(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  std::int64_t day = 0;
  if (PyDate_CheckExact(object) || PyDateTime_CheckExact(object)) {
    day = day_of(object);
  } else {
    const Ref result = call_method(object, "toordinal");
    const Ref ordinal = result ? Ref::steal(PyNumber_Index(result.get())) : Ref();
    if (!ordinal || !to_integer(ordinal.get(), day)) return false;
    if (__builtin_sub_overflow(day, epoch_ordinal, &day)) return refuse_moment();
  }
  if (day < min_date || day > max_date) return refuse_moment();
  if (day == first_day) day = date_minus_infinity;
  if (day == last_day) day = date_infinity;
  write_date(out, static_cast<std::int32_t>(day));
  return true;
}

PyObject* decode_timestamp(Bytes bytes, const TypeCodec& codec) {
  return decode_moment(bytes, codec, Py_None);
}

bool encode_timestamp(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  const Ref datetime = as_datetime(object);
  const Ref offset = datetime ? utc_offset_of(datetime.get()) : Ref();
  if (!offset) return false;
  if (offset.get() != Py_None) {
    PyErr_SetString(PyExc_TypeError, "can't subtract offset-naive and offset-aware datetimes");
    return false;
  }
  write_moment(moment_of(datetime.get()), out);
  return true;
}

PyObject* decode_timestamptz(Bytes bytes, const TypeCodec& codec) {
  return decode_moment(bytes, codec, PyDateTime_TimeZone_UTC);
}

bool encode_timestamptz(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  const Ref datetime = as_datetime(object);
  if (!datetime) return false;
  if (PyDateTime_DATE_GET_TZINFO(datetime.get()) == PyDateTime_TimeZone_UTC) {
    write_moment(moment_of(datetime.get()), out);
    return true;
  }
  const Ref offset = utc_offset_of(datetime.get());
  if (!offset) return false;
  if (offset.get() == Py_None) return encode_local(datetime.get(), out);
  return write_instant(moment_of(datetime.get()) - micros_of_delta(offset.get()), out);
}

}  // namespace pgstride::python
