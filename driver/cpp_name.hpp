// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What a C++ type is called, for error texts.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pgstride::inline v0 {
namespace detail {

/// "… [with T = int; …]" says g++, "… [T = int]" says clang.
template <class T>
constexpr std::string_view signature() noexcept {
  return __PRETTY_FUNCTION__;
}

// What stands around one type's name stands around every other.
inline constexpr std::size_t before_name = signature<int>().find("T = ") + 4;
inline constexpr std::size_t after_name =
    signature<int>().size() - before_name - std::string_view("int").size();

template <class T>
constexpr std::string_view spelled() noexcept {
  std::string_view text = signature<T>();
  text.remove_prefix(before_name);
  text.remove_suffix(after_name);
  // What is declared in a coroutine is declared in its frame, says g++, by the mangled name of that.
  constexpr std::string_view frame = ".Frame*)::";
  if (const std::size_t at = text.rfind(frame); at != text.npos) {
    int open = 0;
    for (const char c : text.substr(0, at)) open += (c == '<') - (c == '>');
    if (open == 0) text.remove_prefix(at + frame.size());
  }
  return text;
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
