// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <optional>
#include <string>

#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/codec/chrono.hpp"
#include "pgstride/protocol/codec/time.hpp"

#include "tests/support/golden_values.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::sys_days;
using std::chrono::year_month_day;

namespace {

using Instant = std::chrono::sys_time<microseconds>;
using Local = std::chrono::local_time<microseconds>;

/// What is written for a value; "refused" when the buffer fails.
template <class T>
std::string encode(const T& value) {
  WriteBuffer out;
  Codec<T>::encode(value, out);
  return out.failed() ? "refused" : to_hex(out.pending());
}

template <class T>
std::optional<T> decode(std::string_view hex) {
  const std::string bytes = from_hex(hex);
  T value{};
  if (!Codec<T>::decode(Codec<T>::oid, as_bytes(bytes), value)) return std::nullopt;
  return value;
}

template <class T>
void survives(std::string_view hex) {
  const auto value = decode<T>(hex);
  BOOST_TEST(value.has_value());
  if (value) BOOST_TEST(encode(*value) == hex);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(codec_time)

BOOST_AUTO_TEST_CASE(golden_values_survive_the_chrono_types) {
  for (const GoldenValue& golden : read_golden_values()) {
    BOOST_TEST_CONTEXT(golden.type_name << " " << golden.text) {
      const std::string hex = to_hex(as_bytes(golden.binary));
      if (golden.type == oid::date) survives<sys_days>(hex);
      if (golden.type == oid::timestamp && !golden.text.starts_with("294276")) survives<Local>(hex);
      if (golden.type == oid::timestamptz && !golden.text.starts_with("294276")) survives<Instant>(hex);
      if (golden.type == oid::time) survives<Time>(hex);
      if (golden.type == oid::timetz) survives<TimeTz>(hex);
      if (golden.type == oid::interval) survives<Interval>(hex);
    }
  }
}

BOOST_AUTO_TEST_CASE(days_and_civil_dates_agree_everywhere) {
  // A prime step visits every month and day; the ends are the ends of the server's range.
  for (std::int64_t days = min_date; days <= max_date; days += 9973) {
    const CivilDate civil = civil_from_days(static_cast<std::int32_t>(days));
    BOOST_REQUIRE_EQUAL(days_from_civil(civil.year, civil.month, civil.day), days);
  }
  BOOST_TEST((civil_from_days(min_date) == CivilDate{-4713, 11, 24}));
  BOOST_TEST((civil_from_days(max_date) == CivilDate{5874897, 12, 31}));
}

BOOST_AUTO_TEST_CASE(every_day_of_eight_centuries_follows_the_last) {
  CivilDate expected{1600, 1, 1};
  const auto first = static_cast<std::int32_t>(days_from_civil(1600, 1, 1));
  const auto last = static_cast<std::int32_t>(days_from_civil(2400, 1, 1));
  for (std::int32_t day = first; day < last; ++day) {
    BOOST_REQUIRE(civil_from_days(day) == expected);
    const bool leap = expected.year % 4 == 0 && (expected.year % 100 != 0 || expected.year % 400 == 0);
    const int lengths[] = {31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (++expected.day > lengths[expected.month - 1]) {
      expected.day = 1;
      if (++expected.month > 12) expected = {expected.year + 1, 1, 1};
    }
  }
}

BOOST_AUTO_TEST_CASE(dates) {
  const year_month_day day = 2026y / 11 / 22;
  BOOST_TEST(encode(day) == "0000265e");
  BOOST_TEST(encode(sys_days(day)) == "0000265e");
  BOOST_TEST((decode<year_month_day>("0000265e") == day));
  BOOST_TEST((decode<year_month_day>("fff49d7b") == year_month_day(-43y / 3 / 15)));
  BOOST_TEST(encode(2026y / 2 / 30) == "refused");
  BOOST_TEST(encode(year_month_day(-4713y / 11 / 24)) == "ffda97a7");
  BOOST_TEST(encode(year_month_day(-4713y / 11 / 23)) == "refused");
  BOOST_TEST(!decode<year_month_day>("00ab7995"));  // 32768-01-01
}

BOOST_AUTO_TEST_CASE(infinite_dates) {
  BOOST_TEST(encode(sys_days::max()) == "7fffffff");
  BOOST_TEST(encode(sys_days::min()) == "80000000");
  BOOST_TEST((decode<sys_days>("7fffffff") == sys_days::max()));
  BOOST_TEST((decode<sys_days>("80000000") == sys_days::min()));
  BOOST_TEST(!decode<year_month_day>("7fffffff"));
  BOOST_TEST(!decode<year_month_day>("80000000"));
}

BOOST_AUTO_TEST_CASE(dates_outside_the_servers_range) {  // R-E6
  BOOST_TEST(!decode<sys_days>("7ffffffe"));
  BOOST_TEST(!decode<sys_days>("7fda970d"));
  BOOST_TEST(!decode<sys_days>("ffda97a6"));
  BOOST_TEST(encode(sys_days(std::chrono::days(max_date + std::int64_t{epoch_days}))) == "7fda970c");
  BOOST_TEST(encode(sys_days(std::chrono::days(max_date + std::int64_t{epoch_days} + 1))) == "refused");
  BOOST_TEST(encode(sys_days(std::chrono::days(std::int64_t{1} << 32))) == "refused");
  BOOST_TEST(encode(sys_days(std::chrono::days(-(std::int64_t{1} << 32)))) == "refused");
}

BOOST_AUTO_TEST_CASE(timestamps) {
  BOOST_TEST(encode(Instant(0us)) == "fffca2fec4c82000");
  BOOST_TEST(encode(Instant(sys_days(2000y / 1 / 1)) - 1us) == "ffffffffffffffff");
  BOOST_TEST(encode(Local(std::chrono::local_days(2000y / 1 / 1))) == "0000000000000000");
  BOOST_TEST(encode(Instant::max()) == "7fffffffffffffff");
  BOOST_TEST(encode(Instant::min()) == "8000000000000000");
  BOOST_TEST((decode<Instant>("7fffffffffffffff") == Instant::max()));
  BOOST_TEST((decode<Local>("8000000000000000") == Local::min()));
}

BOOST_AUTO_TEST_CASE(timestamps_outside_the_range) {  // R-E6
  BOOST_TEST(!decode<Instant>("7ffffffffffffffe"));
  BOOST_TEST(!decode<Instant>("8000000000000001"));
  BOOST_TEST(!decode<Instant>("fd0f7cc1411f9fff"));  // before 4714-11-24 BC
  BOOST_TEST(!decode<Instant>("7fffff5bb3b2a000"));  // after 294276-12-31
  BOOST_TEST(!decode<Instant>("7fffff5bb3b29fff"));  // the server's last, beyond 2^63 µs from 1970
  BOOST_TEST(encode(Instant::min() + 1us) == "refused");
  const Instant last = Instant::max() - 1us;
  BOOST_TEST((decode<Instant>(encode(last)) == last));
}

BOOST_AUTO_TEST_CASE(times) {
  BOOST_TEST(encode(Time{micros_per_day}) == "000000141dd76000");
  BOOST_TEST(encode(Time{micros_per_day + 1}) == "refused");
  BOOST_TEST(encode(Time{-1}) == "refused");
  BOOST_TEST(!decode<Time>("000000141dd76001"));
  BOOST_TEST(!decode<Time>("ffffffffffffffff"));
  // West counts up on the wire.
  BOOST_TEST(encode(TimeTz{0, 3600}) == "0000000000000000fffff1f0");
  BOOST_TEST(decode<TimeTz>("000000000000000000000e10")->utc_offset == -3600);
  BOOST_TEST(encode(TimeTz{0, max_utc_offset + 1}) == "refused");
  BOOST_TEST(encode(TimeTz{0, std::numeric_limits<std::int32_t>::min()}) == "refused");
  BOOST_TEST(!decode<TimeTz>("000000000000000080000000"));
  BOOST_TEST(!decode<TimeTz>("00000000000000000000e100"));
}

BOOST_AUTO_TEST_CASE(clock_and_calendar_parts) {
  const DayAndTime before = split_timestamp(-1);
  BOOST_TEST(before.days == -1);
  BOOST_TEST(before.micros == micros_per_day - 1);
  const DayAndTime midnight = split_timestamp(-micros_per_day);
  BOOST_TEST(midnight.days == -1);
  BOOST_TEST(midnight.micros == 0);
  const ClockTime clock = clock_from_micros(micros_per_day - 1);
  BOOST_TEST(clock.hour == 23);
  BOOST_TEST(clock.minute == 59);
  BOOST_TEST(clock.second == 59);
  BOOST_TEST(clock.micro == 999999);
}

BOOST_AUTO_TEST_CASE(intervals) {
  constexpr auto most = std::numeric_limits<std::int64_t>::min();
  BOOST_TEST(interval_to_text({0, 0, most}) == "-2562047788:00:54.775808");
  BOOST_TEST(interval_to_text(Interval::infinity()) == "infinity");
  BOOST_TEST(interval_to_text(Interval::minus_infinity()) == "-infinity");
  BOOST_TEST(encode(Interval{1, 2, 3}) == "00000000000000030000000200000001");
}

BOOST_AUTO_TEST_CASE(wrong_lengths_are_refused) {
  for (std::size_t size = 0; size <= 17; ++size) {
    const std::string zeros(2 * size, '0');
    BOOST_TEST(decode<sys_days>(zeros).has_value() == (size == 4));
    BOOST_TEST(decode<Time>(zeros).has_value() == (size == 8));
    BOOST_TEST(decode<TimeTz>(zeros).has_value() == (size == 12));
    BOOST_TEST(decode<Instant>(zeros).has_value() == (size == 8));
    BOOST_TEST(decode<Interval>(zeros).has_value() == (size == 16));
  }
}

BOOST_AUTO_TEST_SUITE_END()
