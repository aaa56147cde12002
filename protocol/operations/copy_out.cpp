// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/operations/copy_out.hpp"

#include "pgstride/protocol/frontend.hpp"

namespace pgstride::inline v0 {

Encoded CopyOut::encode(WriteBuffer& out) {
  phase_ = Phase::asked;
  hungry_ = true;
  frontend::query(out, sql_);
  return Encoded::complete;
}

bool CopyOut::on_copy(const CopyResponse& response) {
  if (response.to_server) fail({Errc::copy_not_expected, "the query is a COPY … FROM STDIN"});
  if (phase_ != Phase::asked) fail({Errc::copy_not_expected, "the query holds more than one COPY"});
  if (failure()) return false;
  phase_ = Phase::copying;
  on_start(response);
  return true;
}

void CopyOut::take(CopyData data) noexcept {
  try {
    switch (on_data(data)) {
      case Appetite::more: return;
      case Appetite::full:
        if (pending()) session()->pause();
        return;
      case Appetite::none: hungry_ = false; return;
    }
  } catch (...) {
    fail_as_thrown();
  }
}

bool CopyOut::on_run(Frame& frame) {
  if (phase_ != Phase::copying) return false;
  if (hungry_) take({*session(), frame});
  return true;
}

bool CopyOut::on_frame(const Frame& frame) {
  switch (frame.type) {
    case 'd': {
      Frame alone = frame;
      return on_run(alone);
    }
    case 'c':
      if (phase_ != Phase::copying) return false;
      phase_ = Phase::sent;
      return true;
    case 'C': {
      const auto tag = parse_command_complete(frame.body);
      if (!tag) return false;
      if (phase_ == Phase::asked || phase_ == Phase::over) return true;  // of other statements of the script
      phase_ = Phase::over;
      on_complete(*tag);
      return true;
    }
    case 'T':
    case 'D':
    case 'I':  // of other statements of the script
      return phase_ == Phase::asked || phase_ == Phase::over;
    case 'Z':
      if (phase_ == Phase::asked) fail({Errc::copy_not_expected, "the query is no COPY … TO STDOUT"});
      return phase_ == Phase::asked || phase_ == Phase::over;
    default: return false;
  }
}

void CopyOut::fail_as_thrown() noexcept {
  hungry_ = false;
  Failure failure{Errc::invalid_value, {}};  // no words: there may be no memory for any
  failure.thrown = std::current_exception();
  fail(std::move(failure));
}

}  // namespace pgstride::inline v0
