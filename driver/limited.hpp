// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What limits a request that is a temporary still: co_await conn.query(…).timeout(2s).
#pragma once

#include <stop_token>
#include <utility>

#include "pgstride/driver/loop/loop.hpp"

namespace pgstride::inline v0 {

/// Such a request, which goes at the end of the expression that made it: to be awaited there, or limited further. One
/// that is kept is limited where it is kept: `auto query = conn.query(…); query.timeout(2s);`
template <class Request>
class [[nodiscard]] Limited {
 public:
  explicit Limited(Request& request) noexcept : request_(request) {}
  Limited(const Limited&) = delete;
  Limited& operator=(const Limited&) = delete;

  Limited deadline(TimePoint at) && { return Limited(request_.deadline(at)); }
  Limited timeout(Duration limit) && { return Limited(request_.timeout(limit)); }
  Limited stop(std::stop_token token) && { return Limited(request_.stop(std::move(token))); }

  auto operator co_await() && { return request_.operator co_await(); }
  template <class Kept = Request>
  auto operator co_await() & {
    static_assert(
        sizeof(Kept) == 0,
        "the request has gone with the expression that made it; keep that, then say what limits it: "
        "auto query = conn.query(...); query.timeout(...);");
    return request_.operator co_await();
  }

 private:
  Request& request_;
};

}  // namespace pgstride::inline v0
