// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/operations/introspect.hpp"

#include <charconv>
#include <optional>
#include <string_view>

#include "pgstride/protocol/codec/array_value.hpp"
#include "pgstride/protocol/codec/scalar.hpp"
#include "pgstride/protocol/codec/text.hpp"
#include "pgstride/protocol/frontend.hpp"
#include "pgstride/protocol/session.hpp"

namespace pgstride::inline v0 {
namespace {

constexpr std::string_view no_jit = "SELECT pg_catalog.set_config('jit', 'off', true)";
constexpr std::string_view savepoint = "SAVEPOINT pgstride_introspection";
constexpr std::string_view roll_back = "ROLLBACK TO SAVEPOINT pgstride_introspection";
constexpr std::string_view release = "RELEASE SAVEPOINT pgstride_introspection";

// What initdb and the users have created has a number from here on; the rest is in oid.hpp.
#define FIRST_UNKNOWN_OID "10000"

// A true array is one whose values array_in() reads: "name" and "point" have a typelem as well.
// `multiranges` is what pg_range knows of them, which is nothing before PostgreSQL 14.
#define LOOKUP(multiranges, ranges_of_multiranges)                                                           \
  "WITH RECURSIVE wanted(oid) AS ("                                                                          \
  " SELECT pg_catalog.unnest($1::pg_catalog.oid[])"                                                          \
  " UNION"                                                                                                   \
  " SELECT part.oid FROM wanted JOIN pg_catalog.pg_type t ON t.oid = wanted.oid, LATERAL ("                  \
  "  SELECT CASE WHEN t.typinput = 'pg_catalog.array_in'::pg_catalog.regproc THEN t.typelem ELSE 0 END"      \
  "  UNION ALL SELECT t.typbasetype"                                                                         \
  "  UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid" multiranges          \
  "  UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a"                                             \
  "   WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped"             \
  " ) part(oid) WHERE part.oid >= " FIRST_UNKNOWN_OID                                                        \
  ") SELECT t.oid, t.typname, n.nspname,"                                                                    \
  " CASE WHEN t.typinput = 'pg_catalog.array_in'::pg_catalog.regproc THEN 'a'::\"char\" ELSE t.typtype END," \
  " CASE WHEN t.typinput = 'pg_catalog.array_in'::pg_catalog.regproc THEN t.typelem"                         \
  "  WHEN t.typtype = 'd' THEN t.typbasetype"                                                                \
  "  WHEN t.typtype = 'r' THEN (SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = "          \
  "t.oid)" ranges_of_multiranges                                                                             \
  "  ELSE 0 END,"                                                                                            \
  " t.typdelim,"                                                                                             \
  " ARRAY(SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute a"                                  \
  "  WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped"              \
  "  ORDER BY a.attnum),"                                                                                    \
  " ARRAY(SELECT a.atttypid FROM pg_catalog.pg_attribute a"                                                  \
  "  WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped"              \
  "  ORDER BY a.attnum)"                                                                                     \
  " FROM wanted JOIN pg_catalog.pg_type t ON t.oid = wanted.oid"                                             \
  " JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace"

constexpr std::string_view lookup_before_14 = LOOKUP("", "");
constexpr std::string_view lookup =
    LOOKUP("  UNION ALL SELECT r.rngtypid FROM pg_catalog.pg_range r WHERE r.rngmultitypid = t.oid",
           "  WHEN t.typtype = 'm' THEN (SELECT r.rngtypid FROM pg_catalog.pg_range r WHERE r.rngmultitypid "
           "= t.oid)");
#undef LOOKUP
#undef FIRST_UNKNOWN_OID

constexpr std::size_t lookup_columns = 8;

int major_version(const Session& session) noexcept {
  const std::string_view text = session.parameters().get("server_version");
  int major = 0;
  std::from_chars(text.data(), text.data() + text.size(), major);
  return major;
}

void encode_step(WriteBuffer& out, std::string_view sql, const std::vector<Oid>* argument) {
  frontend::parse(out, "", sql, {});
  {
    Message bind(out, 'B');
    out.cstr("");
    out.cstr("");
    frontend::all_binary(out);
    out.u16(argument ? 1 : 0);
    if (argument) {
      const ValueLength length(out);
      Codec<std::vector<Oid>>::encode(*argument, out);
    }
    frontend::all_binary(out);
  }
  frontend::execute(out, "", 0);
}

std::optional<TypeInfo::Kind> kind_of(char typtype) noexcept {
  switch (typtype) {
    case 'b': return TypeInfo::Kind::base;
    case 'a': return TypeInfo::Kind::array;
    case 'c': return TypeInfo::Kind::composite;
    case 'd': return TypeInfo::Kind::domain;
    case 'e': return TypeInfo::Kind::enumeration;
    case 'r': return TypeInfo::Kind::range;
    case 'm': return TypeInfo::Kind::multirange;
    case 'p': return TypeInfo::Kind::pseudo;
    default: return std::nullopt;
  }
}

template <class T>
bool read(DataRow& row, Oid type, T& value) {
  return decode_value(type, row.next(), value);
}

bool read_char(DataRow& row, char& value) {
  const Field field = row.next();
  if (field.bytes.size() != 1) return false;
  value = static_cast<char>(field.bytes.front());
  return true;
}

// Names are what the server says they are: UTF-8, or what the client_encoding is.
bool read_name(const Field& field, std::string& name) {
  name = as_text(field.bytes);
  return !field.null;
}

bool read_names(DataRow& row, std::vector<std::string>& names) {
  ArrayView array;
  if (!array.parse(row.next().bytes) || array.dimensions().size() > 1) return false;
  names.resize(array.count());
  ArrayElements elements(array);
  for (std::string& name : names)
    if (!read_name(elements.next(), name)) return false;
  return elements.done();
}

bool read_type(DataRow row, TypeInfo& info) {
  char typtype = 0;
  std::vector<std::string> names;
  std::vector<Oid> types;
  if (!read(row, oid::oid, info.oid) || !read_name(row.next(), info.name) ||
      !read_name(row.next(), info.schema) || !read_char(row, typtype) || !read(row, oid::oid, info.part) ||
      !read_char(row, info.delimiter) || !read_names(row, names) || !read(row, oid::oid_array, types)) {
    return false;
  }
  const auto kind = kind_of(typtype);
  if (!kind || names.size() != types.size()) return false;
  info.kind = *kind;
  for (std::size_t i = 0; i < names.size(); ++i) info.attributes.push_back({std::move(names[i]), types[i]});
  return true;
}

}  // namespace

Encoded Introspect::encode(WriteBuffer& out) {
  const int version = major_version(*session());
  const bool has_jit = version >= 11 && session()->parameters().get("crdb_version").empty();
  const bool in_block = has_jit && session()->transaction() != TransactionStatus::idle;
  std::vector<std::string_view> steps;
  if (in_block) steps.push_back(savepoint);
  if (has_jit) steps.push_back(no_jit);
  steps.push_back(version >= 14 ? lookup : lookup_before_14);
  lookup_left_ = 1;
  if (in_block) {
    steps.push_back(roll_back);
    steps.push_back(release);
    lookup_left_ = 3;
  }
  types_.clear();
  steps_left_ = steps.size();
  expect_ = Expect::parse_complete;
  for (std::size_t i = 0; i < steps.size(); ++i)
    encode_step(out, steps[i], steps.size() - i == lookup_left_ ? &wanted_ : nullptr);
  frontend::sync(out);
  return Encoded::complete;
}

bool Introspect::on_frame(const Frame& frame) {
  switch (expect_) {
    case Expect::parse_complete: expect_ = Expect::bind_complete; return frame.type == '1';
    case Expect::bind_complete: expect_ = Expect::result; return frame.type == '2';
    case Expect::result:
      if (frame.type == 'D') {
        if (steps_left_ != lookup_left_) return true;  // what set_config() has set
        TypeInfo info;
        if (!DataRow::well_formed(frame.body, lookup_columns) || !read_type(DataRow(frame.body), info))
          return false;
        types_.push_back(std::move(info));
        return true;
      }
      expect_ = --steps_left_ > 0 ? Expect::parse_complete : Expect::ready;
      return frame.type == 'C';
    case Expect::ready: return frame.type == 'Z';
  }
  return false;
}

}  // namespace pgstride::inline v0
