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
#include <utility>

#include "pgstride/driver/arguments.hpp"
#include "pgstride/driver/channel_ref.hpp"
#include "pgstride/driver/coro/awaiting.hpp"
#include "pgstride/driver/exception.hpp"
#include "pgstride/driver/result.hpp"
#include "pgstride/driver/row_type.hpp"

namespace pgstride::inline v0 {

/// What all cursors have in common. Opening it travels with the first batch, which is asked for by the
/// first next(); each further one when the last row has been taken. Its destruction closes the portal.
class RowPortal {
 public:
  RowPortal(const RowPortal&) = delete;
  RowPortal& operator=(const RowPortal&) = delete;

  /// Rows per round trip; 256 when nothing is said.
  RowPortal& batch(std::uint32_t rows) noexcept {
    batch_ = rows == 0 ? 1 : rows;
    return *this;
  }
  /// The longest that any one next() may wait.
  RowPortal& timeout(Duration limit) noexcept {
    timeout_ = limit;
    return *this;
  }

 protected:
  RowPortal(Channel& channel, StatementRef statement, const Arguments& arguments);
  ~RowPortal();

  /// co_await → what `owner`.take() gives.
  template <class Owner>
  class Next {
   public:
    explicit Next(Owner& owner) noexcept : owner_(owner) {}
    Next(const Next&) = delete;
    Next& operator=(const Next&) = delete;

    bool await_ready() const { return owner_.advance(); }
    void await_suspend(std::coroutine_handle<> waiting) { owner_.wait(awaiting_, waiting); }
    auto await_resume() const { return owner_.take(); }

   private:
    Owner& owner_;
    Awaiting awaiting_;
  };

  const Statement& statement() const noexcept { return *statement_; }
  /// Throws when the portal could not be opened, or a batch has failed; not before either is known.
  void check() const;
  /// The next row, valid until advance() is called again; nothing after the last.
  std::optional<Bytes> take_row();

 private:
  class Step;

  bool advance();
  void wait(Awaiting& awaiting, std::coroutine_handle<> waiting);
  bool more_to_fetch() const noexcept;

  ChannelRef channel_;
  StatementRef statement_;
  std::string portal_;
  std::uint32_t batch_ = 256;
  Duration timeout_ = unlimited;
  RowArena rows_;
  std::size_t next_ = 0;  // in rows_
  std::unique_ptr<Step> opening_;
  std::unique_ptr<Step> fetching_;  // the last batch; null before the first
};

/// Pinned: `Cursor rows = conn.cursor(…)`.
class [[nodiscard]] Cursor final : public RowPortal {
 public:
  Cursor(Channel& channel, StatementRef statement, const Arguments& arguments)
      : RowPortal(channel, std::move(statement), arguments) {}

  /// co_await → const RowView*: the next row, valid until next() is called again; null after the last.
  Next<Cursor> next() & noexcept { return Next<Cursor>(*this); }
  void next() && = delete;  // the row would go with the cursor

 private:
  friend Next<Cursor>;
  const RowView* take();

  std::optional<RowView> row_;
};

/// The same, its rows as objects.
template <RowType T>
class [[nodiscard]] CursorAs final : public RowPortal {
 public:
  CursorAs(Channel& channel, StatementRef statement, const Arguments& arguments)
      : RowPortal(channel, std::move(statement), arguments) {}

  /// co_await → T*: the next row, the caller's until next() is called again, which is when what views in it point to
  /// goes; null after the last. Throws Error before the first row when the columns do not fit.
  Next<CursorAs> next() & noexcept { return Next<CursorAs>(*this); }
  void next() && = delete;

 private:
  friend Next<CursorAs>;
  T* take() try {
    this->check();
    if (!is_bound_) reader_.bind(this->statement().columns());
    is_bound_ = true;
    const auto row = this->take_row();
    return row ? &row_.emplace(reader_.read(*row)) : nullptr;
  } catch (const RowError& error) {
    raise(error, this->statement().sql());
  }

  RowReader<T> reader_;
  std::optional<T> row_;
  bool is_bound_ = false;
};

}  // namespace pgstride::inline v0
