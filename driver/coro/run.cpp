// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/coro/run.hpp"

namespace pgstride::inline v0 {

Task<> when_all(std::vector<Task<>> tasks) {
  std::vector<detail::Branch> branches;
  branches.reserve(tasks.size());
  for (Task<>& task : tasks) branches.push_back(detail::branch(detail::Ended<void>(task)));
  detail::Gather gathering(branches);
  co_await gathering;
  for (Task<>& task : tasks) task.take();
}

}  // namespace pgstride::inline v0
