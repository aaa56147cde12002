// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Where a Failure becomes an exception: the C++ head throws these and nothing else, apart from
// ConfigurationError, std::bad_alloc and what the user's own code threw.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include "pgstride/protocol/error.hpp"
#include "pgstride/protocol/row.hpp"

namespace pgstride::inline v0 {

/// Something went wrong. What it was is in code(): an Errc, or an error of the operating system.
class Error : public std::runtime_error {
 public:
  Error(const Failure& failure, const std::string& what)
      : std::runtime_error(what),
        code_(failure.code),
        server_(failure.server),
        outcome_unknown_(failure.outcome_unknown) {}
  Error(Errc code, const std::string& what) : std::runtime_error(what), code_(make_error_code(code)) {}

  const std::error_code& code() const noexcept { return code_; }
  /// What the server said about it, if it did; null otherwise.
  const ServerError* server() const noexcept { return server_.get(); }
  /// The request reached the server, or may have, and its end was not seen: it may have had effects.
  bool outcome_unknown() const noexcept { return outcome_unknown_; }

 private:
  std::error_code code_;
  std::shared_ptr<const ServerError> server_;
  bool outcome_unknown_ = false;
};

/// A row does not fit what it is read into. Whoever reads rows on behalf of a query adds which query that was.
class RowError final : public Error {
 public:
  /// `columns` are those of the result that the row belongs to.
  RowError(Errc code, const std::string& what, const Columns& columns) : Error(code, what), of_(&columns) {}

  bool is_of(const Columns& columns) const noexcept { return of_ == &columns; }

 private:
  const Columns* of_;  // may be gone
};

/// The server refused a request. The views live as long as the exception or a copy of it.
class ServerException final : public Error {
 public:
  using Error::Error;

  /// Five characters; sqlstate.hpp has names for some.
  std::string_view sqlstate() const noexcept { return server()->sqlstate(); }
  std::string_view severity() const noexcept { return server()->severity(); }
  std::string_view message() const noexcept { return server()->message(); }
  std::string_view detail() const noexcept { return server()->detail(); }
  std::string_view hint() const noexcept { return server()->hint(); }
  /// Where in the query the mistake is, in characters from 1; 0 when the server did not say.
  int position() const noexcept;
  std::string_view schema_name() const noexcept { return server()->field('s'); }
  std::string_view table_name() const noexcept { return server()->field('t'); }
  std::string_view column_name() const noexcept { return server()->field('c'); }
  std::string_view data_type_name() const noexcept { return server()->field('d'); }
  std::string_view constraint_name() const noexcept { return server()->field('n'); }
};

/// Throws the exception for the failure; its text ends with the beginning of the query.
[[noreturn]] void raise(const Failure& failure, std::string_view sql = {});
/// The same for a row.
[[noreturn]] void raise(const RowError& error, std::string_view sql);

}  // namespace pgstride::inline v0
