// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// date, time, timetz, timestamp, timestamptz and interval, as numbers and as text; chrono.hpp has
// their std::chrono forms. Knows no clock and no time zone: a timestamptz is an instant, shown in UTC.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <string>

#include "pgstride/protocol/codec/codec.hpp"

namespace pgstride::inline v0 {

// The wire's numbers ---------------------------------------------------------------------------

inline constexpr std::int64_t micros_per_second = 1'000'000;
inline constexpr std::int64_t micros_per_day = 86400 * micros_per_second;

/// 2000-01-01, where the server's days and microseconds begin, counted from 1970-01-01.
inline constexpr std::int32_t epoch_days = 10957;

inline constexpr std::int32_t date_infinity = std::numeric_limits<std::int32_t>::max();
inline constexpr std::int32_t date_minus_infinity = std::numeric_limits<std::int32_t>::min();
inline constexpr std::int32_t min_date = -2451545;    // 4714-11-24 BC
inline constexpr std::int32_t max_date = 2145031948;  // 5874897-12-31

inline constexpr std::int64_t timestamp_infinity = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int64_t timestamp_minus_infinity = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t min_timestamp = min_date * micros_per_day;  // 4714-11-24 BC
inline constexpr std::int64_t max_timestamp = 9'223'371'331'199'999'999;  // 294276-12-31 23:59:59.999999

/// Zones are less than sixteen hours away from UTC.
inline constexpr std::int32_t max_utc_offset = 16 * 3600 - 1;

constexpr bool is_valid_date(std::int32_t days) noexcept {
  return (days >= min_date && days <= max_date) || days == date_infinity || days == date_minus_infinity;
}
constexpr bool is_valid_timestamp(std::int64_t micros) noexcept {
  return (micros >= min_timestamp && micros <= max_timestamp) || micros == timestamp_infinity ||
         micros == timestamp_minus_infinity;
}
/// 24:00:00 is a time of day.
constexpr bool is_valid_time(std::int64_t micros) noexcept { return micros >= 0 && micros <= micros_per_day; }
constexpr bool is_valid_utc_offset(std::int32_t seconds) noexcept {
  return seconds >= -max_utc_offset && seconds <= max_utc_offset;
}

/// A time of day without a zone.
struct Time {
  std::int64_t micros = 0;  // since midnight
  friend auto operator<=>(const Time&, const Time&) = default;
};

/// A time of day in a zone. The wire counts zones westward from UTC; here, as in text, east is positive.
struct TimeTz {
  std::int64_t micros = 0;      // since local midnight
  std::int32_t utc_offset = 0;  // seconds
  friend bool operator==(const TimeTz&, const TimeTz&) = default;
};

/// Months and days are kept apart because neither has a fixed length. Since PostgreSQL 17 the largest
/// numbers in all three fields mean infinity, the smallest -infinity; older servers know no such thing.
struct Interval {
  std::int32_t months = 0;
  std::int32_t days = 0;
  std::int64_t micros = 0;

