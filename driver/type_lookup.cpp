// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/type_lookup.hpp"

#include "pgstride/driver/typed_query.hpp"
#include "pgstride/protocol/codec/array_value.hpp"
#include "pgstride/protocol/codec/scalar.hpp"
#include "pgstride/protocol/codec/text.hpp"

namespace pgstride::inline v0 {
namespace {

constexpr std::string_view lookup =
    "SELECT n.name, t.oid, t.typarray,"
    " ARRAY(SELECT a.atttypid FROM pg_catalog.pg_attribute a"
    "  WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum),"
    " ARRAY(SELECT e.enumlabel::pg_catalog.text FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid)"
    " FROM pg_catalog.unnest($1::pg_catalog.text[]) n(name)"
    " LEFT JOIN pg_catalog.pg_type t ON t.oid = pg_catalog.to_regtype(n.name)";

std::string_view version_of(const Channel& channel) noexcept {
  return channel.session().parameters().get("server_version");
}

}  // namespace

Task<std::vector<FoundType>> look_up_types(Channel& channel, std::vector<std::string> names) {
  const ArgumentsOf arguments(names);
  std::vector<FoundType> found;
  const auto keep = [&found](const FoundType& type) { found.push_back(type); };
  // Not a query that keeps rows: max_rows and max_result_bytes are for the user's.
  EachAs<FoundType, decltype(keep)> query(
      channel, statement_for(channel.session(), lookup, arguments.types()), arguments, keep);
  co_await query;
  co_return found;
}

void remember_types(Channel& channel, const std::vector<FoundType>& found) {
  TypeNames& types = *channel.session().types();
  for (const auto& [name, oid, array, attributes, labels] : found)
    types.add(name, {oid.value_or(0), array.value_or(0), attributes});
  types.set_server_version(version_of(channel));
}

Task<Failure> renew_types(Channel& channel) {
  const TypeNames& types = *channel.session().types();
  if (types.are_of(version_of(channel))) co_return Failure();
  Failure failure;
  try {
    Task<std::vector<FoundType>> asking = look_up_types(channel, types.names());
    remember_types(channel, co_await asking);
  } catch (const Error& e) {
    failure = Failure(e.code(), std::string("the types known by name could not be looked up: ") + e.what());
  } catch (...) {
    failure = Failure(Errc::invalid_value, "the types known by name could not be looked up");
    failure.thrown = std::current_exception();
  }
  co_return failure;
}

}  // namespace pgstride::inline v0
