// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/arguments.hpp"

#include <algorithm>
#include <charconv>
#include <exception>
#include <string>
#include <string_view>

#include "pgstride/driver/row_view.hpp"

namespace pgstride::inline v0 {
namespace {

Failure refused(std::string what) { return {Errc::invalid_argument, std::move(what)}; }

std::string parameter(std::size_t index) { return "parameter $" + std::to_string(index + 1); }

// " as int4"; nothing where the server would have chosen the type.
std::string as_type(const ParameterTypes& parameters, std::size_t index, const TypeNames& types) {
  const Oid type = parameters.oid(index, types);
  const auto& [name, is_array, base] = parameters.parameters[index].type;
  if (name.empty()) return type == oid::unspecified ? "" : " as " + type_text(type);
  std::string text = " as " + std::string(name);
  if (is_array) text += "[]";
  return text;
}

const TypeNames& types_of(const WriteBuffer& out) noexcept {
  static const TypeNames none;
  return out.types() ? *out.types() : none;
}

Failure wrong_count(std::size_t wanted, std::size_t given) {
  return refused("the query has " + std::to_string(wanted) + " parameters, and " + std::to_string(given) +
                 " arguments were given");
}

// The n of the last $n that can be one; what stands in quotes or comments is counted in.
std::size_t most_parameters(std::string_view sql) noexcept {
  std::size_t most = 0;
  for (std::size_t at = sql.find('$'); at != sql.npos; at = sql.find('$', at + 1)) {
    std::size_t number = 0;
    std::from_chars(sql.data() + at + 1, sql.data() + sql.size(), number);
    most = std::max(most, number);
  }
  return most;
}

// What the server has told of a statement is held against what was given: it would take the eight
// bytes of a number for a timestamp without a word.
std::optional<Failure> misfit(const Arguments& arguments, const Statement& statement,
                              const TypeNames& types) {
  const auto& wanted = statement.parameters();
  if (wanted.size() != arguments.size()) return wrong_count(wanted.size(), arguments.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const Parameter& argument = arguments.types().parameters[i];
    const Oid given = arguments.types().oid(i, types);
    if (given == wanted[i] || given == oid::unspecified || argument.format == Format::text) continue;
    if (!argument.type.name.empty() && argument.type.base == wanted[i]) continue;
    return refused(parameter(i) + " is " + type_text(wanted[i]) + ", and " + std::string(argument.cpp_type) +
                   " is sent as " + type_text(given));
  }
  return std::nullopt;
}

}  // namespace

ParameterTypeList::ParameterTypeList(const ParameterTypes& copied)
    : oids_(copied.oids.begin(), copied.oids.end()),
      parameters_(copied.parameters, copied.parameters + copied.size()),
      any_named_(copied.any_named) {}

void ParameterTypeList::add(Oid oid, const Parameter& parameter) {
  oids_.push_back(oid);
  parameters_.push_back(parameter);
  any_named_ = any_named_ || !parameter.type.name.empty();
}

void ParameterTypeList::truncate(std::size_t size) noexcept {
  oids_.erase(oids_.begin() + static_cast<std::ptrdiff_t>(std::min(size, oids_.size())), oids_.end());
  parameters_.erase(parameters_.begin() + static_cast<std::ptrdiff_t>(size), parameters_.end());
  any_named_ = std::ranges::any_of(parameters_, [](const Parameter& p) { return !p.type.name.empty(); });
}

ParameterTypes ParameterTypeList::types() const noexcept {
  return {oids_, parameters_.data(), any_named_, false};
}

Failure unsendable(const std::string& what, const std::string& as, const WriteBuffer& out) {
  if (out.failed_too_large()) return message_too_large(what);
  const std::string_view why = out.why_failed();
  return refused(what + " cannot be sent" + as + (why.empty() ? "" : ": ") + std::string(why));
}

Failure unsendable_argument(const ParameterTypes& parameters, std::size_t index, const WriteBuffer& out) {
  const std::string what = parameter(index) + ": this " + std::string(parameters.parameters[index].cpp_type);
  return unsendable(what, as_type(parameters, index, types_of(out)), out);
}

std::optional<Failure> encode_arguments(const Arguments& arguments, const Statement& statement,
                                        WriteBuffer& out) {
  const TypeNames& types = types_of(out);
  const std::size_t count = arguments.size();
  if (statement.ready()) {
    if (auto wrong = misfit(arguments, statement, types)) return wrong;
  } else if (count > 0 && count > most_parameters(statement.sql())) {
    // To the server, parameters of declared types that the query does not use are none too many.
    return wrong_count(most_parameters(statement.sql()), count);
  }
  out.u16(static_cast<std::uint16_t>(count));
  const Parameter* const parameters = arguments.types().parameters;
  for (std::size_t i = 0; i < count; ++i) out.i16(static_cast<std::int16_t>(parameters[i].format));
  out.u16(static_cast<std::uint16_t>(count));
  try {
    const std::size_t written = arguments.write(out);
    if (written == count) return std::nullopt;
    Failure failure = unsendable_argument(arguments.types(), written, out);
    out.take_failure();
    return failure;
  } catch (...) {
    Failure failure = refused("an argument could not be encoded");
    failure.thrown = std::current_exception();
    return failure;
  }
}

}  // namespace pgstride::inline v0