  static constexpr Interval infinity() noexcept { return {date_infinity, date_infinity, timestamp_infinity}; }
  static constexpr Interval minus_infinity() noexcept {
    return {date_minus_infinity, date_minus_infinity, timestamp_minus_infinity};
  }
  friend bool operator==(const Interval&, const Interval&) = default;
};

// Binary form ----------------------------------------------------------------------------------
//
// parse_x accepts exactly the values that a server can hold. write_x makes the buffer fail for any other
// value, and writes a placeholder.

/// Days since 2000-01-01, or ±date_infinity.
[[nodiscard]] inline bool parse_date(Bytes bytes, std::int32_t& days) noexcept {
  Reader in(bytes);
  days = in.i32();
  return in.done() && is_valid_date(days);
}

/// Microseconds since 2000-01-01 00:00 (for timestamptz: in UTC), or ±timestamp_infinity.
[[nodiscard]] inline bool parse_timestamp(Bytes bytes, std::int64_t& micros) noexcept {
  Reader in(bytes);
  micros = in.i64();
  return in.done() && is_valid_timestamp(micros);
}

[[nodiscard]] inline bool parse_time(Bytes bytes, Time& value) noexcept {
  Reader in(bytes);
  value.micros = in.i64();
  return in.done() && is_valid_time(value.micros);
}

[[nodiscard]] inline bool parse_timetz(Bytes bytes, TimeTz& value) noexcept {
  Reader in(bytes);
  value.micros = in.i64();
  const std::int32_t west = in.i32();
  if (!in.done() || !is_valid_time(value.micros) || !is_valid_utc_offset(west)) return false;
  value.utc_offset = -west;
  return true;
}

[[nodiscard]] inline bool parse_interval(Bytes bytes, Interval& value) noexcept {
  Reader in(bytes);
  value.micros = in.i64();
  value.days = in.i32();
  value.months = in.i32();
  return in.done();
}

inline void write_date(WriteBuffer& out, std::int32_t days) {
  if (!is_valid_date(days)) out.fail();
  out.i32(days);
}

inline void write_timestamp(WriteBuffer& out, std::int64_t micros) {
  if (!is_valid_timestamp(micros)) out.fail();
  out.i64(micros);
}

inline void write_time(WriteBuffer& out, Time value) {
  if (!is_valid_time(value.micros)) out.fail();
  out.i64(value.micros);
}

inline void write_timetz(WriteBuffer& out, const TimeTz& value) {
  if (!is_valid_time(value.micros) || !is_valid_utc_offset(value.utc_offset)) {
    out.fail();
    return;
  }
  out.i64(value.micros);
  out.i32(-value.utc_offset);
}

inline void write_interval(WriteBuffer& out, const Interval& value) {
  out.i64(value.micros);
  out.i32(value.days);
  out.i32(value.months);
}

// Calendar and clock ---------------------------------------------------------------------------

/// A day of the proleptic Gregorian calendar. Year 0 is 1 BC, −1 is 2 BC.
struct CivilDate {
  std::int32_t year = 0;
  std::int32_t month = 0;  // 1 … 12
  std::int32_t day = 0;    // 1 … 31
  friend bool operator==(const CivilDate&, const CivilDate&) = default;
};

/// The day so many days after 2000-01-01; any finite date.
CivilDate civil_from_days(std::int32_t days) noexcept;
/// 64 bits, so that a year beyond the server's range does not wrap but fails is_valid_date().
std::int64_t days_from_civil(std::int64_t year, std::int32_t month, std::int32_t day) noexcept;

struct ClockTime {
  std::int32_t hour = 0;  // 24 only in 24:00:00
  std::int32_t minute = 0;
  std::int32_t second = 0;
  std::int32_t micro = 0;
};

constexpr ClockTime clock_from_micros(std::int64_t micros) noexcept {
  const std::int64_t seconds = micros / micros_per_second;
  return {static_cast<std::int32_t>(seconds / 3600), static_cast<std::int32_t>(seconds / 60 % 60),
          static_cast<std::int32_t>(seconds % 60), static_cast<std::int32_t>(micros % micros_per_second)};
}

/// A finite timestamp as a day and the microseconds since its midnight.
struct DayAndTime {
  std::int32_t days = 0;
  std::int64_t micros = 0;
};

constexpr DayAndTime split_timestamp(std::int64_t timestamp) noexcept {
  std::int64_t days = timestamp / micros_per_day;
  if (timestamp % micros_per_day < 0) --days;
  return {static_cast<std::int32_t>(days), timestamp - days * micros_per_day};
}

// Text -----------------------------------------------------------------------------------------
//
// As the server shows values when DateStyle is ISO, IntervalStyle is postgres and TimeZone is UTC.

std::string date_to_text(std::int32_t days);
std::string time_to_text(Time value);
std::string timetz_to_text(const TimeTz& value);
std::string timestamp_to_text(std::int64_t micros);
std::string timestamptz_to_text(std::int64_t micros);
std::string interval_to_text(const Interval& value);

}  // namespace pgstride::inline v0
