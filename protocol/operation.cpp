// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/operation.hpp"

#include "pgstride/protocol/session.hpp"

namespace pgstride::inline v0 {

Operation::~Operation() {
  if (session_) session_->abandon(*this);
}

bool Operation::on_run(Frame& frame) {
  Session& session = *session_;  // which may be told in between that nobody waits for this any more
  do {
    if (!on_frame(frame)) return false;
  } while (session.next_of_run(frame));
  return true;
}

void Operation::wake() {
  if (session_) session_->wake(*this);
}

void Operation::fail(Failure failure) noexcept {
  if (!failure_) failure_ = keep(std::move(failure));
}

}  // namespace pgstride::inline v0
