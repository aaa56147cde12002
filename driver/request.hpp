// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// An operation that a coroutine can wait for: what all awaitable requests have in common. Knows no
// grammar and no result.
#pragma once

#include <cassert>
#include <coroutine>
#include <string_view>
#include <utility>

#include "pgstride/driver/channel.hpp"
#include "pgstride/driver/exception.hpp"
#include "pgstride/driver/options.hpp"

namespace pgstride::inline v0 {

/// `Self` is the awaitable and has a take(), which gives what co_await gives or throws; `Grammar` is
/// the operation it stands for. Submitted when made, sent when first awaited: requests that are made
/// before any of them is awaited travel together. Destroyed before its end, it is cancelled.
template <class Self, class Grammar>
class Request : public Grammar {
 public:
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  /// The moment at which waiting ends with Errc::timed_out and the server is told to cancel.
  Self& deadline(TimePoint at) & {
    if (this->pending()) channel_.set_deadline(*this, at);
    return self();
  }
  Self&& deadline(TimePoint at) && { return std::move(deadline(at)); }
  /// The same, counted from now.
  Self& timeout(Duration limit) & { return deadline(deadline_after(channel_.loop().now(), limit)); }
  Self&& timeout(Duration limit) && { return std::move(timeout(limit)); }

  auto operator co_await() noexcept {
    struct Awaiter {
      Self* request;
      bool await_ready() const noexcept { return !request->pending(); }
      void await_suspend(std::coroutine_handle<> waiting) const { request->wait(waiting); }
      auto await_resume() const { return request->take(); }
    };
    return Awaiter{&self()};
  }

 protected:
  template <class... GrammarArguments>
  explicit Request(Channel& channel, GrammarArguments&&... arguments)
      : Grammar(std::forward<GrammarArguments>(arguments)...), channel_(channel) {}
  ~Request() {
    if (this->pending()) channel_.cancel(*this);
  }

  Channel& channel() const noexcept { return channel_; }
  /// Called at the end of the most derived constructor. When it fails, failure() tells.
  void submit() { (void)channel_.submit(*this); }
  void wait(std::coroutine_handle<> waiting) {
    assert(!waiting_ && "a request has one waiter");
    waiting_ = waiting;
    channel_.flush();
  }
  void check(std::string_view sql = {}) const {
    if (const Failure* failure = this->failure()) raise(*failure, sql);
  }

  void on_done() noexcept override {
    if (waiting_) std::exchange(waiting_, nullptr).resume();
  }

 private:
  Self& self() noexcept { return static_cast<Self&>(*this); }

  Channel& channel_;
  std::coroutine_handle<> waiting_;
};

}  // namespace pgstride::inline v0
