// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/batch.hpp"

#include <algorithm>

#include "pgstride/driver/unattended.hpp"
#include "pgstride/protocol/operations/prepare.hpp"
#include "pgstride/protocol/session.hpp"

namespace pgstride::inline v0 {

Batch::Batch(Channel& channel) : channel_(channel) { arguments_.set_types(channel.session().types().get()); }

void Batch::add_encoded(StatementRef statement, const Arguments& arguments) {
  const std::uint64_t begin = arguments_.position();
  if (const auto failure = encode_arguments(arguments, *statement, arguments_)) {
    arguments_.truncate(begin);
    arguments_.take_failure();
    raise(*failure, statement->sql());
  }
  ends_.push_back(arguments_.position());
  queries_.items.push_back(std::make_unique<BatchItem>(std::move(statement)));
}

BatchRun Batch::run() {
  if (has_run_) throw Error(Errc::invalid_argument, "a batch runs once");
  Channel& channel = channel_.demand();
  has_run_ = true;
  std::uint64_t begin = 0;
  for (std::size_t i = 0; i < ends_.size(); ++i) {
    const StatementRef& statement = queries_.items[i]->statement();
    if (statement->state() == Statement::State::fresh) {
      Unattended<Prepare> prepare(statement);  // the statement keeps what comes of it
      channel.session().submit_unattended(prepare);
    }
    const Bytes arguments = arguments_.pending().subspan(begin, ends_[i] - begin);
    queries_.steps.push_back({statement, arguments, queries_.items[i].get()});
    begin = ends_[i];
  }
  return BatchRun(channel, std::move(queries_));
}

BatchRun::BatchRun(Channel& channel, BatchQueries queries)
    : BatchQueries(std::move(queries)), Waitable(channel, steps) {
  submit(steps.empty() ? std::string_view("batch") : std::string_view(steps.front().statement->sql()));
}

// What has made one of them stale has mostly done so to those behind it.
void BatchRun::on_error(std::shared_ptr<const ServerError> error) {
  const bool is_stale = error->is_stale_statement();
  ExecuteSeries::on_error(std::move(error));
  for (std::size_t i = failed_step(); is_stale && i < items.size(); ++i)
    session()->statements().erase(*items[i]->statement());
}

// What comes behind the last one, of constraints that are deferred, counts as that one's.
void BatchRun::on_notice(const Notice& notice) noexcept {
  if (!items.empty()) items[std::min(step(), items.size() - 1)]->add(notice);
}

std::string_view BatchRun::tag() const noexcept {
  return items.empty() ? std::string_view() : items.back()->tag();
}

std::vector<Result> BatchRun::take() {
  if (failure()) {
    // The one that failed or, when the failure is of none of them, the one that ran.
    const std::size_t at = failed_step() < items.size() ? failed_step() : step();
    const std::string size = std::to_string(items.size());
    raise(*failure(), at < items.size() ? "query " + std::to_string(at + 1) + " of " + size +
                                              " in the batch: " + items[at]->statement()->sql()
                                        : "a batch of " + size);
  }
  std::vector<Result> results;
  results.reserve(items.size());
  for (const auto& item : items) results.push_back(item->take());
  return results;
}

}  // namespace pgstride::inline v0
