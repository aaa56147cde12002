// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/unattended.hpp"

#include "pgstride/driver/worded.hpp"
#include "pgstride/protocol/operations/simple_query.hpp"

namespace pgstride::inline v0 {

void submit_unattended(Channel& channel, Operation& operation) noexcept {
  if (!channel.is_open()) return;
  try {
    channel.session().submit_unattended(operation);
  } catch (...) {
    channel.abort(no_memory());
  }
}

void send_unattended(Channel& channel, std::string_view sql) noexcept {
  Unattended<SimpleQuery> request(sql, nullptr);
  submit_unattended(channel, request);
  if (request.failure() && channel.is_open())
    channel.abort(worded(Errc::connection_closed, "something was to be undone while arguments were encoded"));
  channel.flush();
}

}  // namespace pgstride::inline v0
