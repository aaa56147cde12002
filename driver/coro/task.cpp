// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/coro/task.hpp"

#include "pgstride/driver/exception.hpp"

namespace pgstride::inline v0::detail {

void refuse_to_await() { throw Error(Errc::invalid_argument, "there is no task to wait for, or it is over"); }
void refuse_to_take() { throw Error(Errc::invalid_argument, "the task is not over yet"); }
void refuse_to_await_beside() {
  throw Error(Errc::invalid_argument, "another coroutine waits for this already");
}

}  // namespace pgstride::inline v0::detail
