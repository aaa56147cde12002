// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/request.hpp"

namespace pgstride::inline v0 {

const Failure& cancelled_failure() noexcept {
  static const Failure failure(Errc::cancelled, {});
  return failure;
}

void refuse_to_await_again() {
  throw Error(Errc::invalid_argument, "the request has been awaited before, which gave its result");
}

void observe_start(const Channel& channel, const Operation& request, std::string_view sql, bool prepares,
                   bool submitted) noexcept {
  Observer& observer = *channel.observer();
  observer.on_query_start({&request, sql, channel.cancel_key().pid, prepares});
  if (!submitted) observer.on_query_end({&request, {}, request.failure()});
}

}  // namespace pgstride::inline v0
