// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/cancel.hpp"

#include <array>
#include <utility>

#include "pgstride/driver/connect_steps.hpp"
#include "pgstride/driver/coro/task.hpp"
#include "pgstride/driver/tls_steps.hpp"
#include "pgstride/protocol/frontend.hpp"

namespace pgstride::inline v0 {

class CancelRequest::Attempt final : TimerHandler {
 public:
  Attempt(Loop& loop, const Endpoint& endpoint, const CancelKey& key, CancelHandler& handler)
      : loop_(loop), endpoint_(endpoint), key_(key), handler_(handler), timer_(loop.timer(*this)) {}

  void start() {
    task_ = run();
    task_.start();
  }

 private:
  // The frame is still running: the handler, which may destroy us, is called from the timer.
  Task<> run() {
    try {
      Task<> delivering = deliver();
      co_await delivering;
    } catch (...) {  // no memory: the outcome is what it was until then
    }
    timer_->arm(loop_.now());
  }

  Task<> deliver() {
    Socket socket;
    const std::error_code error = co_await connect_socket(loop_, socket, endpoint_.address, keepalive_);
    if (error) co_return;
    Transport transport(std::move(socket));
    if (endpoint_.tls) {
      const TlsOutcome started = co_await start_tls(loop_, transport, endpoint_);
      if (started.kind != TlsOutcome::Kind::encrypted) co_return;
    }
    WriteBuffer request;
    frontend::cancel_request(request, key_.pid, as_bytes(key_.key.reveal()));
    outcome_ = CancelOutcome::uncertain;
    while (!request.pending().empty() || transport.has_unsent()) {
      const IoResult sent = transport.write_some(request.pending());
      if (sent.eof || sent.error) co_return;
      request.consume(sent.bytes);
      if (!sent.would_block) continue;
      ready writable(loop_, transport.fd(), Ready::write);
      co_await writable;
    }
    // Some poolers answer with bytes; only the end of the stream means anything. A reset comes after
    // the request was read just as well.
    while (true) {
      ready readable(loop_, transport.fd(), Ready::read);
      co_await readable;
      std::array<std::byte, 256> ignored;
      const IoResult received = transport.read_some(ignored);
      if (received.eof || received.error) break;
    }
    outcome_ = CancelOutcome::delivered;
  }

  void on_timer() noexcept override { handler_.on_cancel_over(outcome_); }

  Loop& loop_;
  const Endpoint& endpoint_;
  const CancelKey& key_;
  CancelHandler& handler_;
  Keepalive keepalive_;
  std::unique_ptr<Timer> timer_;
  CancelOutcome outcome_ = CancelOutcome::not_sent;
  Task<> task_;  // last: its frame refers to everything above
};

CancelRequest::CancelRequest(Loop& loop, const Endpoint& endpoint, const CancelKey& key,
                             CancelHandler& handler)
    : attempt_(std::make_unique<Attempt>(loop, endpoint, key, handler)) {
  attempt_->start();
}

CancelRequest::~CancelRequest() = default;

}  // namespace pgstride::inline v0
