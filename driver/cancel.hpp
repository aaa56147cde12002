// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// CancelRequest: a second connection to the very address of the first, sixteen bytes, and the wait
// for the server to hang up, which tells that the signal was sent.
#pragma once

#include <memory>

#include "pgstride/driver/loop/loop.hpp"
#include "pgstride/driver/net/address.hpp"
#include "pgstride/driver/net/socket.hpp"
#include "pgstride/protocol/cancel_key.hpp"
#include "pgstride/protocol/write_buffer.hpp"

namespace pgstride::inline v0 {

class CancelHandler {
 public:
  /// `delivered`: the server has read the request and closed. Otherwise nobody can tell whether it
  /// will still arrive. May destroy the CancelRequest.
  virtual void on_cancel_over(bool delivered) noexcept = 0;

 protected:
  ~CancelHandler() = default;
};

/// One attempt. Its owner keeps the deadline: destroying it gives up.
class CancelRequest final : FdHandler {
 public:
  CancelRequest(Loop& loop, CancelHandler& handler) noexcept : loop_(loop), handler_(handler) {}
  CancelRequest(const CancelRequest&) = delete;
  CancelRequest& operator=(const CancelRequest&) = delete;

  /// False: it failed at once, and the handler will not hear of it.
  [[nodiscard]] bool start(const Address& address, const CancelKey& key);

 private:
  void on_fd(Ready ready) noexcept override;
  void over(bool delivered) noexcept;

  Loop& loop_;
  CancelHandler& handler_;
  Socket socket_;
  std::unique_ptr<Watch> watch_;
  WriteBuffer out_;
  bool connected_ = false;
};

}  // namespace pgstride::inline v0
