// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/target_session.hpp"

namespace pgstride::inline v0 {
namespace {

bool is_about_writing(TargetSession target) noexcept {
  return target == TargetSession::read_write || target == TargetSession::read_only;
}

/// `restricted`: read-only, or a standby, as the target asks.
bool will_do(TargetSession target, bool restricted) noexcept {
  return (target == TargetSession::read_write || target == TargetSession::primary) != restricted;
}

}  // namespace

std::optional<bool> matches(TargetSession target, const Parameters& parameters) noexcept {
  if (target == TargetSession::any) return true;
  const auto standby = parameters.get("in_hot_standby");
  const auto read_only = parameters.get("default_transaction_read_only");
  if (is_about_writing(target)) {
    if (standby == "on" || read_only == "on") return will_do(target, true);
    if (standby.empty() || read_only.empty()) return std::nullopt;
    return will_do(target, false);
  }
  if (standby.empty()) return std::nullopt;
  return will_do(target, standby == "on");
}

const char* mismatch(TargetSession target) noexcept {
  switch (target) {
    case TargetSession::any: break;
    case TargetSession::read_write: return "session is read-only";
    case TargetSession::read_only: return "session is not read-only";
    case TargetSession::primary: return "server is in hot standby mode";
    case TargetSession::standby:
    case TargetSession::prefer_standby: return "server is not in hot standby mode";
  }
  return "";
}

AskServer::AskServer(Channel& channel, TargetSession target) noexcept
    : SimpleQuery(
          is_about_writing(target) ? "SHOW transaction_read_only" : "SELECT pg_catalog.pg_is_in_recovery()",
          this),
      channel_(channel),
      target_(target) {}

bool AskServer::on_row(DataRow row) {
  answer_ = as_text(row.next().bytes);
  return true;
}

std::optional<bool> AskServer::await_resume() const noexcept {
  if (failure() || answer_.empty()) return std::nullopt;
  return will_do(target_, answer_ == "on" || answer_ == "t");
}

}  // namespace pgstride::inline v0
