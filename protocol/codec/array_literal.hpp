// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Arrays in text format, read: [0:1]={{a,"b c"},{NULL,d}}. ArrayLiteral in array.hpp writes them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "pgstride/protocol/codec/array.hpp"

namespace pgstride::inline v0 {

enum class LiteralToken { open, close, element, null, end, malformed };

/// Takes a literal apart into braces and elements. Braces always match and are never nested deeper than
/// the array's dimensions, and after malformed comes only malformed. Whether all lists of a level are
/// equally long is not checked.
class ArrayLiteralReader {
 public:
  ArrayLiteralReader(std::string_view literal, char delimiter) noexcept
      : literal_(literal), delimiter_(delimiter) {}

  LiteralToken next();
  /// Of the last token, if it was an element: without quotes and backslashes. Valid until next().
  std::string_view text() const noexcept { return text_; }
  /// What is wrong; a phrase for an error text.
  const char* reason() const noexcept { return reason_; }

 private:
  enum class Expected { array, first_item, item, delimiter, nothing };

  LiteralToken fail(const char* reason) noexcept;
  bool at(char c) const noexcept { return at_ < literal_.size() && literal_[at_] == c; }
  void skip_space() noexcept;
  void skip_bounds() noexcept;
  LiteralToken open() noexcept;
  LiteralToken close() noexcept;
  LiteralToken quoted();
  LiteralToken bare();

  std::string_view literal_;
  std::size_t at_ = 0;
  char delimiter_;
  int depth_ = 0;
  Expected expected_ = Expected::array;
  const char* reason_ = "";
  std::string text_;
};

}  // namespace pgstride::inline v0
