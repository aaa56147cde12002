// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// numeric from both ends: the input once as a binary value, once as the spelling of a number. What is
// taken must survive the way to the other form and back.
// Proves FZ-3.
#include <cstddef>
#include <cstdint>
#include <string>

#include "pgstride/protocol/codec/numeric.hpp"

#include "tests/support/require.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

/// The text of what is written for `text`, which must be a number.
std::string through_the_wire(const std::string& text) {
  WriteBuffer out;
  require(write_numeric(out, text) && !out.failed());
  NumericView view;
  require(parse_numeric(out.pending(), view));
  // As short as the server has it: no zero groups at either end.
  require(view.ndigits == 0 || (view.digit(0) != 0 && view.digit(view.ndigits - 1) != 0));
  return to_string(view);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(reinterpret_cast<const std::byte*>(data), size);

  NumericView view;
  if (parse_numeric(input, view)) {
    const std::string text = to_string(view);
    require(text.size() <= max_numeric_text_size(view) && text.size() <= 131072 + 16383 + 9);
    require(through_the_wire(text) == text);
  }

  WriteBuffer out;
  if (write_numeric(out, as_text(input))) {
    require(parse_numeric(out.pending(), view));
    const std::string text = to_string(view);
    require(through_the_wire(text) == text);
  } else {
    require(out.failed() && out.pending().empty());
  }
  return 0;
}
