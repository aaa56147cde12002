// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/session_reset.hpp"

#include <algorithm>

namespace pgstride::inline v0 {

std::string_view default_reset_script(const Parameters& parameters) noexcept {
  if (!parameters.get("padb_revision").empty()) return "RESET ALL;";  // Amazon Redshift
  if (!parameters.get("crdb_version").empty() || !parameters.get("crate_version").empty()) return {};
  return "RESET SESSION AUTHORIZATION;\nSELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET "
         "ALL;";
}

bool may_copy_in(std::string_view sql) noexcept {
  constexpr std::string_view word = "stdin";
  return std::search(sql.begin(), sql.end(), word.begin(), word.end(),
                     [](char a, char b) { return (a | 0x20) == b; }) != sql.end();
}

bool SessionReset::submit(std::string_view script, bool rolls_back, TimePoint deadline) noexcept try {
  script_ = script;
  deadline_ = deadline;
  repeated_ = rolls_back;
  if (rolls_back) with_rollback_.assign("ROLLBACK;\n").append(script);
  step_.emplace(*this, rolls_back ? std::string_view(with_rollback_) : script);
  return channel_.submit(*step_, deadline);
} catch (...) {  // no memory: without it, nobody may have the connection
  channel_.abort(no_memory());
  return false;
}

void SessionReset::set_deadline(TimePoint deadline) {
  deadline_ = deadline;
  if (pending()) channel_.set_deadline(*step_, deadline);
}

void SessionReset::ended() noexcept {
  const Failure* failure = step_->failure();
  const Session& session = channel_.session();
  const bool clean = !failure && session.transaction() == TransactionStatus::idle && session.quiescent() &&
                     !channel_.cancelling() && !channel_.tainted();
  const bool worth_repeating = !clean && !repeated_ && channel_.is_open() && (!failure || failure->server);
  if (!worth_repeating || !submit(script_, true, deadline_)) return handler_.on_reset(clean);
  channel_.flush();
}

}  // namespace pgstride::inline v0
