// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The members of an aggregate: how many, which, and what they are called; and the enumerators of an enum.
// Knows nothing of rows and values.
#pragma once

#include <array>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <type_traits>
#include <utility>

namespace pgstride::inline v0::reflect {

inline constexpr std::size_t most_members = 32;

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-inline"
#pragma clang diagnostic ignored "-Wundefined-var-template"
#pragma clang diagnostic ignored "-Wundefined-internal"
#endif

/// Stands for a value of any type while initializers are counted; never made.
struct Anything {
  template <class T>
  operator T() const noexcept;
};

template <class T, std::size_t... I>
constexpr bool takes(std::index_sequence<I...>) noexcept {
  return requires { T{(static_cast<void>(I), Anything())...}; };
}

template <class T, std::size_t Size = 0>
constexpr std::size_t count_members() noexcept {
  if constexpr (Size <= most_members && takes<T>(std::make_index_sequence<Size + 1>())) {
    return count_members<T, Size + 1>();
  } else {
    return Size;
  }
}

/// Bases count as members, but what they hold cannot be named.
template <class T>
inline constexpr std::size_t member_count = count_members<T>();

template <std::size_t I, class T>
struct Reference {
  T& to;
};
template <class Places, class... T>
struct ReferencesAt;
template <std::size_t... I, class... T>
struct ReferencesAt<std::index_sequence<I...>, T...> : Reference<I, T>... {
  static constexpr std::size_t size = sizeof...(T);

  /// What call(objects…) returns.
  template <class Call>
  constexpr auto apply(Call&& call) const {
    return call(Reference<I, T>::to...);
  }
};
/// To objects of any types. Not a tuple: those are slow to compile.
template <class... T>
using References = ReferencesAt<std::index_sequence_for<T...>, T...>;

template <class... T>
constexpr References<T...> refer_to(T&... objects) noexcept {
  return {{objects}...};
}
template <std::size_t I, class T>
constexpr T& get(const Reference<I, T>& reference) noexcept {
  return reference.to;
}

// clang-format off
/// References to the members of `it`, in order.
template <class T>
constexpr auto members(T& it) noexcept {
  constexpr std::size_t count = member_count<std::remove_const_t<T>>;
  static_assert(count <= most_members, "at most 32 members can be told apart; read a std::tuple instead");
#define PGSTRIDE_MEMBERS(number, ...)                       \
  if constexpr (count == number) {                          \
    auto& [__VA_ARGS__] = it;                               \
    return reflect::refer_to(__VA_ARGS__);                  \
  } else
  PGSTRIDE_MEMBERS(1, a)
  PGSTRIDE_MEMBERS(2, a, b)
  PGSTRIDE_MEMBERS(3, a, b, c)
  PGSTRIDE_MEMBERS(4, a, b, c, d)
  PGSTRIDE_MEMBERS(5, a, b, c, d, e)
  PGSTRIDE_MEMBERS(6, a, b, c, d, e, f)
  PGSTRIDE_MEMBERS(7, a, b, c, d, e, f, g)
  PGSTRIDE_MEMBERS(8, a, b, c, d, e, f, g, h)
  PGSTRIDE_MEMBERS(9, a, b, c, d, e, f, g, h, i)
  PGSTRIDE_MEMBERS(10, a, b, c, d, e, f, g, h, i, j)
  PGSTRIDE_MEMBERS(11, a, b, c, d, e, f, g, h, i, j, k)
  PGSTRIDE_MEMBERS(12, a, b, c, d, e, f, g, h, i, j, k, l)
  PGSTRIDE_MEMBERS(13, a, b, c, d, e, f, g, h, i, j, k, l, m)
  PGSTRIDE_MEMBERS(14, a, b, c, d, e, f, g, h, i, j, k, l, m, n)
  PGSTRIDE_MEMBERS(15, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o)
  PGSTRIDE_MEMBERS(16, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)
  PGSTRIDE_MEMBERS(17, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q)
  PGSTRIDE_MEMBERS(18, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r)
  PGSTRIDE_MEMBERS(19, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s)
  PGSTRIDE_MEMBERS(20, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t)
  PGSTRIDE_MEMBERS(21, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u)
  PGSTRIDE_MEMBERS(22, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v)
  PGSTRIDE_MEMBERS(23, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w)
  PGSTRIDE_MEMBERS(24, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x)
  PGSTRIDE_MEMBERS(25, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y)
  PGSTRIDE_MEMBERS(26, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z)
  PGSTRIDE_MEMBERS(27, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa)
  PGSTRIDE_MEMBERS(28, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa, bb)
  PGSTRIDE_MEMBERS(29, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa, bb, cc)
  PGSTRIDE_MEMBERS(30, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa, bb, cc, dd)
  PGSTRIDE_MEMBERS(31, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa, bb, cc, dd, ee)
  PGSTRIDE_MEMBERS(32, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa, bb, cc, dd, ee, ff)
  {
    return reflect::refer_to();
  }
#undef PGSTRIDE_MEMBERS
}
// clang-format on

/// An object that does not exist, for the addresses of its members, which have names.
template <class T>
struct Nowhere {
  T value;
};
template <class T>
extern const Nowhere<T> nowhere;

template <class T>
struct Address {
  const T* of;
};
template <class T>
Address(const T*) -> Address<T>;

namespace detail {

// All of a character in UTF-8 is, beyond ASCII.
constexpr bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// "… {&nowhere.value.name}]" says clang of a member, "… {(& nowhere<T>.Nowhere<T>::value.T::name)}]" says
/// g++; of an enumerator both say "… = Mood::sad]".
template <auto Value>
constexpr auto last_word() noexcept {
  const char* end = std::end(__PRETTY_FUNCTION__);
  while (!is_letter(end[-1])) --end;
  const char* begin = end;
  while (is_letter(begin[-1])) --begin;
  return std::string_view(begin, end);
}

}  // namespace detail

template <class T, std::size_t... I>
constexpr auto names_of(std::index_sequence<I...>) noexcept {
  constexpr auto all = reflect::members(nowhere<T>.value);
  return std::array<std::string_view, sizeof...(I)>{detail::last_word<Address{&reflect::get<I>(all)}>()...};
}

/// Of an enumerator; empty when the enum has none of this value.
template <class E, E Value>
constexpr std::string_view enumerator_name() noexcept {
  constexpr std::string_view name = detail::last_word<Value>();
  // A value without a name is spelled "(Mood)5".
  return name.front() >= '0' && name.front() <= '9' ? std::string_view() : name;
}

/// The members' names, in order.
template <class T>
inline constexpr auto member_names = names_of<T>(std::make_index_sequence<member_count<T>>());

template <class T>
struct OnlyMemberOf {
  static_assert(member_count<T> == 1, "this must be a class with one member");
  using Type = std::remove_reference_t<decltype(reflect::get<0>(reflect::members(std::declval<T&>())))>;
};
/// The type of a class's one member.
template <class T>
using OnlyMember = typename OnlyMemberOf<T>::Type;

#if defined(__clang__)
#pragma clang diagnostic pop
#endif

}  // namespace pgstride::inline v0::reflect
