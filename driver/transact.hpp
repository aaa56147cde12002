// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A transaction as a function, run again after a serialization failure or deadlock.
#pragma once

#include <concepts>
#include <optional>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

#include "pgstride/driver/connection.hpp"
#include "pgstride/driver/coro/run.hpp"
#include "pgstride/driver/coro/task.hpp"
#include "pgstride/driver/exception.hpp"
#include "pgstride/driver/pool.hpp"

namespace pgstride::inline v0 {

/// How often, and how soon.
struct RetryPolicy {
  RetryPolicy() = default;
  explicit RetryPolicy(int attempts_, Duration first_pause_ = std::chrono::milliseconds(10),
                       Duration longest_pause_ = std::chrono::seconds(1)) noexcept
      : attempts(attempts_), first_pause(first_pause_), longest_pause(longest_pause_) {}

  int attempts = 5;
  /// Doubled with each attempt; the pause is a random part of it, between half and all.
  Duration first_pause = std::chrono::milliseconds(10);
  Duration longest_pause = std::chrono::seconds(1);
};

/// The server has undone the transaction and says that it may succeed when run again: SQLSTATE 40001
/// (serialization failure) or 40P01 (deadlock). Never when it is not known how a COMMIT ended.
bool is_retryable(const ServerException& error) noexcept;

/// How long to wait after this attempt, counted from 1, has failed.
Duration retry_pause(int attempt, const RetryPolicy& policy);

namespace detail {

/// Tells the observer. Returns the pause before the next attempt; nothing when there is to be none.
std::optional<Duration> next_attempt(Connection& connection, const ServerException& error, int attempt,
                                     const RetryPolicy& policy);

template <class T>
inline constexpr bool is_task = false;

template <class T>
struct TaskResult {
  static_assert(is_task<T>, "the function that transact() runs must return a Task, as a coroutine does");
  using Type = void;
};
template <class T>
struct TaskResult<Task<T>> {
  using Type = T;
};

template <class Body>
struct BodyResult : TaskResult<std::invoke_result_t<Body&, Transaction&>> {};
template <class Body>
  requires std::invocable<Body&, Connection&>
struct BodyResult<Body> : TaskResult<std::invoke_result_t<Body&, Connection&>> {};

// One attempt.
template <class Body>
Task<typename BodyResult<Body>::Type> attempt_transaction(Connection& connection, Body& body,
                                                          TransactionOptions options) {
  using T = typename BodyResult<Body>::Type;
  Begin begin = connection.begin(options);
  std::optional<Transaction> transaction;
  Task<T> work;
  if constexpr (std::invocable<Body&, Connection&>) {
    if (begin.is_futile()) (void)co_await begin;
    work = body(connection);
  } else {
    Transaction begun = co_await begin;
    transaction.emplace(std::move(begun));
    work = body(*transaction);
  }
  if constexpr (std::is_void_v<T>) {
    co_await work;
    if (!transaction) transaction.emplace(co_await begin);
    co_await transaction->commit();
  } else {
    T result = co_await work;
    if (!transaction) transaction.emplace(co_await begin);
    co_await transaction->commit();
    co_return result;
  }
}

}  // namespace detail

/// co_await → the result of the body's Task. Begins, runs the body, commits; an exception of the body rolls
/// back and is passed on. The body runs again after a failure that is_retryable(), so it should have no
/// effects outside the database. It is a function or a named lambda that takes either
///
///     Transaction&   BEGIN has been answered: savepoints can be made, or
///     Connection&    BEGIN leaves together with the body's first query.
template <class Body>
  requires std::invocable<Body&, Connection&> || std::invocable<Body&, Transaction&>
Task<typename detail::BodyResult<Body>::Type> transact(Connection& connection, Body body,
                                                       TransactionOptions options = TransactionOptions(),
                                                       RetryPolicy policy = RetryPolicy()) {
  for (int attempt = 1;; ++attempt) {
    Duration pause{};
    try {
      Task<typename detail::BodyResult<Body>::Type> once =
          detail::attempt_transaction(connection, body, options);
      co_return co_await once;
    } catch (const ServerException& error) {
      const auto next = detail::next_attempt(connection, error, attempt, policy);
      if (!next) throw;
      pause = *next;
    }
    Sleep pausing = sleep(connection.channel().loop(), pause);
    co_await pausing;
  }
}

/// The same on a connection of the pool, which is given back in the end.
template <class Body>
  requires std::invocable<Body&, Connection&> || std::invocable<Body&, Transaction&>
Task<typename detail::BodyResult<Body>::Type> transact(
    Pool& pool, Body body, TransactionOptions options = TransactionOptions(),
    RetryPolicy policy = RetryPolicy(), std::source_location where = std::source_location::current()) {
  Acquire acquire = pool.acquire(where);
  Lease lease = co_await acquire;
  Task<typename detail::BodyResult<Body>::Type> work = transact(*lease, std::move(body), options, policy);
  co_return co_await work;
}

}  // namespace pgstride::inline v0
