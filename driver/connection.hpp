// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The public face of one connection. Thin: every request is a function that submits an operation
// and returns what can be awaited. Any number may be under way; they are answered in order.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "pgstride/driver/batch.hpp"
#include "pgstride/driver/channel.hpp"
#include "pgstride/driver/copy.hpp"
#include "pgstride/driver/copy_rows.hpp"
#include "pgstride/driver/coro/task.hpp"
#include "pgstride/driver/cursor.hpp"
#include "pgstride/driver/options.hpp"
#include "pgstride/driver/prepared.hpp"
#include "pgstride/driver/query.hpp"
#include "pgstride/driver/stream.hpp"
#include "pgstride/driver/transaction.hpp"
#include "pgstride/driver/typed_query.hpp"

namespace pgstride::inline v0 {

/// Moved, not copied. The loop outlives it. What is made from it may stay behind when it is closed or goes, and
/// then fails. Belongs to the loop's thread, with all that is made from it.
class [[nodiscard]] Connection {
 public:
  /// Makes a closed one.
  Connection() = default;
  explicit Connection(std::unique_ptr<Channel> channel) noexcept : channel_(std::move(channel)) {}
  /// Out of a lease: the pool has nothing to do with it any more.
  Connection(Connection&& other) noexcept : channel_(std::move(other.channel_)) {
    if (channel_) channel_->set_events(nullptr);
  }
  Connection& operator=(Connection&& other) noexcept {
    Connection taken(std::move(other));
    std::swap(channel_, taken.channel_);
    return *this;
  }
  /// Ends the connection at once: requests still pending fail with Errc::connection_closed.
  ~Connection();

  // Where there are args, one ArgumentList may stand in their place.

  /// co_await → Result. Arguments are encoded before this returns; text goes as whatever type the
  /// server wants there, std::nullopt and nullptr as NULL. An argument that cannot be encoded fails the
  /// co_await, not this call, and so does a connection that was lost. Throws Error when the connection has been
  /// closed, or the text holds a NUL.
  template <Argument... Args>
  Query query(std::string_view sql, const Args&... args) {
    const ArgumentsOf arguments(args...);
    return Query(channel(), statement(sql, arguments), arguments);
  }

  /// co_await → std::vector<T>. T is a value, a std::tuple, or an aggregate whose members are called
  /// as the columns are (see RowNames). Throws Error before the first row when the columns do not fit.
  template <RowType T, Argument... Args>
  QueryAs<T> query_as(std::string_view sql, const Args&... args) {
    const ArgumentsOf arguments(args...);
    return QueryAs<T>(channel(), statement(sql, arguments), arguments);
  }
  /// co_await → T, of the only row. Throws Error (Errc::unexpected_row_count) when there is none, or more.
  template <RowType T, Argument... Args>
  QueryOne<T> query_one(std::string_view sql, const Args&... args) {
    const ArgumentsOf arguments(args...);
    return QueryOne<T>(channel(), statement(sql, arguments), arguments);
  }
  /// co_await → std::optional<T>, of the only row, if there is one. Throws Error when there are more.
  template <RowType T, Argument... Args>
  QueryOptional<T> query_optional(std::string_view sql, const Args&... args) {
    const ArgumentsOf arguments(args...);
    return QueryOptional<T>(channel(), statement(sql, arguments), arguments);
  }

  /// co_await → Completion, after look(const RowView&) has seen every row where it lies.
  template <std::invocable<const RowView&> Look, Argument... Args>
  Each<std::decay_t<Look>> each(Look&& look, std::string_view sql, const Args&... args) {
    const ArgumentsOf arguments(args...);
    return Each<std::decay_t<Look>>(channel(), statement(sql, arguments), arguments,
                                    std::forward<Look>(look));
  }
  /// The same, for look(const T&). Views inside a T are valid during the call only.
  template <RowType T, std::invocable<const T&> Look, Argument... Args>
  EachAs<T, std::decay_t<Look>> each(Look&& look, std::string_view sql, const Args&... args) {
    const ArgumentsOf arguments(args...);
    return EachAs<T, std::decay_t<Look>>(channel(), statement(sql, arguments), arguments,
                                         std::forward<Look>(look));
  }

  /// co_await → Completion, of a statement whose rows, if any, are dropped.
  template <Argument First, Argument... Rest>
  Command execute(std::string_view sql, const First& first, const Rest&... rest) {
    const ArgumentsOf arguments(first, rest...);
    return Command(channel(), statement(sql, arguments), arguments);
  }
  /// co_await → Completion, of a script of any number of statements. Outside a transaction block it
  /// is one transaction, as far as it does not begin and end its own.
  Script execute(std::string_view script) { return Script(channel(), script); }
  /// co_await → std::vector<Result>, one for each statement of the script. All values are text: read them
  /// into std::string or std::string_view.
  ScriptResults query_script(std::string_view script) { return ScriptResults(channel(), script); }

