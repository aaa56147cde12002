// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The arguments of a query between the call that names them and the buffer they are written to.
// A view of the caller's values, for as long as the call lasts. Knows no statements and no awaiters.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

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

/// What is known of a parameter beside its number.
struct Parameter {
  template <class T>
  static constexpr Parameter of() noexcept {
    return {TypeName::of<T>(), cpp_name<T>, Codec<T>::format};
  }

  TypeName type;              // no name for types that have a number of their own
  std::string_view cpp_type;  // what C++ calls it
  Format format = Format::binary;
};

/// The types of a query's parameters.
struct ParameterTypes {
  /// One object for each list of types.
  template <class... T>
  static constexpr const ParameterTypes& of() noexcept {
    return Table<T...>::types;
  }
  /// With what is known of the names.
  Oid oid(std::size_t index, const TypeNames& types) const noexcept {
    const TypeName& type = parameters[index].type;
    return type.name.empty() ? oids[index] : type.oid(types);
  }
  std::size_t size() const noexcept { return oids.size(); }

  /// For types that have a number of their own; 0: the server infers it.
  std::span<const Oid> oids;
  const Parameter* parameters = nullptr;
  bool any_named = false;
  bool lives_for_ever = false;  // what this points to

 private:
  template <class... T>
  struct Table;
};

// Not std::array and std::span, which are slow to compile. Arrays cannot be empty, so there is one element more.
template <class... T>
struct ParameterTypes::Table {
  static constexpr Oid oids[]{Codec<T>::oid..., oid::unspecified};
  static constexpr Parameter parameters[]{Parameter::of<T>()..., Parameter()};
  static constexpr ParameterTypes types{
      {oids, sizeof...(T)}, parameters, (!TypeName::of<T>().name.empty() || ...), true};
};

/// The same of parameters that are added while the program runs.
class ParameterTypeList {
 public:
  ParameterTypeList() = default;
  explicit ParameterTypeList(const ParameterTypes& copied);

  void add(Oid oid, const Parameter& parameter);
  void truncate(std::size_t size) noexcept;
  std::size_t size() const noexcept { return parameters_.size(); }
  /// Valid until the list changes.
  ParameterTypes types() const noexcept;

 private:
  std::vector<Oid> oids_;
  std::vector<Parameter> parameters_;
  bool any_named_ = false;
};

class ArgumentList;

/// What a query takes: any number of values, or one ArgumentList.
template <class T>
concept Argument = Encodable<T> || std::same_as<T, ArgumentList>;

class Arguments {
 public:
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  const ParameterTypes& types() const noexcept { return types_; }
  std::size_t size() const noexcept { return types_.size(); }

  /// Writes the values, each with its length. Returns how many; fewer than size() when the next one
  /// is no value of its type, in which case the buffer has failed.
  std::size_t write(WriteBuffer& out) const { return write_(*this, out); }

 protected:
  using Write = std::size_t (*)(const Arguments&, WriteBuffer&);

  /// What `types` point to lives as long as this.
  Arguments(const ParameterTypes& types, Write how) noexcept : types_(types), write_(how) {}
  ~Arguments() = default;
  void set_types(const ParameterTypes& types) noexcept { types_ = types; }

 private:
  ParameterTypes types_;
  Write write_;
};

template <Argument... Args>
class ArgumentsOf final : public Arguments {
 public:
  explicit ArgumentsOf(const Args&... values) noexcept
      : Arguments(ParameterTypes::of<Args...>(), &write_all), values_{std::addressof(values)...} {}

 private:
  static_assert(sizeof...(Args) <= most_arguments);
  static_assert((!std::same_as<Args, ArgumentList> && ...),
                "an ArgumentList stands alone: add the other arguments to it");

  template <class T>
  static bool write_one(const T& value, WriteBuffer& out) {
    encode_value(value, out);
    return !out.failed();
  }

  static std::size_t write_all(const Arguments& self, WriteBuffer& out) {
    [[maybe_unused]] const auto& values = static_cast<const ArgumentsOf&>(self).values_;
    std::size_t written = 0;
    (void)((write_one(*static_cast<const Args*>(values[written]), out) && ++written) && ...);
    return written;
  }

  const void* values_[sizeof...(Args) + 1];  // of these types
};

template <class... Args>
ArgumentsOf(const Args&...) -> ArgumentsOf<Args...>;

/// Why `what` could not be written to this buffer; `as` says as what: nothing, or " as int4".
Failure unsendable(const std::string& what, const std::string& as, const WriteBuffer& out);

/// The same of the argument at `index`.
Failure unsendable_argument(const ParameterTypes& parameters, std::size_t index, const WriteBuffer& out);

/// Writes what Bind says of its parameters: format codes, then values. Returns what is wrong when an
/// argument does not fit the statement or its own type.
[[nodiscard]] std::optional<Failure> encode_arguments(const Arguments& arguments, const Statement& statement,
                                                      WriteBuffer& out);

}  // namespace pgstride::inline v0
