// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A channel as it is known to what users make from a connection, and may keep for longer: transactions, cursors,
// batches, prepared statements. Their connection may be closed, or given back to its pool, before they go out of scope.
#pragma once

#include <memory>

#include "pgstride/driver/channel.hpp"

namespace pgstride::inline v0 {

class ChannelRef {
 public:
  explicit ChannelRef(Channel& channel) : channel_(&channel), life_(channel.life()) {}

  /// Null when it has gone, or is another user's.
  Channel* get() const noexcept { return life_.expired() ? nullptr : channel_; }
  /// Throws Error (Errc::connection_closed) then.
  Channel& demand() const;

 private:
  Channel* channel_;
  std::weak_ptr<const void> life_;
};

}  // namespace pgstride::inline v0
