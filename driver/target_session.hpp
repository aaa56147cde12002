// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Which of several servers is acceptable (target_session_attrs): by the parameters that it reports, or,
// where those are not enough, by its answer to a query.
#pragma once

#include <coroutine>
#include <optional>
#include <string>
#include <string_view>

#include "pgstride/driver/channel.hpp"
#include "pgstride/driver/options.hpp"
#include "pgstride/protocol/operations/simple_query.hpp"

namespace pgstride::inline v0 {

/// Whether a session is acceptable, from the parameters that the server has reported (14 and newer);
/// nothing when they do not tell.
std::optional<bool> matches(TargetSession target, const Parameters& parameters) noexcept;

/// Why a server is not acceptable, for a person.
const char* mismatch(TargetSession target) noexcept;

/// co_await → matches(), after asking the server; nothing when the query failed: see the channel's session.
class AskServer final : SimpleQuery, ResultSink {
 public:
  AskServer(Channel& channel, TargetSession target) noexcept;

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    if (!channel_.submit(*this)) return false;
    channel_.flush();
    return true;
  }
  std::optional<bool> await_resume() const noexcept;

 private:
  bool on_row(DataRow row) override;
  void on_done() noexcept override { waiting_.resume(); }

  Channel& channel_;
  TargetSession target_;
  std::string answer_;
  std::coroutine_handle<> waiting_;
};

}  // namespace pgstride::inline v0
