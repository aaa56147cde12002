// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A pool's slot and the connection in it.
#include "pgstride/driver/pool_state.hpp"

namespace pgstride::inline v0 {

void PoolState::Seat::on_connected(std::unique_ptr<Channel> made) noexcept {
  connector.reset();
  connection = Connection(std::move(made));
  loan.backend_pid = connection.backend_pid();  // its user may close it, and then it cannot be asked
  observe_connect(pool.observer(), connection.channel(), pool.loop_.now() - connecting_since);
  demotion = Demotion(connection.channel().session().parameters());
  rest();
  pool.core_.connected(slot, pool.loop_.now());
  pool.pump(Caller::loop);
}

void PoolState::Seat::on_connect_failed(Failure failure) noexcept {
  pool.has_failed(*this, std::move(failure));
  pool.pump(Caller::loop);
}

bool PoolState::Seat::is_fit() const noexcept {
  const Channel& channel = connection.channel();
  return channel.session().quiescent() && !channel.cancelling() && !channel.tainted() &&
         connection.transaction_status() == TransactionStatus::idle;
}

bool PoolState::Seat::is_untouched() const noexcept {
  return connection.channel().session().completed() == answers && is_fit();
}

bool PoolState::Seat::is_lost() const noexcept {
  const Channel* channel = connection.channel_if_any();
  return channel && !channel->is_open() && channel->session().failure()->code != Errc::connection_closed;
}

bool PoolState::Seat::is_demoted() const noexcept {
  return demotion.has_happened(connection.channel().session().parameters());
}

std::string_view PoolState::Seat::reset_script() const noexcept {
  const auto& own = pool.options_.reset_script;
  return own ? std::string_view(*own) : default_reset_script(connection.channel().session().parameters());
}

bool PoolState::Seat::submit_reset(bool rolls_back, TimePoint deadline) noexcept {
  pool.core_.asks(slot);
  reset.emplace(connection.channel(), *this);
  return reset->submit(reset_script(), rolls_back, deadline);
}

// Says good-bye when nothing is under way; may be called by the channel's own handlers.
void PoolState::Seat::drop() noexcept {
  reset.reset();
  connector.reset();
  if (Channel* channel = connection.channel_if_any()) channel->set_events(nullptr);
  connection = Connection();
}

}  // namespace pgstride::inline v0
