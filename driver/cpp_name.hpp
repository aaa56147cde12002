// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What a C++ type is called, for error texts.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pgstride::inline v0 {
namespace detail {

template <class T>
constexpr std::string_view spelled() noexcept {
  // "… [with T = int; …]" says g++, "… [T = int]" says clang.
  constexpr std::string_view text = __PRETTY_FUNCTION__;
  constexpr std::size_t begin = text.find("T = ") + 4;
  constexpr std::size_t semicolon = text.find(';', begin);
  return text.substr(begin, (semicolon == std::string_view::npos ? text.rfind(']') : semicolon) - begin);
}

template <class T>
struct CppName {
  static constexpr std::string_view value = spelled<T>();
};
template <>
struct CppName<std::string> {
  static constexpr std::string_view value = "std::string";
};
template <>
struct CppName<std::string_view> {
  static constexpr std::string_view value = "std::string_view";
};

}  // namespace detail

template <class T>
inline constexpr std::string_view cpp_name = detail::CppName<T>::value;

}  // namespace pgstride::inline v0
