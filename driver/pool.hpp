// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A pool of connections for coroutines:
//
//     Pool pool(loop, PoolOptions("postgres://app@localhost/shop"));
//     Result users = co_await pool.query("select …");   // on whichever connection is free
//
//     Lease conn = co_await pool.acquire();              // for more than one request
//     Transaction tx = co_await conn->begin();
//
// A lease gives its connection back when it is destroyed, without waiting: the session's reset is queued
// behind whatever is under way, and the connection is lent again only when the server has confirmed it. Who
// gets which is decided in pool_core.hpp.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pgstride/driver/lease.hpp"
#include "pgstride/driver/pool_request.hpp"

namespace pgstride::inline v0 {

struct PoolOptions {
  PoolOptions() = default;
  explicit PoolOptions(ConnectOptions options) : connect(std::move(options)) {}
  /// By a connection string, and libpq's environment variables for what it leaves open. Throws
  /// ConfigurationError.
  explicit PoolOptions(std::string_view dsn);

  ConnectOptions connect;
  PoolLimits limits;
  /// Over waiting for a free connection, unless the request for one says otherwise.
  Duration acquire_timeout = std::chrono::seconds(30);
  /// The script that resets a session. Unset: resets everything that can have been set. Empty: nothing is
  /// sent, unless a transaction is open; for users who leave nothing behind.
  std::optional<std::string> reset_script;
  /// A reset that takes longer than this ends the connection.
  Duration reset_timeout = std::chrono::seconds(10);
  /// The same for asking whether a connection is still there.
  Duration check_timeout = std::chrono::seconds(5);
};

struct PoolStats {
  PoolStats() = default;

  PoolCounts counts;
  Duration waited{};        // all who got a connection, together
  Duration longest_wait{};  // of one of them
};

/// Belongs to the loop's thread, with all that is made from it; the loop outlives it. Its destruction closes
/// every connection at once, including those that are lent.
class [[nodiscard]] Pool {
 public:
  /// Opens its first connections (PoolLimits::min_size) by itself. Throws ConfigurationError.
  Pool(Loop& loop, PoolOptions options);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();

  /// co_await → Lease
  Acquire acquire(std::source_location where = std::source_location::current()) {
    return Acquire(state_, where);
  }

  // Requests on whichever connection is free, as Connection has them: acquired when they are awaited, given
  // back when they are over. Their deadline is for both. Arguments, an ArgumentList too, are encoded before this returns.
  // A statement that was kept prepared and no longer is what it was (after an ALTER TABLE, mostly) is prepared anew, and
  // the request made again, before anybody notices.

  /// co_await → Result
  template <Argument... Args>
  PoolRequest<WithArguments<Query>> query(PoolSql sql, const Args&... args) {
    return on_any<Query>(sql, ArgumentsOf(args...));
  }
  /// co_await → std::vector<T>
  template <RowType T, Argument... Args>
  PoolRequest<WithArguments<QueryAs<T>>> query_as(PoolSql sql, const Args&... args) {
    return on_any<QueryAs<T>>(sql, ArgumentsOf(args...));
  }
  /// co_await → T
  template <RowType T, Argument... Args>
  PoolRequest<WithArguments<QueryOne<T>>> query_one(PoolSql sql, const Args&... args) {
    return on_any<QueryOne<T>>(sql, ArgumentsOf(args...));
  }
  /// co_await → std::optional<T>
  template <RowType T, Argument... Args>
  PoolRequest<WithArguments<QueryOptional<T>>> query_optional(PoolSql sql, const Args&... args) {
    return on_any<QueryOptional<T>>(sql, ArgumentsOf(args...));
  }
  /// co_await → Completion, after look(const RowView&) has seen every row where it lies.
  template <std::invocable<const RowView&> Look, Argument... Args>
  PoolRequest<WithArguments<Each<std::decay_t<Look>&>, std::decay_t<Look>>> each(Look&& look, PoolSql sql,
                                                                                 const Args&... args) {
    return on_any<Each<std::decay_t<Look>&>, std::decay_t<Look>>(sql, ArgumentsOf(args...),
                                                                 std::forward<Look>(look));
  }
  /// The same, for look(const T&).
  template <RowType T, std::invocable<const T&> Look, Argument... Args>
  PoolRequest<WithArguments<EachAs<T, std::decay_t<Look>&>, std::decay_t<Look>>> each(Look&& look,
                                                                                      PoolSql sql,
                                                                                      const Args&... args) {
    return on_any<EachAs<T, std::decay_t<Look>&>, std::decay_t<Look>>(sql, ArgumentsOf(args...),
                                                                      std::forward<Look>(look));
  }
  /// co_await → Completion
  template <Argument First, Argument... Rest>
  PoolRequest<WithArguments<Command>> execute(PoolSql sql, const First& first, const Rest&... rest) {
    return on_any<Command>(sql, ArgumentsOf(first, rest...));
  }
  /// co_await → Completion, of a script.
  PoolRequest<OfScript<Script>> execute(PoolSql script);
  /// co_await → std::vector<Result>, one for each statement of a script, all values as text.
  PoolRequest<OfScript<ScriptResults>> query_script(PoolSql script);

  /// From the call on no connection is lent, and those who wait are refused. Waits until all are given back,
  /// for no longer than `limit`, then closes the rest under their users, and returns those loans.
  Task<std::vector<Loan>> close(Duration limit = std::chrono::seconds(30));

  /// Replaces all connections that are open now, lent ones when they come back.
  void expire();
  PoolStats stats() const;
  /// Who has a connection, and since when.
  std::vector<Loan> loans() const;

 private:
  template <class Request, class... Extra, class... Given>
  PoolRequest<WithArguments<Request, Extra...>> on_any(const PoolSql& sql, const Arguments& arguments,
                                                       Given&&... extra) {
    return {state_, sql.where(), sql.text(), arguments, types(), std::forward<Given>(extra)...};
  }
  const TypeNames* types() const noexcept;

  std::shared_ptr<PoolState> state_;
};

}  // namespace pgstride::inline v0
