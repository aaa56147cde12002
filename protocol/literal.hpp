// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A string that can be a template's argument: Named<"id", "name">.
#pragma once

#include <cstddef>
#include <string_view>

namespace pgstride::inline v0 {

template <std::size_t Size>
struct Literal {
  // NOLINTNEXTLINE(google-explicit-constructor): written where a literal stands
  constexpr Literal(const char (&text)[Size]) noexcept {
    for (std::size_t i = 0; i < Size; ++i) characters[i] = text[i];
  }
  constexpr std::string_view view() const noexcept { return {characters, Size - 1}; }

  char characters[Size] = {};
};

}  // namespace pgstride::inline v0
