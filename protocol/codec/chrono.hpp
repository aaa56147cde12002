// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Codecs of dates and times: std::chrono types for what has one, ours for the rest.
//
//   date          sys_days, year_month_day
//   timestamptz   sys_time<microseconds>      timestamp   local_time<microseconds>
//   time          Time      timetz   TimeTz   interval    Interval
//
// Infinity is max() of sys_days, sys_time and local_time, -infinity is min(). year_month_day has no
// such values, so an infinite date cannot be read into one. A finite value that the C++ type cannot
// hold is refused too: years beyond ±32767 in year_month_day, and timestamps from 294247-01-10 on, which
// are more than 2^63 microseconds from 1970.
#pragma once

#include <chrono>
#include <cstdint>

#include "pgstride/protocol/codec/codec.hpp"
#include "pgstride/protocol/codec/time.hpp"

namespace pgstride::inline v0 {

template <>
struct Codec<std::chrono::sys_days> : BinaryType<oid::date> {
  using Days = std::chrono::sys_days;

  static void encode(Days value, WriteBuffer& out) {
    if (value == Days::max()) return write_date(out, date_infinity);
    if (value == Days::min()) return write_date(out, date_minus_infinity);
    const std::int64_t since_1970 = value.time_since_epoch().count();
    if (since_1970 < min_date + epoch_days || since_1970 > max_date + std::int64_t{epoch_days})
      return out.fail();
    write_date(out, static_cast<std::int32_t>(since_1970 - epoch_days));
  }

  static bool decode(Oid, Bytes bytes, Days& value) noexcept {
    std::int32_t days = 0;
    if (!parse_date(bytes, days)) return false;
    if (days == date_infinity) {
      value = Days::max();
    } else if (days == date_minus_infinity) {
      value = Days::min();
    } else {
      value = Days(std::chrono::days(std::int64_t{days} + epoch_days));
    }
    return true;
  }
};

template <>
struct Codec<std::chrono::year_month_day> : BinaryType<oid::date> {
  using Date = std::chrono::year_month_day;

  static void encode(const Date& value, WriteBuffer& out) {
    if (!value.ok()) return out.fail();
    Codec<std::chrono::sys_days>::encode(std::chrono::sys_days(value), out);
  }

  static bool decode(Oid, Bytes bytes, Date& value) noexcept {
    std::int32_t days = 0;
    if (!parse_date(bytes, days) || days == date_infinity || days == date_minus_infinity) return false;
    const CivilDate civil = civil_from_days(days);
    if (civil.year < int{std::chrono::year::min()} || civil.year > int{std::chrono::year::max()})
      return false;
    value = Date(std::chrono::year(civil.year), std::chrono::month(static_cast<unsigned>(civil.month)),
                 std::chrono::day(static_cast<unsigned>(civil.day)));
    return true;
  }
};

/// What timestamp and timestamptz have in common: microseconds, counted from 1970 here and from 2000 there.
template <class TimePoint, Oid Type>
struct TimestampType : BinaryType<Type> {
  static void encode(TimePoint value, WriteBuffer& out) {
    if (value == TimePoint::max()) return write_timestamp(out, timestamp_infinity);
    if (value == TimePoint::min()) return write_timestamp(out, timestamp_minus_infinity);
    const std::int64_t since_1970 = value.time_since_epoch().count();
    if (since_1970 < min_timestamp + epoch_micros) return out.fail();
    write_timestamp(out, since_1970 - epoch_micros);
  }

  static bool decode(Oid, Bytes bytes, TimePoint& value) noexcept {
    std::int64_t micros = 0;
    if (!parse_timestamp(bytes, micros)) return false;
    if (micros == timestamp_infinity) {
      value = TimePoint::max();
    } else if (micros == timestamp_minus_infinity) {
      value = TimePoint::min();
    } else {
      const TimePoint last_finite = TimePoint::max() - typename TimePoint::duration(1);
      if (micros > last_finite.time_since_epoch().count() - epoch_micros) return false;
      value = TimePoint(typename TimePoint::duration(micros + epoch_micros));
    }
    return true;
  }

 private:
  static constexpr std::int64_t epoch_micros = epoch_days * micros_per_day;
};

template <>
struct Codec<std::chrono::sys_time<std::chrono::microseconds>>
    : TimestampType<std::chrono::sys_time<std::chrono::microseconds>, oid::timestamptz> {};

template <>
struct Codec<std::chrono::local_time<std::chrono::microseconds>>
    : TimestampType<std::chrono::local_time<std::chrono::microseconds>, oid::timestamp> {};

template <>
struct Codec<Time> : BinaryType<oid::time> {
  static void encode(Time value, WriteBuffer& out) { write_time(out, value); }
  static bool decode(Oid, Bytes bytes, Time& value) noexcept { return parse_time(bytes, value); }
};

template <>
struct Codec<TimeTz> : BinaryType<oid::timetz> {
  static void encode(const TimeTz& value, WriteBuffer& out) { write_timetz(out, value); }
  static bool decode(Oid, Bytes bytes, TimeTz& value) noexcept { return parse_timetz(bytes, value); }
};

template <>
struct Codec<Interval> : BinaryType<oid::interval> {
  static void encode(const Interval& value, WriteBuffer& out) { write_interval(out, value); }
  static bool decode(Oid, Bytes bytes, Interval& value) noexcept { return parse_interval(bytes, value); }
};

}  // namespace pgstride::inline v0
