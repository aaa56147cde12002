// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/exception.hpp"

#include <charconv>

namespace pgstride::inline v0 {
namespace {

constexpr std::size_t longest_excerpt = 160;

// The beginning of a query on one line, not cut inside a character.
std::string excerpt(std::string_view sql) {
  std::size_t length = sql.size();
  if (length > longest_excerpt) {
    length = longest_excerpt;
    while (length > 0 && (static_cast<unsigned char>(sql[length]) & 0xC0U) == 0x80U) --length;
  }
  std::string text(sql.substr(0, length));
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  if (length < sql.size()) text += " …";
  return text;
}

std::string with_excerpt(std::string what, std::string_view sql) {
  if (!sql.empty()) what.append(" [").append(excerpt(sql)).append("]");
  return what;
}

}  // namespace

int ServerException::position() const noexcept {
  const std::string_view text = server()->field('P');
  int position = 0;
  std::from_chars(text.data(), text.data() + text.size(), position);
  return position;
}

void raise(const RowError& error, std::string_view sql) {
  throw Error(static_cast<Errc>(error.code().value()), with_excerpt(error.what(), sql));
}

void raise(const Failure& failure, std::string_view sql) {
  if (failure.thrown) std::rethrow_exception(failure.thrown);
  // To the one request that is told by the server, as to those behind it, the connection is lost.
  if (failure.code == Errc::server_error && failure.server->is_fatal()) {
    Failure lost = failure;
    lost.code = make_error_code(Errc::connection_lost);
    raise(lost, sql);
  }
  const std::string what = with_excerpt(describe(failure), sql);
  if (failure.server && failure.code == Errc::server_error) throw ServerException(failure, what);
  throw Error(failure, what);
}

}  // namespace pgstride::inline v0
