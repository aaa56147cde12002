// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/batch.hpp"

#include <algorithm>

#include "pgstride/driver/unattended.hpp"
#include "pgstride/protocol/operations/prepare.hpp"
#include "pgstride/protocol/session.hpp"

namespace pgstride::inline v0 {

Batch::Batch(Channel& channel) noexcept : channel_(channel) {
  arguments_.set_types(channel.session().types().get());
}

void Batch::add_encoded(StatementRef statement, const Arguments& arguments) {
  const std::uint64_t begin = arguments_.position();
  if (const auto failure = encode_arguments(arguments, *statement, arguments_)) {
    arguments_.truncate(begin);
    arguments_.take_failure();
    raise(*failure, statement->sql());
  }
  ends_.push_back(arguments_.position());
  items_.push_back(std::make_unique<BatchItem>(std::move(statement)));
}

BatchRun Batch::run() {
  if (!steps_.empty()) throw Error(Errc::invalid_argument, "a batch runs once");
  Channel& channel = channel_.demand();
  std::uint64_t begin = 0;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const StatementRef& statement = items_[i]->statement();
    if (statement->state() == Statement::State::fresh) {
      Unattended<Prepare> prepare(statement);  // the statement keeps what comes of it
      channel.session().submit_unattended(prepare);
    }
    const Bytes arguments = arguments_.pending().subspan(begin, ends_[i] - begin);
    steps_.push_back({statement, arguments, items_[i].get()});
    begin = ends_[i];
  }
  return BatchRun(channel, items_, steps_);
}

BatchRun::BatchRun(Channel& channel, std::vector<std::unique_ptr<BatchItem>>& items,
                   const std::vector<Step>& steps)
    : Waitable(channel, steps), items_(items) {
  submit(steps.empty() ? std::string_view("batch") : std::string_view(steps.front().statement->sql()));
}

// What has made one of them stale has mostly done so to those behind it.
void BatchRun::on_error(std::shared_ptr<const ServerError> error) {
  const bool is_stale = error->is_stale_statement();
  ExecuteSeries::on_error(std::move(error));
  for (std::size_t i = failed_step(); is_stale && i < items_.size(); ++i)
    session()->statements().erase(*items_[i]->statement());
}

// What comes behind the last one, of constraints that are deferred, counts as that one's.
void BatchRun::on_notice(const Notice& notice) noexcept {
  if (!items_.empty()) items_[std::min(step(), items_.size() - 1)]->add(notice);
}

std::vector<Result> BatchRun::take() {
  if (failure() && failed_step() < items_.size()) {
    raise(*failure(), "query " + std::to_string(failed_step() + 1) + " of " + std::to_string(items_.size()) +
                          " in the batch: " + items_[failed_step()]->statement()->sql());
  }
  check();
  std::vector<Result> results;
  results.reserve(items_.size());
  for (const auto& item : items_) results.push_back(item->take());
  return results;
}

}  // namespace pgstride::inline v0
