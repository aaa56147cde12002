// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/channel_ref.hpp"

#include "pgstride/driver/exception.hpp"

namespace pgstride::inline v0 {

Channel& ChannelRef::demand() const {
  if (Channel* channel = get()) return *channel;
  throw Error(Errc::connection_closed, "the connection has been closed, or given back");
}

}  // namespace pgstride::inline v0
