// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// An operation that a coroutine can wait for: what all awaitable requests have in common. Knows no
// grammar and no result.
#pragma once

#include <coroutine>
#include <memory>
#include <stop_token>
#include <string_view>
#include <utility>

#include "pgstride/driver/channel.hpp"
#include "pgstride/driver/coro/awaiting.hpp"
#include "pgstride/driver/exception.hpp"
#include "pgstride/driver/limited.hpp"

namespace pgstride::inline v0 {

/// Tells the observer that a request was made and, when it was not submitted, that it is over.
void observe_start(const Channel& channel, const Operation& request, std::string_view sql, bool prepares,
                   bool submitted) noexcept;
/// What an observer is told of a request that nobody waits for any more.
const Failure& cancelled_failure() noexcept;

[[noreturn, gnu::cold]] void refuse_to_await_again();

/// Dismisses an operation when a stop is requested.
struct Dismissal {
  void operator()() const noexcept {  // the connection may have gone before the request
    if (operation->pending()) channel->dismiss(*operation, {Errc::cancelled, {}});
  }
  Channel* channel;
  Operation* operation;
};
using StopCallback = std::stop_callback<Dismissal>;

/// The part of a request that does not depend on its result. `Grammar` is its operation.
template <class Grammar>
class Waitable : public Grammar {
 public:
  Waitable(const Waitable&) = delete;
  Waitable& operator=(const Waitable&) = delete;

 protected:
  template <class... GrammarArguments>
  explicit Waitable(Channel& channel, GrammarArguments&&... arguments)
      : Grammar(std::forward<GrammarArguments>(arguments)...), channel_(channel) {}
  ~Waitable() { give_up(); }

  /// The request is not wanted any more. Tells what became of it.
  Session::Abandoned give_up() {
    stop_.reset();
    if (!this->pending()) return Session::Abandoned::not_pending;
    if (channel_.observer()) [[unlikely]]
      channel_.observer()->on_query_end({this, {}, &cancelled_failure()});
    return channel_.cancel(*this);
  }

  Channel& channel() const noexcept { return channel_; }
  /// Called at the end of the most derived constructor. If it fails, failure() says why. `sql` is for
  /// observers.
  void submit(std::string_view sql) {
    const bool submitted = channel_.submit(*this);
    if (channel_.observer()) [[unlikely]]
      observe_start(channel_, *this, sql, this->preparing() != nullptr, submitted);
  }
  void expire_at(TimePoint at) {
    if (this->pending()) channel_.set_deadline(*this, at);
  }
  void expire_after(Duration limit) {  // the connection may have gone before the request
    if (this->pending()) channel_.set_deadline(*this, deadline_after(channel_.loop().now(), limit));
  }
  void stop_on(std::stop_token token) {
    stop_ = std::make_unique<StopCallback>(std::move(token), Dismissal{&channel_, this});
  }
  void wait(Awaiting& awaiting, std::coroutine_handle<> waiting) {
    wait_for_news(awaiting, waiting);
    channel_.flush();
  }
  /// Of one that has been sent: until resume().
  void wait_for_news(Awaiting& awaiting, std::coroutine_handle<> waiting) {
    awaiting.wait(awaited_, waiting);
  }
  bool is_awaited() const noexcept { return static_cast<bool>(awaited_); }
  void resume() noexcept { awaited_.resume(); }
  void check(std::string_view sql = {}) const {
    if (const Failure* failure = this->failure()) raise(*failure, sql);
  }

  void take_only_once() {
    if (std::exchange(is_taken_, true)) [[unlikely]]
      refuse_to_await_again();
  }

  /// For observers: the server's name for what was done ("SELECT 3").
  virtual std::string_view tag() const noexcept { return {}; }
  void on_first_row() noexcept override {
    if (channel_.observer()) [[unlikely]]
      channel_.observer()->on_first_row(this);
  }
  /// More has come than may be kept: the server need not send the rest.
  void on_progress() noexcept override {
    if (this->failure()) channel_.dismiss(*this, {Errc::cancelled, {}});  // the first failure stays
  }
  void on_done() noexcept override {
    if (channel_.observer()) [[unlikely]]
      channel_.observer()->on_query_end(
          {this, this->failure() ? std::string_view() : tag(), this->failure()});
    resume();
  }

 private:
  Channel& channel_;
  Awaited awaited_;
  std::unique_ptr<StopCallback> stop_;
  bool is_taken_ = false;
};

/// `Self` is a Waitable and has a take(), which gives what co_await gives or throws. Submitted when made,
/// sent when first awaited: requests that are made before any of them is awaited travel together. Awaited
/// once: a second time throws Error (Errc::invalid_argument). Destroyed before its end, it is cancelled.
template <class Self>
class Request {
 public:
  /// The moment at which waiting ends with Errc::timed_out and the server is told to cancel.
  Self& deadline(TimePoint at) & { return self().expire_at(at), self(); }
  Limited<Self> deadline(TimePoint at) && { return Limited<Self>(deadline(at)); }
  /// The same, counted from now.
  Self& timeout(Duration limit) & { return self().expire_after(limit), self(); }
  Limited<Self> timeout(Duration limit) && { return Limited<Self>(timeout(limit)); }

  /// request_stop() must be called on the loop's thread; waiting then ends with Errc::cancelled, and the server is told
  /// to cancel.
  Self& stop(std::stop_token token) & { return self().stop_on(std::move(token)), self(); }
  Limited<Self> stop(std::stop_token token) && { return Limited<Self>(stop(std::move(token))); }

  auto operator co_await() noexcept {
    struct Awaiter {
      explicit Awaiter(Self* self) noexcept : request(self) {}
      bool await_ready() const noexcept { return !request->pending(); }
      void await_suspend(std::coroutine_handle<> waiting) { request->wait(awaiting, waiting); }
      auto await_resume() const {
        request->take_only_once();
        return request->take();
      }

      Self* request;
      Awaiting awaiting;
    };
    return Awaiter(&self());
  }

 private:
  Self& self() noexcept { return static_cast<Self&>(*this); }
};

}  // namespace pgstride::inline v0
