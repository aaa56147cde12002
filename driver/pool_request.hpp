// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A single request on whichever connection of a pool is free: acquire, ask and give back in one co_await.
// The connection's reset leaves in the same write as the request. A request whose cached statement turns out to be
// stale, after an ALTER TABLE mostly, is made again: nothing of it was executed.
#pragma once

#include <concepts>
#include <memory>
#include <source_location>
#include <stop_token>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "pgstride/driver/coro/task.hpp"
#include "pgstride/driver/lease.hpp"
#include "pgstride/driver/limited.hpp"
#include "pgstride/driver/session_reset.hpp"
#include "pgstride/driver/stored_arguments.hpp"

namespace pgstride::inline v0 {

/// The text of a request on a pool, and where in the program it is made (see Loan).
class PoolSql {
 public:
  template <std::convertible_to<std::string_view> Text>
  PoolSql(const Text& text, std::source_location where = std::source_location::current())
      : text_(text), where_(where) {}

  std::string_view text() const noexcept { return text_; }
  const std::source_location& where() const noexcept { return where_; }

 private:
  std::string_view text_;
  std::source_location where_;
};

/// Tells the observer that a request is made again.
void observe_repeat(const Channel& channel, const ServerError& error) noexcept;

/// Makes a Request with arguments, once there is a connection, and again if it has to be. `Extra` is what the request
/// refers to.
template <class Request, class... Extra>
class WithArguments {
 public:
  template <class... Given>
  WithArguments(std::string_view sql, const Arguments& arguments, const TypeNames* types, Given&&... extra)
      : sql_(sql), arguments_(arguments, types), extra_(std::forward<Given>(extra)...) {}

  Request operator()(Channel& channel) {
    const auto make = [&](Extra&... extra) {
      return Request(channel, statement_for(channel.session(), sql_, arguments_.types()), arguments_,
                     extra...);
    };
    return std::apply(make, extra_);
  }
  static bool may_make_again(const Request& failed) noexcept { return failed.may_be_made_again(); }
  std::string_view sql() const noexcept { return sql_; }

 private:
  std::string sql_;
  StoredArguments arguments_;
  std::tuple<Extra...> extra_;
};

/// Makes a request of a script.
template <class Request>
class OfScript {
 public:
  explicit OfScript(std::string_view sql) : sql_(sql) {}
  Request operator()(Channel& channel) const { return Request(channel, sql_); }
  static bool may_make_again(const Request&) noexcept { return false; }
  std::string_view sql() const noexcept { return sql_; }

 private:
  std::string sql_;
};

/// co_await → what the request that `Make` makes gives, or what acquire() throws. Pinned; limited before it is
/// awaited; destroyed before its end, it is cancelled.
template <class Make>
class [[nodiscard]] PoolRequest {
 public:
  template <class... Given>
  PoolRequest(std::shared_ptr<PoolState> pool, std::source_location where, Given&&... given)
      : acquire_(std::move(pool), where), make_(std::forward<Given>(given)...) {}
  PoolRequest(const PoolRequest&) = delete;
  PoolRequest& operator=(const PoolRequest&) = delete;

  /// The moment at which waiting ends: for a connection with Errc::pool_timed_out, and nothing was sent; for the answer
  /// with Errc::timed_out. Both equal std::errc::timed_out.
  PoolRequest& deadline(TimePoint at) & {
    acquire_.deadline(at);
    deadline_ = at;
    return *this;
  }
  Limited<PoolRequest> deadline(TimePoint at) && { return Limited<PoolRequest>(deadline(at)); }
  /// The same, counted from now.
  PoolRequest& timeout(Duration limit) & { return deadline(deadline_after(acquire_.now(), limit)); }
  Limited<PoolRequest> timeout(Duration limit) && { return Limited<PoolRequest>(timeout(limit)); }
  /// request_stop() must be called on the loop's thread; waiting then ends with Errc::cancelled.
  PoolRequest& stop(std::stop_token token) & {
    stop_ = std::move(token);
    acquire_.stop(stop_);
    return *this;
  }
  Limited<PoolRequest> stop(std::stop_token token) && { return Limited<PoolRequest>(stop(std::move(token))); }

  auto operator co_await() {
    if (!std::exchange(is_asked_, true)) task_ = ask(*this);
    return task_.operator co_await();
  }

 private:
  using Asked = std::invoke_result_t<Make&, Channel&>;
  using Answer = decltype(std::declval<Asked&>().operator co_await().await_resume());

  static Task<Answer> ask(PoolRequest& self) {
    Lease lease = co_await self.acquire_;
    for (bool is_repeated = false;; is_repeated = true) {
      Asked request = self.make_(lease->channel());
      if (self.deadline_ != never) request.deadline(self.deadline_);
      if (self.stop_.stop_possible()) request.stop(self.stop_);
      if (request.pending() && !may_copy_in(self.make_.sql())) lease.reset_behind();
      try {
        co_return co_await request;
      } catch (const ServerException& error) {
        if (is_repeated || !Make::may_make_again(request)) throw;
        observe_repeat(lease->channel(), *error.server());
      }
    }
  }

  Acquire acquire_;
  Make make_;
  TimePoint deadline_ = never;
  std::stop_token stop_;
  bool is_asked_ = false;
  Task<Answer> task_;
};

}  // namespace pgstride::inline v0
