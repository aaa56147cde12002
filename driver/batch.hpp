// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Several queries as one request: they share one round trip and, outside a transaction block, one
// transaction of their own. (Independent queries need no batch: make them all, then await them.)
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pgstride/driver/arguments.hpp"
#include "pgstride/driver/channel_ref.hpp"
#include "pgstride/driver/query.hpp"
#include "pgstride/driver/request.hpp"
#include "pgstride/driver/result.hpp"
#include "pgstride/protocol/operations/execute_series.hpp"

namespace pgstride::inline v0 {

/// The rows of one of the queries.
class BatchItem final : public ResultSink {
 public:
  explicit BatchItem(StatementRef statement) noexcept : statement_(std::move(statement)) {}

  const StatementRef& statement() const noexcept { return statement_; }
  void add(const Notice& notice) noexcept { completion_.add(notice); }
  const std::string& tag() const noexcept { return completion_.tag(); }
  Result take() { return Result(std::move(columns_), std::move(rows_), std::move(completion_)); }

 private:
  void on_columns(const Columns&) override { columns_ = shared_columns(*statement_); }
  bool on_row(DataRow row) override { return rows_.append(row.rest()), true; }
  bool keeps_rows() const noexcept override { return true; }
  void on_complete(CommandTag tag) override { completion_.add(tag); }

  StatementRef statement_;
  std::shared_ptr<const Columns> columns_;
  RowArena rows_;
  Completion completion_;
};

struct BatchQueries {
  std::vector<std::unique_ptr<BatchItem>> items;
  std::vector<ExecuteSeries::Step> steps;  // one for each
};

/// co_await → std::vector<Result>, one for each query. Throws the error of the first query that failed,
/// and names it; outside a transaction block none of them has had any effect then.
class [[nodiscard]] BatchRun final : BatchQueries, public Waitable<ExecuteSeries>, public Request<BatchRun> {
 public:
  /// What the queries' arguments are views of is used before this returns.
  BatchRun(Channel& channel, BatchQueries queries);

 private:
  friend Request;
  void on_error(std::shared_ptr<const ServerError> error) override;
  void on_notice(const Notice& notice) noexcept override;
  std::string_view tag() const noexcept override;
  std::vector<Result> take();
};

/// To be filled, then run once, as long as there is the connection.
class [[nodiscard]] Batch {
 public:
  explicit Batch(Channel& channel);
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  /// Arguments are encoded before this returns. Throws Error when one cannot be.
  template <Argument... Args>
  Batch& add(std::string_view sql, const Args&... args) {
    const ArgumentsOf arguments(args...);
    add_encoded(statement_for(channel_.demand().session(), sql, arguments.types()), arguments);
    return *this;
  }
  std::size_t size() const noexcept { return ends_.size(); }

  /// co_await → std::vector<Result>
  BatchRun run();

 private:
  void add_encoded(StatementRef statement, const Arguments& arguments);

  ChannelRef channel_;
  WriteBuffer arguments_;            // of all the queries, one behind the other
  std::vector<std::uint64_t> ends_;  // where each query's arguments end there
  BatchQueries queries_;
  bool has_run_ = false;
};

}  // namespace pgstride::inline v0
