// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A statement that the user prepared and holds on to. Those of Connection::query() are prepared and
// kept automatically; this is for seeing parameters and columns, or for not depending on the cache.
#pragma once

#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pgstride/driver/channel_ref.hpp"
#include "pgstride/driver/cursor.hpp"
#include "pgstride/driver/query.hpp"
#include "pgstride/driver/stream.hpp"
#include "pgstride/driver/typed_query.hpp"
#include "pgstride/protocol/operations/prepare.hpp"

namespace pgstride::inline v0 {

/// Copies stand for the same statement; the server forgets it after the last one has gone. Usable as long as
/// there is the connection.
class Prepared {
 public:
  Prepared(ChannelRef channel, StatementRef statement) noexcept
      : channel_(std::move(channel)), statement_(std::move(statement)) {}
  // Moving copies: what was moved from stands for the statement, too.
  Prepared(const Prepared&) = default;
  Prepared& operator=(const Prepared&) = default;

  // Valid as long as this, or a copy of it.

  const std::string& sql() const noexcept { return statement_->sql(); }
  /// The parameters' types, as the server has inferred them or was told.
  const std::vector<Oid>& parameters() const noexcept { return statement_->parameters(); }
  /// Of the result; none when the statement has no result.
  const Columns& columns() const noexcept { return statement_->columns(); }

  // As Connection's functions of the same names.
  template <Argument... Args>
  Query query(const Args&... args) const {
    return Query(channel_.demand(), statement_, ArgumentsOf(args...));
  }
  template <RowType T, Argument... Args>
  QueryAs<T> query_as(const Args&... args) const {
    return QueryAs<T>(channel_.demand(), statement_, ArgumentsOf(args...));
  }
  template <RowType T, Argument... Args>
  QueryOne<T> query_one(const Args&... args) const {
    return QueryOne<T>(channel_.demand(), statement_, ArgumentsOf(args...));
  }
  template <RowType T, Argument... Args>
  QueryOptional<T> query_optional(const Args&... args) const {
    return QueryOptional<T>(channel_.demand(), statement_, ArgumentsOf(args...));
  }
  template <std::invocable<const RowView&> Look, Argument... Args>
  Each<std::decay_t<Look>> each(Look&& look, const Args&... args) const {
    return Each<std::decay_t<Look>>(channel_.demand(), statement_, ArgumentsOf(args...),
                                    std::forward<Look>(look));
  }
  template <RowType T, std::invocable<const T&> Look, Argument... Args>
  EachAs<T, std::decay_t<Look>> each(Look&& look, const Args&... args) const {
    return EachAs<T, std::decay_t<Look>>(channel_.demand(), statement_, ArgumentsOf(args...),
                                         std::forward<Look>(look));
  }
  template <Argument... Args>
  Command execute(const Args&... args) const {
    return Command(channel_.demand(), statement_, ArgumentsOf(args...));
  }
  template <Argument... Args>
  Cursor cursor(const Args&... args) const {
    return Cursor(channel_.demand(), statement_, ArgumentsOf(args...));
  }
  template <RowType T, Argument... Args>
  CursorAs<T> cursor_as(const Args&... args) const {
    return CursorAs<T>(channel_.demand(), statement_, ArgumentsOf(args...));
  }
  template <Argument... Args>
  Stream stream(const Args&... args) const {
    return Stream(channel_.demand(), statement_, ArgumentsOf(args...));
  }
  template <RowType T, Argument... Args>
  StreamAs<T> stream_as(const Args&... args) const {
    return StreamAs<T>(channel_.demand(), statement_, ArgumentsOf(args...));
  }

 private:
  ChannelRef channel_;
  StatementRef statement_;
};

/// co_await → Prepared
class [[nodiscard]] Preparing final : public Waitable<Prepare>, public Request<Preparing> {
 public:
  Preparing(Channel& channel, StatementRef statement)
      : Waitable(channel, std::move(statement)), home_(channel) {
    submit(this->statement()->sql());
  }

 private:
  friend Request;
  Prepared take() {
    check(statement()->sql());
    return Prepared(home_, statement());
  }

  ChannelRef home_;  // it may be awaited when the connection has gone
};

}  // namespace pgstride::inline v0
