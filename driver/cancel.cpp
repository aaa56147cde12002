// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/cancel.hpp"

#include <array>

#include "pgstride/protocol/frontend.hpp"

namespace pgstride::inline v0 {

bool CancelRequest::start(const Address& address, const CancelKey& key) {
  const std::error_code error = socket_.connect_start(address);
  if (error && error != std::errc::operation_in_progress) return false;
  frontend::cancel_request(out_, key.pid, as_bytes(key.key.reveal()));
  watch_ = loop_.watch(socket_.fd(), *this);
  watch_->want(Ready::write);
  return true;
}

void CancelRequest::on_fd(Ready) noexcept {
  if (!connected_) {
    const std::error_code error = socket_.connect_finish();
    if (error == std::errc::operation_in_progress) return;
    if (error) return over(false);
    connected_ = true;
  }
  if (!out_.pending().empty()) {
    const IoResult result = socket_.write_some(out_.pending());
    if (result.would_block) return;
    if (result.bytes == 0) return over(false);
    out_.consume(result.bytes);
    if (!out_.pending().empty()) return;
    watch_->want(Ready::read);
    return;
  }
  // Some poolers answer with bytes; only the end of the stream means anything. A reset comes after
  // the request was read just as well.
  std::array<std::byte, 256> ignored;
  const IoResult result = socket_.read_some(ignored);
  if (result.eof || result.error) over(true);
}

void CancelRequest::over(bool delivered) noexcept {
  watch_.reset();
  socket_.close();
  handler_.on_cancel_over(delivered);
}

}  // namespace pgstride::inline v0
