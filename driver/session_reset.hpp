// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Brings a session back to the state of a new one, for its next user. One round trip, which may leave
// together with the last request of the previous user: it runs behind whatever is under way. When it finds
// a transaction block, or is hit by a cancel that was meant for that request, it is repeated, once, with a
// ROLLBACK in front.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pgstride/driver/channel.hpp"
#include "pgstride/protocol/operations/simple_query.hpp"

namespace pgstride::inline v0 {

class ResetHandler {
 public:
  /// `clean`: no transaction, nothing under way, no cancel that may still arrive. Otherwise nobody else
  /// must have the connection. May destroy the SessionReset.
  virtual void on_reset(bool clean) noexcept = 0;

 protected:
  ~ResetHandler() = default;
};

/// The script that undoes everything that a user of the session can have set, including role and session
/// authorization (R-L3), as far as this kind of server supports it.
std::string_view default_reset_script(const Parameters& parameters) noexcept;

/// It may begin a COPY from the client, and then no reset can leave with it: a server that waits for data
/// ignores it, or takes it for a mistake.
bool may_copy_in(std::string_view sql) noexcept;

class SessionReset {
 public:
  SessionReset(Channel& channel, ResetHandler& handler) noexcept : channel_(channel), handler_(handler) {}
  SessionReset(const SessionReset&) = delete;
  SessionReset& operator=(const SessionReset&) = delete;

  /// Submits `script`, which outlives this; flushing is the caller's. `rolls_back`: there is a transaction.
  /// False: the connection is closed, and the handler will not hear of it.
  [[nodiscard]] bool submit(std::string_view script, bool rolls_back = false,
                            TimePoint deadline = never) noexcept;
  /// Replaces the deadline, if it is under way. A reset that is late is not clean.
  void set_deadline(TimePoint deadline);
  bool pending() const noexcept { return step_ && step_->pending(); }

 private:
  class Step final : public SimpleQuery {
   public:
    Step(SessionReset& owner, std::string_view script) : SimpleQuery(script, nullptr), owner_(owner) {
      give_way();
    }

   private:
    void on_done() noexcept override { owner_.ended(); }
    SessionReset& owner_;
  };

  void ended() noexcept;

  Channel& channel_;
  ResetHandler& handler_;
  std::string_view script_;
  std::string with_rollback_;
  TimePoint deadline_ = never;
  bool repeated_ = false;
  std::optional<Step> step_;
};

}  // namespace pgstride::inline v0
