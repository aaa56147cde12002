// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A result that is fetched as it is consumed: a portal of the server, read in batches, so that
// neither side ever holds more than one. Lives inside a transaction block, as portals do.
#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "pgstride/driver/arguments.hpp"
#include "pgstride/driver/channel_ref.hpp"
#include "pgstride/driver/coro/awaiting.hpp"
#include "pgstride/driver/result.hpp"

namespace pgstride::inline v0 {

/// Pinned: `Cursor rows = conn.cursor(…)`. Opening it travels with the first batch, which is asked
/// for by the first next(); each further one when the last row has been taken. Its destruction
/// closes the portal.
class [[nodiscard]] Cursor {
 public:
  Cursor(Channel& channel, StatementRef statement, const Arguments& arguments);
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  ~Cursor();

  /// Rows per round trip; 256 when nothing is said.
  Cursor& batch(std::uint32_t rows) noexcept {
    batch_ = rows == 0 ? 1 : rows;
    return *this;
  }
  /// The longest that any one next() may wait.
  Cursor& timeout(Duration limit) noexcept {
    timeout_ = limit;
    return *this;
  }

  /// co_await → const RowView*: the next row, valid until next() is called again; null after the last.
  auto next() & noexcept {
    struct Awaiter {
      explicit Awaiter(Cursor* self) noexcept : cursor(self) {}
      bool await_ready() const { return cursor->advance(); }
      void await_suspend(std::coroutine_handle<> waiting) { cursor->wait(awaiting, waiting); }
      const RowView* await_resume() const { return cursor->take(); }

      Cursor* cursor;
      Awaiting awaiting;
    };
    return Awaiter(this);
  }
  void next() && = delete;  // the row would go with the cursor

 private:
  class Step;

  bool advance();
  void wait(Awaiting& awaiting, std::coroutine_handle<> waiting);
  const RowView* take();
  bool more_to_fetch() const noexcept;

  ChannelRef channel_;
  StatementRef statement_;
  std::string portal_;
  std::uint32_t batch_ = 256;
  Duration timeout_ = unlimited;
  RowArena rows_;
  std::size_t next_ = 0;  // in rows_
  std::optional<RowView> row_;
  std::unique_ptr<Step> opening_;
  std::unique_ptr<Step> fetching_;  // the last batch; null before the first
};

}  // namespace pgstride::inline v0
