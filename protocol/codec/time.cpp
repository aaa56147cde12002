// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/time.hpp"

#include <charconv>
#include <cstddef>
#include <string_view>
#include <utility>

namespace pgstride::inline v0 {
namespace {

constexpr std::int64_t days_per_era = 146097;  // 400 years
constexpr std::int64_t years_per_era = 400;

constexpr std::int64_t floor_divide(std::int64_t a, std::int64_t b) noexcept {
  return a / b - (a % b < 0 ? 1 : 0);
}

/// 2000-03-01 begins an era, and every era, cycle and year begins with March: leap days come last.
constexpr std::int64_t march_2000 = 31 + 29;
constexpr std::int64_t days_before_month(std::int64_t months_since_march) noexcept {
  return (153 * months_since_march + 2) / 5;
}

void append_number(std::string& out, std::int64_t number, std::size_t width = 1) {
  char digits[20];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  static_cast<void>(error);  // twenty characters hold every number
  const auto size = static_cast<std::size_t>(end - digits);
  if (size < width) out.append(width - size, '0');
  out.append(digits, size);
}

void append_civil(std::string& out, const CivilDate& date) {
  append_number(out, date.year > 0 ? date.year : 1 - date.year, 4);
  out += '-';
  append_number(out, date.month, 2);
  out += '-';
  append_number(out, date.day, 2);
}

void append_era(std::string& out, const CivilDate& date) {
  if (date.year <= 0) out += " BC";
}

/// ".25": at most six digits, no trailing zeros, nothing at all for 0.
void append_fraction(std::string& out, std::int64_t micros) {
  if (micros == 0) return;
  out += '.';
  append_number(out, micros, 6);
  out.resize(out.find_last_not_of('0') + 1);
}

void append_clock(std::string& out, std::int64_t micros) {
  const ClockTime clock = clock_from_micros(micros);
  append_number(out, clock.hour, 2);
  out += ':';
  append_number(out, clock.minute, 2);
  out += ':';
  append_number(out, clock.second, 2);
  append_fraction(out, clock.micro);
}

/// "+02", "-03:30", "+00:19:32": no more than is needed.
void append_utc_offset(std::string& out, std::int32_t offset) {
  out += offset < 0 ? '-' : '+';
  const std::int32_t seconds = offset < 0 ? -offset : offset;
  append_number(out, seconds / 3600, 2);
  if (seconds % 3600 != 0) {
    out += ':';
    append_number(out, seconds / 60 % 60, 2);
  }
  if (seconds % 60 != 0) {
    out += ':';
    append_number(out, seconds % 60, 2);
  }
}

std::string timestamp_text(std::int64_t micros, std::string_view zone) {
  if (micros == timestamp_infinity) return "infinity";
  if (micros == timestamp_minus_infinity) return "-infinity";
  const DayAndTime parts = split_timestamp(micros);
  const CivilDate date = civil_from_days(parts.days);
  std::string out;
  append_civil(out, date);
  out += ' ';
  append_clock(out, parts.micros);
  out += zone;
  append_era(out, date);
  return out;
}

/// Builds "1 year -2 mons +3 days": a positive field after a negative one says so.
class IntervalText {
 public:
  void field(std::int32_t value, std::string_view unit) {
    if (value == 0) return;
    begin_field(value < 0);
    append_number(text_, value);
    text_ += ' ';
    text_ += unit;
    if (value != 1) text_ += 's';
    after_negative_ = value < 0;
  }

  void clock(std::int64_t micros) {
    if (micros == 0 && !text_.empty()) return;
    begin_field(micros < 0);
    if (micros < 0) text_ += '-';
    // Unsigned, because the smallest number has no positive twin.
    const auto size =
        micros < 0 ? 0 - static_cast<std::uint64_t>(micros) : static_cast<std::uint64_t>(micros);
    const auto seconds = static_cast<std::int64_t>(size / micros_per_second);
    append_number(text_, seconds / 3600, 2);
    text_ += ':';
    append_number(text_, seconds / 60 % 60, 2);
    text_ += ':';
    append_number(text_, seconds % 60, 2);
    append_fraction(text_, static_cast<std::int64_t>(size % micros_per_second));
  }

  std::string take() { return std::move(text_); }

 private:
  void begin_field(bool negative) {
    if (!text_.empty()) text_ += ' ';
    if (after_negative_ && !negative) text_ += '+';
  }

  std::string text_;
  bool after_negative_ = false;
};

}  // namespace

CivilDate civil_from_days(std::int32_t days) noexcept {
  const std::int64_t since_march = days - march_2000;
  const std::int64_t era = floor_divide(since_march, days_per_era);
  const std::int64_t day_of_era = since_march - era * days_per_era;
  // Leap days that came before are taken out, so that every year has 365 days: one each 4 years
  // (1460 days), none each 100 (36524), one each 400 (the era's last day).
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / (days_per_era - 1)) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t months_since_march = (5 * day_of_year + 2) / 153;
  const bool next_year = months_since_march >= 10;
  CivilDate date;
  date.year = static_cast<std::int32_t>(2000 + era * years_per_era + year_of_era + (next_year ? 1 : 0));
  date.month = static_cast<std::int32_t>(months_since_march + (next_year ? -9 : 3));
  date.day = static_cast<std::int32_t>(day_of_year - days_before_month(months_since_march) + 1);
  return date;
}

std::int64_t days_from_civil(std::int64_t year, std::int32_t month, std::int32_t day) noexcept {
  const std::int64_t march_year = year - 2000 - (month < 3 ? 1 : 0);
  const std::int64_t months_since_march = month < 3 ? month + 9 : month - 3;
  return march_2000 + 365 * march_year + floor_divide(march_year, 4) - floor_divide(march_year, 100) +
         floor_divide(march_year, 400) + days_before_month(months_since_march) + day - 1;
}

std::string date_to_text(std::int32_t days) {
  if (days == date_infinity) return "infinity";
  if (days == date_minus_infinity) return "-infinity";
  const CivilDate date = civil_from_days(days);
  std::string out;
  append_civil(out, date);
  append_era(out, date);
  return out;
}

std::string time_to_text(Time value) {
  std::string out;
  append_clock(out, value.micros);
  return out;
}

std::string timetz_to_text(const TimeTz& value) {
  std::string out;
  append_clock(out, value.micros);
  append_utc_offset(out, value.utc_offset);
  return out;
}

std::string timestamp_to_text(std::int64_t micros) { return timestamp_text(micros, ""); }

std::string timestamptz_to_text(std::int64_t micros) { return timestamp_text(micros, "+00"); }

std::string interval_to_text(const Interval& value) {
  if (value == Interval::infinity()) return "infinity";
  if (value == Interval::minus_infinity()) return "-infinity";
  IntervalText text;
  text.field(value.months / 12, "year");
  text.field(value.months % 12, "mon");
  text.field(value.days, "day");
  text.clock(value.micros);
  return text.take();
}

}  // namespace pgstride::inline v0
