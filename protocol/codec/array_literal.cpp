// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/array_literal.hpp"

#include <algorithm>

#include "pgstride/protocol/ascii.hpp"

namespace pgstride::inline v0 {
namespace {

constexpr bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

LiteralToken ArrayLiteralReader::fail(const char* reason) noexcept {
  reason_ = reason;
  literal_ = {};
  at_ = 0;
  return LiteralToken::malformed;
}

void ArrayLiteralReader::skip_space() noexcept {
  while (at_ < literal_.size() && is_space(literal_[at_])) ++at_;
}

/// The bounds are the lists' lengths over again, so they are not looked at.
void ArrayLiteralReader::skip_bounds() noexcept {
  if (at('[')) at_ = std::min(literal_.find('=', at_), literal_.size() - 1) + 1;
  skip_space();
}

LiteralToken ArrayLiteralReader::next() {
  if (*reason_ != '\0') return LiteralToken::malformed;
  skip_space();
  switch (expected_) {
    case Expected::array: skip_bounds(); return at('{') ? open() : fail("it does not begin with \"{\"");
    case Expected::nothing:
      return at_ == literal_.size() ? LiteralToken::end : fail("something comes after the last \"}\"");
    case Expected::delimiter:
      if (at('}')) return close();
      if (!at(delimiter_)) return fail("a delimiter or \"}\" is missing");
      ++at_;
      skip_space();
      break;
    case Expected::first_item:
      if (at('}')) return close();
      break;
    case Expected::item: break;
  }
  if (at('{')) return open();
  return at('"') ? quoted() : bare();
}

LiteralToken ArrayLiteralReader::open() noexcept {
  if (depth_ == max_array_dimensions) return fail("it has too many dimensions");
  ++at_;
  ++depth_;
  expected_ = Expected::first_item;
  return LiteralToken::open;
}

LiteralToken ArrayLiteralReader::close() noexcept {
  ++at_;
  --depth_;
  expected_ = depth_ == 0 ? Expected::nothing : Expected::delimiter;
  return LiteralToken::close;
}

LiteralToken ArrayLiteralReader::quoted() {
  text_.clear();
  ++at_;
  while (!at('"')) {
    if (at('\\')) ++at_;
    if (at_ >= literal_.size()) return fail("a quoted element does not end");
    text_ += literal_[at_++];
  }
  ++at_;
  expected_ = Expected::delimiter;
  return LiteralToken::element;
}

LiteralToken ArrayLiteralReader::bare() {
  text_.clear();
  std::size_t end = 0;  // of the text, without white space behind it
  bool escaped = false;
  for (; at_ < literal_.size() && !at(delimiter_) && !at('}'); ++at_) {
    if (at('{') || at('"')) return fail("a brace or quote stands within an element");
    const bool escape = at('\\');
    if (escape && ++at_ == literal_.size()) break;
    escaped = escaped || escape;
    text_ += literal_[at_];
    if (escape || !is_space(literal_[at_])) end = text_.size();
  }
  if (at_ >= literal_.size()) return fail("the last \"}\" is missing");
  if (end == 0) return fail("an element is missing");
  text_.resize(end);
  expected_ = Expected::delimiter;
  return !escaped && equal_ignoring_case(text_, "null") ? LiteralToken::null : LiteralToken::element;
}

}  // namespace pgstride::inline v0
