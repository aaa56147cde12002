// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/numeric.hpp"

#include <algorithm>
#include <limits>

#include "pgstride/protocol/ascii.hpp"

namespace pgstride::inline v0 {
namespace {

constexpr int base = 10000;
constexpr int digits_per_group = 4;
constexpr std::int64_t max_weight = std::numeric_limits<std::int16_t>::max();
// The server says so of its infinities: an accident of its storage format, and harmless.
constexpr std::int16_t infinity_dscale = 32;

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// A number as it is spelled: its digits with the point left out, d(0) … d(count − 1).
class Spelling {
 public:
  [[nodiscard]] bool parse(std::string_view text) noexcept {
    if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
      negative_ = text.front() == '-';
      text.remove_prefix(1);
    }
    text_ = text;
    std::size_t at = skip_digits(0);
    integers_ = count_ = at;
    if (at < text.size() && text[at] == '.') {
      const std::size_t end = skip_digits(at + 1);
      count_ += end - at - 1;
      at = end;
    }
    return count_ > 0 && (at == text.size() || parse_exponent(text.substr(at)));
  }

  bool negative() const noexcept { return negative_; }
  std::int64_t count() const noexcept { return static_cast<std::int64_t>(count_); }
  /// d(i) is worth d(i) × 10^power(i).
  std::int64_t power(std::int64_t i) const noexcept {
    return static_cast<std::int64_t>(integers_) + exponent_ - 1 - i;
  }
  /// The digit worth 10^power; 0 where none was spelled.
  int digit_at(std::int64_t power_of_ten) const noexcept {
    const std::int64_t i = power(0) - power_of_ten;
    return i >= 0 && i < count() ? digit(i) : 0;
  }
  int digit(std::int64_t i) const noexcept {
    const auto at = static_cast<std::size_t>(i);
    return text_[at < integers_ ? at : at + 1] - '0';
  }

 private:
  std::size_t skip_digits(std::size_t at) const noexcept {
    while (at < text_.size() && is_digit(text_[at])) ++at;
    return at;
  }

  /// Far beyond every exponent that could be used it stops counting, so that nothing overflows.
  bool parse_exponent(std::string_view text) noexcept {
    constexpr std::int64_t enough = std::int64_t{1} << 40;
    if (text.front() != 'e' && text.front() != 'E') return false;
    text.remove_prefix(1);
    bool negative = false;
    if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
      negative = text.front() == '-';
      text.remove_prefix(1);
    }
    if (text.empty()) return false;
    for (const char c : text) {
      if (!is_digit(c)) return false;
      exponent_ = std::min(exponent_ * 10 + (c - '0'), enough);
    }
    if (negative) exponent_ = -exponent_;
    return true;
  }

  std::string_view text_;
  std::size_t integers_ = 0;  // digits before the point
  std::size_t count_ = 0;
  std::int64_t exponent_ = 0;
  bool negative_ = false;
};

void write_header(WriteBuffer& out, std::int64_t ndigits, std::int64_t weight, NumericSign sign,
                  std::int64_t dscale) {
  out.u16(static_cast<std::uint16_t>(ndigits));
  out.i16(static_cast<std::int16_t>(weight));
  out.u16(static_cast<std::uint16_t>(sign));
  out.i16(static_cast<std::int16_t>(dscale));
}

bool write_special(WriteBuffer& out, std::string_view text) {
  if (equal_ignoring_case(text, "nan")) {
    write_header(out, 0, 0, NumericSign::nan, 0);
    return true;
  }
  const bool negative = !text.empty() && text.front() == '-';
  if (negative || (!text.empty() && text.front() == '+')) text.remove_prefix(1);
  if (!equal_ignoring_case(text, "infinity") && !equal_ignoring_case(text, "inf")) return false;
  write_header(out, 0, 0, negative ? NumericSign::negative_infinity : NumericSign::positive_infinity,
               infinity_dscale);
  return true;
}

/// The group that holds 10^power; rounds down also below the point.
constexpr std::int64_t group_of(std::int64_t power) noexcept {
  return power >= 0 ? power / digits_per_group : -((digits_per_group - 1 - power) / digits_per_group);
}

bool write_finite(WriteBuffer& out, const Spelling& number) {
  const std::int64_t last_power = number.power(number.count() - 1);
  const std::int64_t dscale = std::max<std::int64_t>(0, -last_power);
  if (dscale > max_numeric_scale) return false;

  std::int64_t first = 0;
  while (first < number.count() && number.digit(first) == 0) ++first;
  if (first == number.count()) {
    write_header(out, 0, 0, NumericSign::positive, dscale);
    return true;
  }
  std::int64_t last = number.count() - 1;
  while (number.digit(last) == 0) --last;

  const std::int64_t weight = group_of(number.power(first));
  const std::int64_t lowest = group_of(number.power(last));
  if (weight > max_weight) return false;
  write_header(out, weight - lowest + 1, weight,
               number.negative() ? NumericSign::negative : NumericSign::positive, dscale);
  for (std::int64_t group = weight; group >= lowest; --group) {
    int value = 0;
    for (int i = digits_per_group - 1; i >= 0; --i) {
      value = value * 10 + number.digit_at(group * digits_per_group + i);
    }
    out.u16(static_cast<std::uint16_t>(value));
  }
  return true;
}

