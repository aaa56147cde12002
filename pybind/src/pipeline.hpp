// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Pipeline: the order of a connection's exchanges where more than one may be under way. The server gets them in the
// order in which they were begun. So an exchange has the *line* until the last thing that it is sure to send has been
// sent (its statement may have to be prepared first, or types to be asked for), and those behind wait here.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>

#include "pgstride/driver/loop/loop.hpp"

namespace pgstride::python {

class Core;
class Exchange;

class Pipeline final : TimerHandler {
 public:
  explicit Pipeline(Core& core);

  /// Blocks may overlap: it is open until the last of them is left, or all at once.
  void enter() noexcept { ++blocks_; }
  void leave() noexcept {
    if (blocks_ > 0) --blocks_;
  }
  void leave_all() noexcept { blocks_ = 0; }
  bool is_open() const noexcept { return blocks_ > 0; }

  bool anybody_waits() const noexcept { return !waiting_.empty(); }
  /// Behind all who wait: Exchange::turn_has_come() follows, from the loop, unless it leaves before.
  void wait(Exchange& exchange);
  /// The same for a ROLLBACK that nobody waits for.
  void roll_back();
  /// It has got the line.
  void granted(const Exchange& exchange) noexcept { last_ = &exchange; }
  /// It has sent what it has to, and does not need the line any more.
  void has_sent(Exchange& exchange);
  /// It is going to send something else, and nobody has had the line since: it may have it once more.
  bool takes_back(Exchange& exchange) noexcept;
  /// It is over, or given up. False: it was not here.
  bool forget(Exchange& exchange) noexcept;
  /// The first that is here; null: there is none.
  Exchange* first() const noexcept;
  /// Of `has_line` (or null) and those who wait; nobody gets behind that one.
  const Exchange* who_waits_for_user(const Exchange* has_line) const noexcept;
  /// Whoever waits comes to his turn, if the line is free, in the next turn of the loop.
  void go_on_soon() noexcept;
  /// The loop is closed.
  void let_nobody_wait() noexcept;

 private:
  void on_timer() noexcept override;
  void expire() noexcept;
  void arm(TimePoint at) noexcept;

  Core& core_;
  std::unique_ptr<Timer> timer_;
  TimePoint armed_ = never;
  TimePoint next_deadline_ = never;  // of those who wait, or earlier
  std::deque<Exchange*> waiting_;    // null: a ROLLBACK
  std::deque<Exchange*> sent_;
  const Exchange* last_ = nullptr;  // to have had the line; may be gone
  unsigned blocks_ = 0;
};

}  // namespace pgstride::python
