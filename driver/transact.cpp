// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/transact.hpp"

#include <random>

#include "pgstride/driver/backoff.hpp"
#include "pgstride/driver/sqlstate.hpp"

namespace pgstride::inline v0 {

bool is_retryable(const ServerException& error) noexcept {
  const std::string_view state = error.sqlstate();
  return !error.outcome_unknown() &&
         (state == sqlstate::serialization_failure || state == sqlstate::deadlock_detected);
}

Duration retry_pause(int attempt, const RetryPolicy& policy) {
  const Duration pause = doubled_pause(attempt, policy.first_pause, policy.longest_pause);
  // Those who met must not meet again.
  thread_local std::minstd_rand random{std::random_device{}()};
  return pause / 2 + Duration(std::uniform_int_distribution<Duration::rep>(0, (pause / 2).count())(random));
}

std::optional<Duration> detail::next_attempt(Connection& connection, const ServerException& error,
                                             int attempt, const RetryPolicy& policy) {
  if (attempt >= policy.attempts || !is_retryable(error)) return std::nullopt;
  const Duration pause = retry_pause(attempt, policy);
  if (Observer* observer = connection.channel().observer())
    observer->on_retry({attempt, error.sqlstate(), pause});
  return pause;
}

}  // namespace pgstride::inline v0
