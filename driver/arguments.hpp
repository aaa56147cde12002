// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The arguments of a query between the call that names them and the buffer they are written to.
// A view of the caller's values, for as long as the call lasts. Knows no statements and no awaiters.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "pgstride/driver/cpp_name.hpp"
#include "pgstride/protocol/codec/codec.hpp"
#include "pgstride/protocol/error.hpp"
#include "pgstride/protocol/statement.hpp"
#include "pgstride/protocol/write_buffer.hpp"

namespace pgstride::inline v0 {

/// PostgreSQL counts parameters in 16 bits.
inline constexpr std::size_t most_arguments = 65535;

/// A type that the database knows by name, or the array over it.
struct TypeName {
  std::string_view name;
  bool is_array = false;
  Oid base = 0;  // of a domain: its base type, as which its values may also be sent

  /// Empty for a type with a number of its own.
  template <class T>
  static constexpr TypeName of() noexcept {
    if constexpr (NamedType<T>) {
      if constexpr (requires { Codec<T>::base_oid; }) return {Codec<T>::type_name, false, Codec<T>::base_oid};
      return {Codec<T>::type_name, false};
    } else if constexpr (requires { Codec<T>::element_type_name; }) {
      return {Codec<T>::element_type_name, true};
    } else {
      return {};
    }
  }
  /// 0: not looked up.
  Oid oid(const TypeNames& types) const noexcept {
    const TypeNames::Entry* known = types.find(name);
    return known == nullptr ? oid::unspecified : is_array ? known->array : known->oid;
  }
};

/// The types of a query's parameters.
struct ParameterTypes {
  /// For types that have a number of their own; 0: the server infers it.
  std::span<const Oid> oids;
  /// For the others; no element at all when there are none of these.
  std::span<const TypeName> names;

  template <class... T>
  static constexpr ParameterTypes of() noexcept {
    return {Table<T...>::oids, {Table<T...>::names.data(), Table<T...>::any_named ? sizeof...(T) : 0}};
  }
  /// With what is known of the names.
  Oid oid(std::size_t index, const TypeNames& types) const noexcept {
    const bool named = !names.empty() && !names[index].name.empty();
    return named ? names[index].oid(types) : oids[index];
  }

 private:
  template <class... T>
  struct Table {
    static constexpr std::array<Oid, sizeof...(T)> oids{Codec<T>::oid...};
    static constexpr std::array<TypeName, sizeof...(T)> names{TypeName::of<T>()...};
    static constexpr bool any_named = (!TypeName::of<T>().name.empty() || ...);
  };
};

class Arguments {
 public:
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  const ParameterTypes& types() const noexcept { return types_; }
  std::span<const Format> formats() const noexcept { return formats_; }
  /// The arguments' C++ types.
  std::span<const std::string_view> names() const noexcept { return names_; }
  std::size_t size() const noexcept { return formats_.size(); }

  /// Writes the values, each with its length. Returns how many; fewer than size() when the next one
  /// is no value of its type, in which case the buffer's failure has been taken.
  std::size_t write(WriteBuffer& out) const { return write_(*this, out); }

 protected:
  using Write = std::size_t (*)(const Arguments&, WriteBuffer&);

  Arguments(const ParameterTypes& types, std::span<const Format> formats,
            std::span<const std::string_view> names, Write how) noexcept
      : types_(types), formats_(formats), names_(names), write_(how) {}
  ~Arguments() = default;

 private:
  ParameterTypes types_;
  std::span<const Format> formats_;
  std::span<const std::string_view> names_;
  Write write_;
};

template <Encodable... Args>
class ArgumentsOf final : public Arguments {
 public:
  explicit ArgumentsOf(const Args&... values) noexcept
      : Arguments(ParameterTypes::of<Args...>(), wire_formats, cpp_names, &write_all),
        values_{std::addressof(values)...} {}

 private:
  static_assert(sizeof...(Args) <= most_arguments);

  static constexpr std::array<Format, sizeof...(Args)> wire_formats{Codec<Args>::format...};
  static constexpr std::array<std::string_view, sizeof...(Args)> cpp_names{cpp_name<Args>...};

  template <class T>
  static bool write_one(const T& value, WriteBuffer& out) {
    encode_value(value, out);
    return !out.take_failure();
  }

  static std::size_t write_all(const Arguments& self, WriteBuffer& out) {
    [[maybe_unused]] const auto& values = static_cast<const ArgumentsOf&>(self).values_;
    std::size_t written = 0;
    (void)((write_one(*static_cast<const Args*>(values[written]), out) && ++written) && ...);
    return written;
  }

  // Of these types. Not a tuple: those are slow to compile.
  std::array<const void*, sizeof...(Args)> values_;
};

template <class... Args>
ArgumentsOf(const Args&...) -> ArgumentsOf<Args...>;

/// Writes what Bind says of its parameters: format codes, then values. Returns what is wrong when an
/// argument does not fit the statement or its own type.
[[nodiscard]] std::optional<Failure> encode_arguments(const Arguments& arguments, const Statement& statement,
                                                      WriteBuffer& out);

}  // namespace pgstride::inline v0
