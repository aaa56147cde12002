// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// numeric: decimal numbers of up to 131072 digits before the point and 16383 after it, exactly.
//
// On the wire a number is a list of base-10000 digits. The first one counts 10000^weight, dscale
// says how many decimals are shown, and zero digits at either end may be missing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pgstride/protocol/codec/codec.hpp"

namespace pgstride::inline v0 {

inline constexpr int max_numeric_scale = 16383;

enum class NumericSign : std::uint16_t {
  positive = 0x0000,
  negative = 0x4000,
  nan = 0xC000,
  positive_infinity = 0xD000,
  negative_infinity = 0xF000,
};

/// The digit groups where they lie, checked once: parse_numeric() lets no other ones through.
struct NumericView {
  int ndigits = 0;
  int weight = 0;
  NumericSign sign = NumericSign::positive;
  int dscale = 0;
  Bytes digits;

  bool is_finite() const noexcept { return sign == NumericSign::positive || sign == NumericSign::negative; }
  /// The i-th base-10000 digit, 0 … 9999; 0 <= i < ndigits.
  int digit(int i) const noexcept {
    return load_big_endian<std::uint16_t>(digits.data() + 2 * static_cast<std::size_t>(i));
  }
};

[[nodiscard]] bool parse_numeric(Bytes bytes, NumericView& value) noexcept;

/// No fewer characters than numeric_to_text() writes; at most 147458.
std::size_t max_numeric_text_size(const NumericView& value) noexcept;

/// Writes the number as the server would show it ("-12.50", "NaN", "Infinity", never an exponent)
/// and returns the end. `out` has max_numeric_text_size() characters. Digits beyond dscale are cut
/// off, as the server does when it receives such a number.
char* numeric_to_text(const NumericView& value, char* out) noexcept;
std::string to_string(const NumericView& value);

/// Writes the number that `text` spells: digits with or without sign, point and exponent, "NaN",
/// "Infinity" or "inf" in any case. All decimals are kept, trailing zeros too. When it is no number or
/// one that numeric cannot hold, nothing is written, the buffer fails and false is returned.
bool write_numeric(WriteBuffer& out, std::string_view text);

/// A number of type numeric, held as the text that the server shows for it.
///
/// Two are equal when the server would show them alike: 1.0 and 1.00 are not, as their scales differ.
class Numeric {
 public:
  Numeric() = default;
  explicit Numeric(std::int64_t value) : text_(std::to_string(value)) {}

  /// Takes what write_numeric() takes.
  static std::optional<Numeric> from_text(std::string_view text);
  static Numeric from_view(const NumericView& view);

  const std::string& text() const noexcept { return text_; }
  friend bool operator==(const Numeric&, const Numeric&) = default;

 private:
  std::string text_ = "0";
};

template <>
struct Codec<Numeric> : BinaryType<oid::numeric> {
  static void encode(const Numeric& value, WriteBuffer& out) { write_numeric(out, value.text()); }
  static bool decode(Oid, Bytes bytes, Numeric& value);
};

}  // namespace pgstride::inline v0
