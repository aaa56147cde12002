// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Rows while they still lie in the receive buffer, and the one interface through which they leave it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pgstride/protocol/bytes.hpp"

namespace pgstride::inline v0 {

using Oid = std::uint32_t;

/// How a value is written on the wire.
enum class Format : std::int16_t { text = 0, binary = 1 };

/// One column of a RowDescription.
struct Column {
  std::string name;
  Oid table = 0;               // 0: not a column of a table
  std::int16_t attribute = 0;  // its number in that table
  Oid type = 0;
  std::int16_t type_size = 0;       // pg_type.typlen; negative for variable-size types
  std::int32_t type_modifier = -1;  // pg_attribute.atttypmod
};
using Columns = std::vector<Column>;

/// One value of a row. NULL is not the same as no bytes.
struct Field {
  Bytes bytes;
  bool null = true;
};

/// The value that comes next in a well-formed row.
inline Field next_field(Reader& row) noexcept {
  const std::int32_t length = row.i32();
  if (length < 0) return {};
  return {row.take(static_cast<std::size_t>(length)), false};
}

/// A cursor over the values of one DataRow, in wire order; no index is built. It has been checked
/// when a sink sees it, and it dies with the call that it is passed to.
class DataRow {
 public:
  /// `body` must be well_formed() for some number of columns.
  explicit DataRow(Bytes body) noexcept : in_(body), size_(in_.u16()) {}

  /// The body of a DataRow message has this many values and nothing else (R-P3, R-P4).
  static bool well_formed(Bytes body, std::size_t columns) noexcept {
    Reader in(body);
    if (in.u16() != columns) return false;
    for (std::size_t i = 0; i < columns; ++i) {
      const std::int32_t length = in.i32();
      if (length >= 0) {
        in.take(static_cast<std::size_t>(length));
      } else if (length != -1) {
        return false;
      }
    }
    return in.done();
  }

  int size() const noexcept { return size_; }

  Field next() noexcept { return next_field(in_); }

  /// What has not been walked over yet, as it lies on the wire.
  Bytes rest() const noexcept { return Reader(in_).rest(); }

 private:
  Reader in_;
  int size_;
};

/// The completion of a command: "INSERT 0 5", "SELECT 3", "CREATE TABLE". A view of the text that it was made of.
class CommandTag {
 public:
  CommandTag() = default;
  explicit CommandTag(std::string_view text) noexcept : text_(text) {}

  std::string_view text() const noexcept { return text_; }
  /// The words before the numbers: "INSERT", "SELECT", "CREATE TABLE".
  std::string_view command() const noexcept;
  /// The number of rows affected or returned; -1 when the command has none, or an absurd one.
  std::int64_t rows() const noexcept;
  /// The server has dropped every prepared statement with this (DISCARD ALL, DEALLOCATE ALL).
  bool drops_statements() const noexcept { return text_ == "DISCARD ALL" || text_ == "DEALLOCATE ALL"; }

 private:
  std::string_view text_;
};

/// How much of one request's result may be kept: the sizes are those on the wire.
struct ResultLimits {
  std::uint64_t rows = UINT64_MAX;
  std::uint64_t bytes = UINT64_MAX;
  bool operator==(const ResultLimits&) const = default;
};

/// Where a result goes; the one interface between bytes and languages.
///
/// Called from inside the parser. A sink may read the row, build its own objects, submit further operations and
/// give up its own; it must not resume anybody, or destroy its operation or the connection.
class ResultSink {
 public:
  /// A result set begins. Always called before its first row, also when there is none.
  virtual void on_columns(const Columns&) {}
  /// False: the sink has had enough (it keeps the reason); the rest of the result is swallowed.
  /// An exception has the same effect and becomes the operation's failure.
  virtual bool on_row(DataRow row) = 0;
  /// It keeps every row, so that the session's ResultLimits hold for it.
  virtual bool keeps_rows() const noexcept { return false; }
  /// A command has ended. The tag is empty after an empty query or when a row limit was reached.
  virtual void on_complete(CommandTag) {}

 protected:
  ~ResultSink() = default;
};

}  // namespace pgstride::inline v0
