// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Arguments whose number, or whose types, are known when the program runs: of a WHERE that is put together, of an
// INSERT of any number of rows.
//
//     ArgumentList args;
//     std::string sql = "select * from users where age > " + args.add(30);
//     if (city) sql += " and city = " + args.add(*city);
//     Result users = co_await conn.query(sql, args);
//
// (Connection::parameter() and Parameters are about something else: the server's run-time parameters.)
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "pgstride/driver/arguments.hpp"
#include "pgstride/protocol/codec/array_value.hpp"
#include "pgstride/protocol/codec/codec.hpp"

namespace pgstride::inline v0 {
namespace detail {

/// What is written of a T depends on what the connection knows of types by their names.
template <class T>
inline constexpr bool is_encoded_by_name =
    Codec<T>::format == Format::binary && !TypeName::of<T>().name.empty();

/// As what a T is kept until there is a connection.
template <class T>
struct KeptAs {
  using Type = T;
  static std::shared_ptr<const void> copy(const T& value) { return std::make_shared<const T>(value); }
};
template <class T, std::size_t Extent>
struct KeptAs<std::span<T, Extent>> {
  using Type = std::vector<std::remove_const_t<T>>;
  static std::shared_ptr<const void> copy(std::span<T, Extent> values) {
    return std::make_shared<const Type>(values.begin(), values.end());
  }
};

/// How values of one C++ type are added to an ArgumentList.
struct ArgumentKind {
  template <Encodable T>
  static constexpr ArgumentKind of() noexcept {
    if constexpr (is_encoded_by_name<T>) {
      using Kept = typename KeptAs<T>::Type;
      static_assert(
          !pgstride::is_view<Kept>,
          "a value of a type that is known by its name is kept until it is sent, and this one points to "
          "what may be gone then; std::string in place of std::string_view");
      static_assert(std::copy_constructible<Kept>,
                    "a value of a type that is known by its name is kept until it is sent, so it is copied");
      return {Codec<T>::oid, Parameter::of<T>(), &encode<Kept>,
              [](const void* value) { return KeptAs<T>::copy(*static_cast<const T*>(value)); }};
    } else {
      return {Codec<T>::oid, Parameter::of<T>(), &encode<T>, nullptr};
    }
  }
  template <class T>
  static void encode(const void* value, WriteBuffer& out) {
    encode_value(*static_cast<const T*>(value), out);
  }

  Oid oid;
  Parameter parameter;
  void (*encode_one)(const void* value, WriteBuffer& out);  // of a copy, if one is kept
  std::shared_ptr<const void> (*copy)(const void* value);   // null: it is encoded when it is added
};
template <class T>
inline constexpr ArgumentKind argument_kind = ArgumentKind::of<T>();

}  // namespace detail

/// All arguments of a query, passed in the place of any number of them; not used up by that. Moved, not copied; one
/// that was moved from is empty.
class ArgumentList {
 public:
  ArgumentList();
  ArgumentList(ArgumentList&&) noexcept;
  ArgumentList& operator=(ArgumentList&&) noexcept;
  ~ArgumentList();

  /// Adds values of any types that have a Codec, std::nullopt and nullptr as NULL, and returns what stands for them in
  /// the text of the query: "$1", or of several "$1, $2, $3". Nothing of the caller's is used when this has returned.
  /// Throws Error when a value cannot be sent, or when there would be more than 65535 of them, and what its codec
  /// throws; the list is then as it was before.
  template <Encodable... T>
    requires(sizeof...(T) > 0)
  std::string add(const T&... values) {
    const Given given[]{{std::addressof(values), &detail::argument_kind<T>}...};
    return add_all(given);
  }

  std::size_t size() const noexcept;
  bool empty() const noexcept { return size() == 0; }

 private:
  friend class ArgumentsOf<ArgumentList>;
  struct Given {
    const void* value;
    const detail::ArgumentKind* kind;
  };
  struct Values;

  std::string add_all(std::span<const Given> given);
  ParameterTypes types() const noexcept;
  std::size_t write(WriteBuffer& out) const;

  std::unique_ptr<Values> values_;  // null as long as there are none
};

/// A view of the list.
template <>
class ArgumentsOf<ArgumentList> final : public Arguments {
 public:
  explicit ArgumentsOf(const ArgumentList& list) noexcept
      : Arguments(list.types(), &write_list), list_(list) {}

 private:
  static std::size_t write_list(const Arguments& self, WriteBuffer& out) {
    return static_cast<const ArgumentsOf&>(self).list_.write(out);
  }

  const ArgumentList& list_;
};

}  // namespace pgstride::inline v0