/// The base-10000 digit that counts 10000^weight; 0 where the number has none.
int group_at(const NumericView& value, int weight) noexcept {
  const int i = value.weight - weight;
  return i >= 0 && i < value.ndigits ? value.digit(i) : 0;
}

void split_group(int group, char* four) noexcept {
  for (int i = digits_per_group - 1; i >= 0; --i) {
    four[i] = static_cast<char>('0' + group % 10);
    group /= 10;
  }
}

char* copy_text(std::string_view text, char* out) noexcept {
  return std::copy(text.begin(), text.end(), out);
}

}  // namespace

bool parse_numeric(Bytes bytes, NumericView& value) noexcept {
  Reader in(bytes);
  value.ndigits = in.u16();  // unsigned in effect: a number can have more than 32767 groups
  value.weight = in.i16();
  value.sign = static_cast<NumericSign>(in.u16());
  value.dscale = in.u16();
  value.digits = in.take(2 * static_cast<std::size_t>(value.ndigits));
  if (!in.done() || value.dscale > max_numeric_scale) return false;
  switch (value.sign) {
    case NumericSign::positive:
    case NumericSign::negative: break;
    case NumericSign::nan:
    case NumericSign::positive_infinity:
    case NumericSign::negative_infinity: return value.ndigits == 0;
    default: return false;
  }
  for (int i = 0; i < value.ndigits; ++i) {
    if (value.digit(i) >= base) return false;
  }
  return true;
}

std::size_t max_numeric_text_size(const NumericView& value) noexcept {
  constexpr int longest_word = 9;  // -Infinity, but also sign, point and a zero before the point
  const int integers = std::max(0, value.weight + 1) * digits_per_group;
  const int size = longest_word + integers + value.dscale;
  return static_cast<std::size_t>(size);
}

char* numeric_to_text(const NumericView& value, char* out) noexcept {
  if (value.sign == NumericSign::nan) return copy_text("NaN", out);
  if (value.sign == NumericSign::positive_infinity) return copy_text("Infinity", out);
  if (value.sign == NumericSign::negative_infinity) return copy_text("-Infinity", out);

  char* const start = out;
  if (value.sign == NumericSign::negative) *out++ = '-';
  char* const number = out;
  if (value.ndigits > 0) {
    for (int weight = value.weight; weight >= 0; --weight) {
      char four[digits_per_group];
      split_group(group_at(value, weight), four);
      int skipped = 0;
      while (out == number && skipped < digits_per_group && four[skipped] == '0') ++skipped;
      out = std::copy(four + skipped, four + digits_per_group, out);
    }
  }
  bool is_zero = out == number;
  if (is_zero) *out++ = '0';
  if (value.dscale > 0) {
    *out++ = '.';
    int weight = -1;
    for (int left = value.dscale; left > 0; left -= digits_per_group, --weight) {
      char four[digits_per_group];
      split_group(group_at(value, weight), four);
      for (int i = 0; i < std::min(left, digits_per_group); ++i) {
        is_zero = is_zero && four[i] == '0';
        *out++ = four[i];
      }
    }
  }
  // All its digits may have been cut off; there is no negative zero.
  if (is_zero && number != start) out = std::copy(number, out, start);
  return out;
}

std::string to_string(const NumericView& value) {
  std::string text(max_numeric_text_size(value), '\0');
  const char* end = numeric_to_text(value, text.data());
  text.resize(static_cast<std::size_t>(end - text.data()));
  return text;
}

bool write_numeric(WriteBuffer& out, std::string_view text) {
  Spelling number;
  if (number.parse(text) ? write_finite(out, number) : write_special(out, text)) return true;
  out.fail();
  return false;
}

std::optional<Numeric> Numeric::from_text(std::string_view text) {
  WriteBuffer binary;
  NumericView view;
  if (!write_numeric(binary, text) || !parse_numeric(binary.pending(), view)) return std::nullopt;
  return from_view(view);
}

Numeric Numeric::from_view(const NumericView& view) {
  Numeric number;
  number.text_ = to_string(view);
  return number;
}

bool Codec<Numeric>::decode(Oid, Bytes bytes, Numeric& value) {
  NumericView view;
  if (!parse_numeric(bytes, view)) return false;
  value = Numeric::from_view(view);
  return true;
}

}  // namespace pgstride::inline v0
