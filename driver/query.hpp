// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The requests with arguments. Each is made by a function of Connection that encodes the arguments
// before it returns, and is the operation, the sink and the awaitable in one: pinned where the
// caller keeps it, nothing else is allocated. Templates end here; what they do is in query.cpp.
#pragma once

#include <coroutine>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pgstride/driver/argument_list.hpp"
#include "pgstride/driver/arguments.hpp"
#include "pgstride/driver/request.hpp"
#include "pgstride/driver/result.hpp"
#include "pgstride/protocol/operations/execute.hpp"
#include "pgstride/protocol/operations/simple_query.hpp"

namespace pgstride::inline v0 {

/// The statement for this text and these parameter types: a cached one, or a fresh one that is now
/// in the cache. Throws Error when the text holds a NUL.
StatementRef statement_for(Session& session, std::string_view sql, const ParameterTypes& types);
/// A statement of its own, in no cache.
StatementRef new_statement(Session& session, std::string_view sql, const ParameterTypes& types);
/// The statement's columns, in a form that may outlive it.
std::shared_ptr<const Columns> shared_columns(Statement& statement);
/// Throws Error when the text holds a NUL, which would end it on the wire.
std::string_view checked(std::string_view sql);

/// Execute with C++ arguments. Its sink is a base that stands in front of this one in the derived class: the
/// calls for each row then arrive without a thunk.
class BoundExecute : public Waitable<Execute> {
 public:
  /// It has failed before anything was executed, since the server no longer has its statement as it was prepared. The
  /// statement is not in the cache any more: made again, the request may succeed.
  bool may_be_made_again() const noexcept { return may_be_made_again_; }

 protected:
  /// `arguments` are used by submit() only.
  BoundExecute(Channel& channel, StatementRef statement, const Arguments* arguments, ResultSink* sink,
               PortalStep step = PortalStep());
  ~BoundExecute();
  /// Called at the end of the most derived constructor, as the sink is asked whether it keeps rows.
  void submit();

  bool encode_arguments(WriteBuffer& out) override;
  void on_error(std::shared_ptr<const ServerError> error) override;
  std::string_view sql() const noexcept { return statement()->sql(); }
  /// Calls what reads rows. When it throws because of one of this query's, the text says which query that is.
  template <class Read>
  decltype(auto) name_query(Read&& read) const {
    try {
      return read();
    } catch (const RowError& error) {
      if (!is_mine(error)) throw;
      raise(error, sql());
    }
  }

 private:
  bool is_mine(const RowError& error) const noexcept;

  const Arguments* arguments_;
  bool may_be_made_again_ = false;
};

/// co_await → Result: the rows are kept.
class [[nodiscard]] Query final : ResultSink, public BoundExecute, public Request<Query> {
 public:
  Query(Channel& channel, StatementRef statement, const Arguments& arguments);
  ~Query();

 private:
  friend Request;
  void on_columns(const Columns&) override;
  bool on_row(DataRow row) override { return rows_.append(row.rest()), true; }
  bool keeps_rows() const noexcept override { return true; }
  void on_complete(CommandTag tag) override { completion_.add(tag); }
  void on_notice(const Notice& notice) noexcept override { completion_.add(notice); }
  std::string_view tag() const noexcept override { return completion_.tag(); }
  Result take();

  std::shared_ptr<const Columns> columns_;
  RowArena rows_;
  Completion completion_;
};

/// co_await → Completion: rows, if any, are dropped.
class [[nodiscard]] Command final : ResultSink, public BoundExecute, public Request<Command> {
 public:
  Command(Channel& channel, StatementRef statement, const Arguments& arguments);
  ~Command();

 private:
  friend Request;
  bool on_row(DataRow) override { return true; }
  void on_complete(CommandTag tag) override;
  void on_notice(const Notice& notice) noexcept override { completion_.add(notice); }
  std::string_view tag() const noexcept override { return completion_.tag(); }
  Completion take();

  Completion completion_;
};

/// Shows rows as they are; RowReader<T> shows each as a T.
class RowViewer {
 public:
  void bind(const Columns& columns) noexcept { columns_ = &columns; }
  RowView read(Bytes values) const { return RowView(values, *columns_); }

 private:
  const Columns* columns_ = nullptr;
};

/// co_await → Completion: every row is shown to a function where it lies in the receive buffer. The
/// function may return false, or throw, to see no more of them; what it throws comes out of co_await.
template <class Look, class Reader = RowViewer>
class [[nodiscard]] Each final : ResultSink, public BoundExecute, public Request<Each<Look, Reader>> {
 public:
  template <class Given>
  Each(Channel& channel, StatementRef statement, const Arguments& arguments, Given&& look)
      : BoundExecute(channel, std::move(statement), &arguments, this), look_(std::forward<Given>(look)) {
    static_assert(
        !requires { typename std::coroutine_traits<Seen>::promise_type; },
        "the function that each() shows rows to returns before the next row: it is no coroutine");
    submit();
  }

 private:
  friend Request<Each>;
  using Shown = decltype(std::declval<const Reader&>().read(Bytes()));
  using Seen = std::invoke_result_t<Look&, const Shown&>;
  void on_columns(const Columns& columns) override {
    name_query([&] { reader_.bind(columns); });
  }
  bool on_row(DataRow row) override {
    return name_query([&] {
      const Shown shown = reader_.read(row.rest());
      if constexpr (std::is_same_v<Seen, bool>) {
        return look_(shown);
      } else {
        look_(shown);
        return true;
      }
    });
  }
  void on_complete(CommandTag tag) override { completion_.add(tag); }
  void on_notice(const Notice& notice) noexcept override { completion_.add(notice); }
  std::string_view tag() const noexcept override { return completion_.tag(); }
  Completion take() {
    check(sql());
    return std::move(completion_);
  }

  Look look_;
  Reader reader_;
  Completion completion_;
};

/// co_await → Completion: a script of any number of statements, without arguments.
class [[nodiscard]] Script final : ResultSink, public Waitable<SimpleQuery>, public Request<Script> {
 public:
  Script(Channel& channel, std::string_view sql);

 private:
  friend Request;
  bool on_row(DataRow) override { return true; }
  void on_complete(CommandTag tag) override { completion_.add(tag); }
  void on_notice(const Notice& notice) noexcept override { completion_.add(notice); }
  std::string_view tag() const noexcept override { return completion_.tag(); }
  Completion take();

  std::string excerpt_;
  Completion completion_;
};

/// co_await → std::vector<Result>: a script, with a Result for each of its statements.
class [[nodiscard]] ScriptResults final : ResultSink,
                                          public Waitable<SimpleQuery>,
                                          public Request<ScriptResults> {
 public:
  ScriptResults(Channel& channel, std::string_view sql);

 private:
  friend Request;
  void on_columns(const Columns& columns) override;
  bool on_row(DataRow row) override { return rows_.append(row.rest()), true; }
  bool keeps_rows() const noexcept override { return true; }
  void on_complete(CommandTag tag) override;
  void on_notice(const Notice& notice) noexcept override { completion_.add(notice); }
  std::string_view tag() const noexcept override;
  std::vector<Result> take();

  std::string excerpt_;
  std::vector<Result> results_;
  // Of the statement that runs.
  std::shared_ptr<const Columns> columns_;
  RowArena rows_;
  Completion completion_;
};

}  // namespace pgstride::inline v0
