// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The arguments of a query between the call that names them and the buffer they are written to.
// Knows neither statements nor who waits: a view of the caller's values that lives as long as the call.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <tuple>
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

class Arguments {
 public:
  /// Parameter types to declare; 0: the server infers it.
  std::span<const Oid> types() const noexcept { return types_; }
  std::span<const Format> formats() const noexcept { return formats_; }
  /// The arguments' C++ types.
  std::span<const std::string_view> names() const noexcept { return names_; }
  std::size_t size() const noexcept { return types_.size(); }

  /// Writes the values, each with its length. The number written; fewer than size() when the next
  /// one is no value of its type, and then the buffer has not failed any more.
  std::size_t write(WriteBuffer& out) const { return write_(*this, out); }

 protected:
  using Write = std::size_t (*)(const Arguments&, WriteBuffer&);

  Arguments(std::span<const Oid> types, std::span<const Format> formats,
            std::span<const std::string_view> names, Write how) noexcept
      : types_(types), formats_(formats), names_(names), write_(how) {}
  ~Arguments() = default;
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

 private:
  std::span<const Oid> types_;
  std::span<const Format> formats_;
  std::span<const std::string_view> names_;
  Write write_;
};

template <Encodable... Args>
class ArgumentsOf final : public Arguments {
 public:
  explicit ArgumentsOf(const Args&... values) noexcept
      : Arguments(oids, wire_formats, cpp_names, &write_all), values_(values...) {}

 private:
  static_assert(sizeof...(Args) <= most_arguments);

  static constexpr std::array<Oid, sizeof...(Args)> oids{Codec<Args>::oid...};
  static constexpr std::array<Format, sizeof...(Args)> wire_formats{Codec<Args>::format...};
  static constexpr std::array<std::string_view, sizeof...(Args)> cpp_names{cpp_name<Args>...};

  template <class T>
  static bool write_one(const T& value, WriteBuffer& out) {
    encode_value(value, out);
    return !out.take_failure();
  }

  static std::size_t write_all(const Arguments& self, WriteBuffer& out) {
    std::size_t written = 0;
    std::apply([&](const auto&... value) { (void)((write_one(value, out) && ++written) && ...); },
               static_cast<const ArgumentsOf&>(self).values_);
    return written;
  }

  std::tuple<const Args&...> values_;
};

template <class... Args>
ArgumentsOf(const Args&...) -> ArgumentsOf<Args...>;

/// Writes what Bind says of its parameters: format codes, then values. False, and why, when an
/// argument does not fit the statement or its own type.
[[nodiscard]] bool encode_arguments(const Arguments& arguments, const Statement& statement, WriteBuffer& out,
                                    Failure& failure);

}  // namespace pgstride::inline v0