  /// Rows in batches, inside a transaction: `while (const RowView* row = co_await rows.next())`.
  template <Argument... Args>
  Cursor cursor(std::string_view sql, const Args&... args) {
    const ArgumentsOf arguments(args...);
    return Cursor(channel(), statement(sql, arguments), arguments);
  }
  /// The same, each row a T: `while (User* user = co_await users.next())`.
  template <RowType T, Argument... Args>
  CursorAs<T> cursor_as(std::string_view sql, const Args&... args) {
    const ArgumentsOf arguments(args...);
    return CursorAs<T>(channel(), statement(sql, arguments), arguments);
  }

  /// Rows as they come, in a transaction or not: `while (const RowView* row = co_await rows.next())`. The
  /// server waits while nobody asks for more.
  template <Argument... Args>
  Stream stream(std::string_view sql, const Args&... args) {
    const ArgumentsOf arguments(args...);
    return Stream(channel(), statement(sql, arguments), arguments);
  }
  /// The same, each row a T: `while (User* user = co_await users.next())`.
  template <RowType T, Argument... Args>
  StreamAs<T> stream_as(std::string_view sql, const Args&... args) {
    const ArgumentsOf arguments(args...);
    return StreamAs<T>(channel(), statement(sql, arguments), arguments);
  }

  /// co_await → CopyInStream, of a "COPY … FROM STDIN".
  StartCopy<CopyInStream> copy_in(std::string_view sql) { return {channel(), sql}; }
  /// co_await → CopyOutStream, of a "COPY … TO STDOUT".
  StartCopy<CopyOutStream> copy_out(std::string_view sql) { return {channel(), sql}; }
  /// co_await → CopyRowsIn, of a "COPY … FROM STDIN (FORMAT binary)". `limit` is for all of it.
  template <Encodable... Values>
  Task<CopyRowsIn<Values...>> copy_rows_in(std::string sql, Duration limit = unlimited) {
    return write_copied_rows<Values...>(ChannelRef(channel()), std::move(sql), limit);
  }
  /// The rows of a "COPY … TO STDOUT (FORMAT binary)", as tuples: `while (auto* row = co_await rows.next())`.
  /// Views among the values are valid until next() is called again.
  template <Decodable... Values>
  AsyncGenerator<std::tuple<Values...>> copy_rows_out(std::string sql, Duration limit = unlimited) {
    return read_copied_rows<Values...>(ChannelRef(channel()), std::move(sql), limit);
  }

  /// co_await → Prepared, which may be run any number of times. Parameters are of the types that the
  /// server infers, or of those named: prepare<int, std::string_view>(…).
  template <Encodable... Args>
  Preparing prepare(std::string_view sql) {
    return Preparing(channel(), new_statement(channel().session(), sql, ParameterTypes::of<Args...>()));
  }

  /// Several queries in one request, and one transaction unless there is one already:
  /// `Batch batch = conn.batch(); batch.add(…).add(…); … = co_await batch.run();`
  Batch batch() { return Batch(channel()); }

  /// co_await → Transaction. May go out together with the first query: make both, then await both.
  Begin begin(TransactionOptions options = TransactionOptions()) { return Begin(channel(), options); }

  /// Lets requests under way end, sends Terminate and waits for the server to hang up, for no longer
  /// than `limit`. The connection counts as closed from the call on.
  Task<> close(Duration limit = std::chrono::seconds(5));

  /// Neither side has ended it, and it is not a parent process's.
  bool is_open() const noexcept { return channel_ && channel_->is_open() && !channel_->is_inherited(); }
  /// What the server's last answer said; idle when the connection has been closed.
  TransactionStatus transaction_status() const noexcept;
  /// A run-time parameter that the server reports by itself (server_version, TimeZone, …); empty
  /// when it does not report that one. Valid until the server reports any, or the connection is closed.
  std::string_view parameter(std::string_view name) const noexcept;
  /// By TLS. Whether the server's identity was verified depends on sslmode.
  bool is_encrypted() const noexcept { return channel_ && channel_->tls() != nullptr; }
  /// What the TLS handshake agreed on; nothing when not encrypted.
  std::optional<TlsInfo> tls() const;
  /// The process serving this connection, unless a pooler made the number up; 0 when the server told none, or the
  /// connection has been closed.
  std::int32_t backend_pid() const noexcept;

  /// The wire below; null when the connection has been closed, or moved from.
  Channel* channel_if_any() const noexcept { return channel_.get(); }
  /// The wire below; throws Error when the connection has been closed.
  Channel& channel() const;

 private:
  StatementRef statement(std::string_view sql, const Arguments& arguments) const;

  std::unique_ptr<Channel> channel_;
};

/// Connects to the first host that answers. Throws ConfigurationError when an option is wrong, Error
/// or ServerException when no host accepts us; the text names every address that was tried.
[[nodiscard]] Task<Connection> connect(Loop& loop, ConnectOptions options);
/// By a connection string, and libpq's environment variables for what it leaves open.
[[nodiscard]] Task<Connection> connect(Loop& loop, std::string_view dsn);
inline Task<Connection> connect(Loop& loop, const char* dsn) { return connect(loop, std::string_view(dsn)); }
inline Task<Connection> connect(Loop& loop, const std::string& dsn) {
  return connect(loop, std::string_view(dsn));
}

}  // namespace pgstride::inline v0
