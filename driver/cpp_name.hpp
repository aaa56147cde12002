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
  return text;
}

// "pgstride::v0::" says g++, "pgstride::" say clang and users.
inline constexpr std::string_view users_namespace = "pgstride::";
inline constexpr std::string_view our_namespace = [] {
  const std::string_view text = signature<int>();
  const std::size_t begin = text.find(users_namespace);
  return text.substr(begin, text.find("detail::signature") - begin);
}();

// What is declared in a coroutine is declared in its frame, says g++, by the mangled name of that:
// "f(f(int)::_Z1fi.Frame*)::Row". Where, before the end of the frame, the name begins that ends behind it.
constexpr std::string_view frame_end = ".Frame*)::";
constexpr std::size_t begin_of_framed(std::string_view before) noexcept {
  int open = 0;
  bool is_before_frame = false;
  for (std::size_t at = before.size(); at > 0; --at) {
    const char c = before[at - 1];
    open += (c == ')' || c == '>') - (c == '(' || c == '<');
    if (c == '(' && open < 0 && !is_before_frame) {
      is_before_frame = true;
      open = 0;
    } else if (open < 0 || (open == 0 && is_before_frame && c == ' ')) {
      return at;
    }
  }
  return 0;
}

// By the name of an alias, a type is spelled with all its arguments, says g++. Where, behind the comma that it begins
// with, an argument of arguments ends.
constexpr std::string_view default_allocator = ", std::allocator<";
constexpr std::size_t end_of_argument(std::string_view text) noexcept {
  int open = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    open += (text[at] == '<') - (text[at] == '>');
    if (text[at] == '>' && open == 0) return at + 1;
  }
  return text.size();
}

/// What a user would have written, for what the compiler has.
template <std::size_t Size>
struct Readable {
  constexpr explicit Readable(std::string_view text) noexcept {
    while (!text.empty()) {
      if (text.starts_with(default_allocator)) {
        text.remove_prefix(end_of_argument(text));
        if (text.starts_with(" >") && written[size - 1] != '>') text.remove_prefix(1);
        continue;
      }
      if (text.starts_with(our_namespace)) {
        text.remove_prefix(our_namespace.size());
        for (const char c : users_namespace) written[size++] = c;
      } else if (text.starts_with(frame_end)) {
        text.remove_prefix(frame_end.size());
        size = begin_of_framed(view());
      } else {
        written[size++] = text.front();
        text.remove_prefix(1);
      }
    }
  }
  constexpr std::string_view view() const noexcept { return {written, size}; }

  char written[Size]{};
  std::size_t size = 0;
};

// How a type is spelled depends on what else the compiler has seen in this file: every file keeps its own text, as
// what is seen of another's would be of another size.
template <class T>
static constexpr Readable<spelled<T>().size()> readable{spelled<T>()};

template <class T>
struct CppName {
  static constexpr std::string_view value = readable<T>.view();
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
