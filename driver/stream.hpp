// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A result that is consumed as it arrives, in a transaction or not. One request: the server sends as long
// as rows are taken, and has to wait when they are not. (A cursor asks for batch after batch instead, and
// lets other requests through in between.)
#pragma once

#include <coroutine>
#include <cstddef>
#include <optional>

#include "pgstride/driver/query.hpp"
#include "pgstride/driver/row_type.hpp"

namespace pgstride::inline v0 {

/// What all streams have in common. Sent when the first row is waited for.
class RowFlow : protected ResultSink, public BoundExecute, public Request<RowFlow> {
 public:
  /// No more rows are wanted, and those it gave are gone: as when it is destroyed, the query is cancelled on the server,
  /// and the connection serves the next request. From then on next() gives null, or throws what the query has failed
  /// of before. Whoever waits for a row meanwhile gets Errc::cancelled.
  void close() noexcept;

 protected:
  RowFlow(Channel& channel, StatementRef statement, const Arguments& arguments)
      : BoundExecute(channel, std::move(statement), &arguments, this) {}
  ~RowFlow() = default;

  /// co_await → what `owner`.take() gives.
  template <class Owner>
  class Next {
   public:
    explicit Next(Owner& owner) noexcept : owner_(owner) {}
    Next(const Next&) = delete;
    Next& operator=(const Next&) = delete;

    bool await_ready() const { return owner_.has_news(); }
    void await_suspend(std::coroutine_handle<> waiting) { owner_.wait(awaiting_, waiting); }
    auto await_resume() const { return owner_.take(); }

   private:
    Owner& owner_;
    Awaiting awaiting_;
  };

  bool has_news() const noexcept { return next_ < taken_.size() || gathered_.size() > 0 || !pending(); }
  /// The next row, valid until it is called again; nothing after the last. Throws when the query has failed.
  std::optional<Bytes> take_row();

 private:
  friend Request;
  bool on_row(DataRow row) override;
  void on_complete(CommandTag tag) override { completion_.add(tag); }
  void on_notice(const Notice& notice) noexcept override { completion_.add(notice); }
  void on_progress() noexcept override;
  std::string_view tag() const noexcept override { return completion_.tag(); }

  RowArena gathered_;
  RowArena taken_;
  std::size_t next_ = 0;  // in taken_
  std::size_t gathered_bytes_ = 0;
  bool is_full_ = false;
  Completion completion_;
};

/// Pinned: `Stream rows = conn.stream(…)`. Its deadline is for all of it. Between calls of next() no more
/// than some hundred kilobytes are received, and requests behind it wait. Destroyed or closed before its end, it
/// is cancelled on the server.
class [[nodiscard]] Stream final : public RowFlow {
 public:
  Stream(Channel& channel, StatementRef statement, const Arguments& arguments)
      : RowFlow(channel, std::move(statement), arguments) {
    submit();
  }

  /// co_await → const RowView*: the next row, valid until next() is called again; null after the last.
  Next<Stream> next() & noexcept { return Next<Stream>(*this); }
  void next() && = delete;  // the row would go with the stream

 private:
  friend Next<Stream>;
  const RowView* take();

  std::optional<RowView> row_;
};

/// The same, its rows as objects.
template <RowType T>
class [[nodiscard]] StreamAs final : public RowFlow {
 public:
  StreamAs(Channel& channel, StatementRef statement, const Arguments& arguments)
      : RowFlow(channel, std::move(statement), arguments) {
    submit();
  }

  /// co_await → T*: the next row, the caller's until next() is called again; null after the last.
  Next<StreamAs> next() & noexcept { return Next<StreamAs>(*this); }
  void next() && = delete;

 private:
  friend Next<StreamAs>;
  void on_columns(const Columns& columns) override {
    name_query([&] { reader_.bind(columns); });
  }
  T* take() {
    const auto row = take_row();
    return row ? name_query([&] { return &row_.emplace(reader_.read(*row)); }) : nullptr;
  }

  RowReader<T> reader_;
  std::optional<T> row_;
};

}  // namespace pgstride::inline v0
