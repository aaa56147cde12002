// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/time.hpp"

#include <array>
#include <limits>

#include "pgstride/pybind/src/codecs/conversions.hpp"
#include "pgstride/pybind/src/codecs/datetime.hpp"

namespace pgstride::python {
namespace {

constexpr int days_per_month = 30;
constexpr int days_per_year = 365;
constexpr std::int64_t seconds_per_day = 86400;

// Zones are nearly always whole quarters of an hour away from UTC. Those are made once.
constexpr std::int32_t quarter = 900;
constexpr std::int32_t most_quarters = max_utc_offset / quarter;
std::array<PyObject*, 2 * most_quarters + 1> quarter_zones{};

PyObject* refuse_interval() {
  PyErr_SetString(PyExc_OverflowError, "interval out of the range of timedelta");
  return nullptr;
}

/// The microseconds are less than a day, in either direction.
PyObject* make_delta(std::int64_t days, std::int64_t micros) {
  if (micros < 0) {
    --days;
    micros += micros_per_day;
  }
  if (days < std::numeric_limits<int>::min() || days > std::numeric_limits<int>::max())
    return refuse_interval();
  return PyDelta_FromDSU(static_cast<int>(days), static_cast<int>(micros / micros_per_second),
                         static_cast<int>(micros % micros_per_second));
}

Ref make_zone(std::int32_t utc_offset) {
  const Ref delta = Ref::steal(make_delta(0, utc_offset * micros_per_second));
  return delta ? Ref::steal(PyTimeZone_FromOffset(delta.get())) : Ref();
}

Ref zone_of(std::int32_t utc_offset) {
  if (utc_offset % quarter != 0) return make_zone(utc_offset);
  PyObject*& zone = quarter_zones.begin()[utc_offset / quarter + most_quarters];
  if (zone == nullptr) zone = make_zone(utc_offset).release();
  return Ref::borrow(zone);
}

PyObject* make_time(std::int64_t micros, PyObject* zone) {
  const ClockTime clock = clock_from_micros(micros);
  // Says itself that Python has no 24:00.
  return PyDateTimeAPI->Time_FromTime(clock.hour, clock.minute, clock.second, clock.micro, zone,
                                      PyDateTimeAPI->TimeType);
}

template <class Int>
bool get_integer(PyObject* object, const char* name, Int& value) {
  const Ref part = attribute(object, name);
  const Ref integer = part ? Ref::steal(PyNumber_Index(part.get())) : Ref();
  return integer && to_integer(integer.get(), value);
}

bool clock_of(PyObject* object, ClockTime& clock) {
  if (PyTime_Check(object)) {
    clock = {PyDateTime_TIME_GET_HOUR(object), PyDateTime_TIME_GET_MINUTE(object),
             PyDateTime_TIME_GET_SECOND(object), PyDateTime_TIME_GET_MICROSECOND(object)};
    return true;
  }
  return get_integer(object, "hour", clock.hour) && get_integer(object, "minute", clock.minute) &&
         get_integer(object, "second", clock.second) && get_integer(object, "microsecond", clock.micro);
}

bool time_of(PyObject* object, std::int64_t& micros) {
  ClockTime clock;
  if (!clock_of(object, clock)) return false;
  const std::int64_t seconds =
      std::int64_t{clock.hour} * 3600 + std::int64_t{clock.minute} * 60 + clock.second;
  micros = seconds * micros_per_second + clock.micro;
  if (is_valid_time(micros)) return true;
  PyErr_SetString(PyExc_ValueError, "time out of range");
  return false;
}

struct Delta {
  std::int32_t days = 0;
  std::int64_t seconds = 0;
  std::int64_t micros = 0;
};

/// A timedelta, or anything that has these three attributes.
bool delta_of(PyObject* object, Delta& delta) {
  if (PyDelta_Check(object)) {
    delta = {PyDateTime_DELTA_GET_DAYS(object), PyDateTime_DELTA_GET_SECONDS(object),
             PyDateTime_DELTA_GET_MICROSECONDS(object)};
    return true;
  }
  return get_integer(object, "days", delta.days) && get_integer(object, "seconds", delta.seconds) &&
         get_integer(object, "microseconds", delta.micros);
}

/// What the object's zone says without being told a date.
bool utc_offset_of(PyObject* object, std::int32_t& utc_offset) {
  const Ref zone = attribute(object, "tzinfo");
  const Ref offset = zone ? call_method(zone.get(), "utcoffset", Py_None) : Ref();
  Delta delta;
  if (!offset || !delta_of(offset.get(), delta)) return false;
  std::int64_t seconds = delta.days * seconds_per_day;
  if (__builtin_add_overflow(seconds, delta.seconds, &seconds) || seconds < -max_utc_offset ||
      seconds > max_utc_offset) {
    PyErr_SetString(PyExc_ValueError, "time zone displacement out of range");
    return false;
  }
  utc_offset = static_cast<std::int32_t>(seconds);
  return true;
}

}  // namespace

bool prepare_times() {
  PyDateTime_IMPORT;
  return PyDateTimeAPI != nullptr;
}

PyObject* decode_time(Bytes bytes, const TypeCodec& codec) {
  Time value;
  if (!parse_time(bytes, value)) return malformed(bytes, codec);
  return make_time(value.micros, Py_None);
}

bool encode_time(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  Time value;
  if (!time_of(object, value.micros)) return false;
  write_time(out, value);
  return true;
}

PyObject* decode_timetz(Bytes bytes, const TypeCodec& codec) {
  TimeTz value;
  if (!parse_timetz(bytes, value)) return malformed(bytes, codec);
  const Ref zone = zone_of(value.utc_offset);
  return zone ? make_time(value.micros, zone.get()) : nullptr;
}

bool encode_timetz(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  TimeTz value;
  if (!utc_offset_of(object, value.utc_offset) || !time_of(object, value.micros)) return false;
  write_timetz(out, value);
  return true;
}

PyObject* decode_interval(Bytes bytes, const TypeCodec& codec) {
  Interval value;
  if (!parse_interval(bytes, value)) return malformed(bytes, codec);
  if (value == Interval::infinity() || value == Interval::minus_infinity()) return refuse_interval();
  const std::int64_t days = std::int64_t{value.days} + std::int64_t{value.months / 12} * days_per_year +
                            std::int64_t{value.months % 12} * days_per_month;
  return make_delta(days + value.micros / micros_per_day, value.micros % micros_per_day);
}

bool encode_interval(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  Delta delta;
  if (!delta_of(object, delta)) return false;
  Interval value;
  value.days = delta.days;
  if (__builtin_mul_overflow(delta.seconds, micros_per_second, &value.micros) ||
      __builtin_add_overflow(value.micros, delta.micros, &value.micros)) {
    PyErr_SetString(PyExc_OverflowError, "interval out of range");
    return false;
  }
  write_interval(out, value);
  return true;
}

}  // namespace pgstride::python
