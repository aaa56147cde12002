// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// CancelRequest: a second connection to the same address, encrypted as the first, one message, and the
// wait for the server to hang up, which tells that the signal was sent.
#pragma once

#include <cstdint>
#include <memory>

#include "pgstride/driver/loop/loop.hpp"
#include "pgstride/driver/net/transport.hpp"
#include "pgstride/protocol/cancel_key.hpp"

namespace pgstride::inline v0 {

enum class CancelOutcome : std::uint8_t {
  not_sent,   // there was no connection to send it on
  uncertain,  // it may still arrive at any time
  delivered,  // the server has read it and closed, or will never read it
};

class CancelHandler {
 public:
  /// In a later turn of the loop. May destroy the CancelRequest.
  virtual void on_cancel_over(CancelOutcome outcome) noexcept = 0;

 protected:
  ~CancelHandler() = default;
};

/// One attempt. Its owner keeps the deadline: destroying it gives up.
class CancelRequest {
 public:
  /// Begins at once. `endpoint` and `key` outlive it.
  CancelRequest(Loop& loop, const Endpoint& endpoint, const CancelKey& key, CancelHandler& handler);
  ~CancelRequest();
  CancelRequest(const CancelRequest&) = delete;
  CancelRequest& operator=(const CancelRequest&) = delete;

 private:
  class Attempt;
  std::unique_ptr<Attempt> attempt_;
};

}  // namespace pgstride::inline v0
