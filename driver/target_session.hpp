// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Which of several servers will do (target_session_attrs): what a server reports of itself, and,
// with one that reports too little, what it answers.
#pragma once

#include <coroutine>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pgstride/driver/channel.hpp"
#include "pgstride/protocol/operations/simple_query.hpp"

namespace pgstride::inline v0 {

enum class TargetSession : std::uint8_t { any, read_write, read_only, primary, standby, prefer_standby };

/// Whether a session will do, from the parameters that the server has reported (14 and newer);
/// nothing when they do not tell.
std::optional<bool> matches(TargetSession target, const Parameters& parameters) noexcept;

/// What is wrong with a server that will not do, for a person.
const char* mismatch(TargetSession target) noexcept;

/// co_await asked, when the parameters do not tell → matches(), or nothing when the question failed: see
/// the channel's session.
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
