// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/operations/copy_in.hpp"

#include "pgstride/protocol/frontend.hpp"

namespace pgstride::inline v0 {

Encoded CopyIn::encode(WriteBuffer& out) {
  phase_ = Phase::asked;
  reason_.clear();
  frontend::query(out, sql_);
  return Encoded::waits;
}

Encoded CopyIn::feed(WriteBuffer& out) {
  if (phase_ != Phase::copying) return Encoded::waits;
  const std::uint64_t begin = out.position();
  auto supplied = Supply::later;
  std::uint64_t data = 0;
  {
    Message message(out, 'd');
    data = out.position();
    supplied = supply(out);
  }
  if (out.take_failure()) {
    fail(message_too_large());
    supplied = give_up("the data exceed what a message can hold");
  }
  if (!pending()) {  // given up by the code that was asked for data: the session ends it here
    out.truncate(begin);
    return Encoded::more;
  }
  if (supplied == Supply::failed || out.position() == data) out.truncate(begin);
  switch (supplied) {
    case Supply::data: return Encoded::more;
    case Supply::later: return Encoded::waits;
    case Supply::end:
      phase_ = Phase::ended;
      frontend::copy_done(out);
      return Encoded::complete;
    case Supply::failed: break;
  }
  phase_ = Phase::given_up;
  frontend::copy_fail(out, reason_);
  return Encoded::complete;
}

bool CopyIn::on_copy(const CopyResponse& response) {
  if (!response.to_server) fail({Errc::copy_not_expected, "the query is a COPY … TO STDOUT"});
  if (phase_ != Phase::asked) fail({Errc::copy_not_expected, "the query holds more than one COPY"});
  if (failure()) return false;
  phase_ = Phase::copying;
  on_start(response);
  wake();
  return true;
}

bool CopyIn::on_frame(const Frame& frame) {
  switch (frame.type) {
    case 'T':
    case 'D':
    case 'I':  // of other statements of the script
      return phase_ == Phase::asked || phase_ == Phase::over;
    case 'C': {
      const auto tag = parse_command_complete(frame.body);
      return tag && on_completion(*tag);
    }
    case 'Z':
      if (phase_ == Phase::asked) fail({Errc::copy_not_expected, "the query is no COPY … FROM STDIN"});
      return phase_ == Phase::asked || phase_ == Phase::over;
    default: return false;
  }
}

bool CopyIn::on_completion(CommandTag tag) {
  switch (phase_) {
    case Phase::asked:
    case Phase::over: return true;  // of other statements of the script
    case Phase::copying:
      fail({Errc::copy_not_expected, "the server ended the COPY before it had all data"});
      phase_ = Phase::over;
      return true;
    case Phase::ended:
      phase_ = Phase::over;
      on_complete(tag);
      return true;
    case Phase::given_up: break;  // what was given up must not succeed
  }
  return false;
}

void CopyIn::on_error(std::shared_ptr<const ServerError> error) {
  if (phase_ != Phase::given_up) Operation::on_error(std::move(error));
  phase_ = Phase::over;
}

}  // namespace pgstride::inline v0
