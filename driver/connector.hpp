// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// From options to an open connection: every host, every address of it, authentication; one deadline
// over all of it. Both heads connect through this.
#pragma once

#include <memory>

#include "pgstride/driver/channel.hpp"
#include "pgstride/driver/options.hpp"

namespace pgstride::inline v0 {

class ConnectHandler {
 public:
  /// Exactly one of these, once, in a later turn of the loop. May destroy the Connector.
  virtual void on_connected(std::unique_ptr<Channel> channel) noexcept = 0;
  /// The failure names every host and address that was tried and what was wrong with it.
  virtual void on_connect_failed(Failure failure) noexcept = 0;

 protected:
  ~ConnectHandler() = default;
};

/// Tells the observer, which may be null, that a connection was made, or why not.
void observe_connect(Observer* observer, const Channel& made, Duration took) noexcept;
void observe_connect(Observer* observer, const Failure& why, Duration took) noexcept;

/// One attempt to connect. Destroying it gives up, at any point.
class Connector {
 public:
  /// `options` are complete(). `handler` outlives the connector.
  Connector(Loop& loop, ConnectOptions options, ConnectHandler& handler);
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  void start();

 private:
  class Attempt;
  std::unique_ptr<Attempt> attempt_;
};

}  // namespace pgstride::inline v0
