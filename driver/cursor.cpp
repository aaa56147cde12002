// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/cursor.hpp"

#include <charconv>

#include "pgstride/driver/query.hpp"
#include "pgstride/driver/request.hpp"
#include "pgstride/driver/sqlstate.hpp"
#include "pgstride/driver/unattended.hpp"
#include "pgstride/protocol/frontend.hpp"

namespace pgstride::inline v0 {
namespace {

// A cursor does not move, so its address tells it from all others that are open.
std::string portal_name(const RowPortal* cursor) {
  char digits[2 * sizeof(std::uintptr_t)];
  const auto end =
      std::to_chars(digits, digits + sizeof digits, reinterpret_cast<std::uintptr_t>(cursor), 16).ptr;
  return "pgstride_" + std::string(digits, end);
}

class ClosePortal : public Operation {
 public:
  explicit ClosePortal(std::string_view portal) noexcept : Operation(Flow::extended), portal_(portal) {}

 private:
  Encoded encode(WriteBuffer& out) override {
    frontend::close_portal(out, portal_);
    frontend::sync(out);
    return Encoded::complete;
  }
  bool on_frame(const Frame&) override { return false; }

  std::string_view portal_;
};

}  // namespace

/// One request to the portal: that it be opened, or the next rows of it.
class RowPortal::Step final : ResultSink, public BoundExecute {
 public:
  Step(RowPortal& cursor, const Arguments* arguments, PortalStep step)
      : BoundExecute(cursor.channel_.demand(), cursor.statement_, arguments, this, step),
        rows_(cursor.rows_) {
    submit();
  }
  using BoundExecute::expire_after;
  using BoundExecute::wait;
  void throw_if_failed() const {
    // Outside a transaction block the portal has gone with the request that opened it.
    if (failure() && failure()->server && failure()->server->sqlstate() == sqlstate::invalid_cursor_name)
      throw Error(Errc::invalid_argument, "a cursor lives inside a transaction block, and there is none");
    check(sql());
  }

 private:
  bool on_row(DataRow row) override { return rows_.append(row.rest()), true; }

  RowArena& rows_;
};

RowPortal::RowPortal(Channel& channel, StatementRef statement, const Arguments& arguments)
    : channel_(channel), statement_(std::move(statement)), portal_(portal_name(this)) {
  PortalStep open;
  open.portal = portal_;
  open.execute = false;
  opening_ = std::make_unique<Step>(*this, &arguments, open);
}

RowPortal::~RowPortal() {
  const bool opened = opening_->pending() || !opening_->failure();
  fetching_.reset();
  opening_.reset();
  Channel* channel = channel_.get();
  if (!opened || channel == nullptr) return;
  Unattended<ClosePortal> close(portal_);
  submit_unattended(*channel, close);
}

bool RowPortal::more_to_fetch() const noexcept {
  if (!opening_->pending() && opening_->failure()) return false;
  return !fetching_ || fetching_->suspended();
}

// True: there is a row, or there will be none.
bool RowPortal::advance() {
  if (fetching_ && fetching_->pending()) return false;  // an earlier next() was not awaited to its end
  if (next_ < rows_.size() || !more_to_fetch()) return true;
  rows_.clear();
  next_ = 0;
  PortalStep fetch;
  fetch.portal = portal_;
  fetch.row_limit = batch_;
  fetch.bind = false;
  fetching_ = std::make_unique<Step>(*this, nullptr, fetch);
  fetching_->expire_after(timeout_);
  return !fetching_->pending();
}

void RowPortal::wait(Awaiting& awaiting, std::coroutine_handle<> waiting) {
  fetching_->wait(awaiting, waiting);
}

void RowPortal::check() const {
  opening_->throw_if_failed();
  if (fetching_) fetching_->throw_if_failed();
}

std::optional<Bytes> RowPortal::take_row() {
  if (next_ == rows_.size()) return std::nullopt;
  return rows_[next_++];
}

const RowView* Cursor::take() {
  row_.reset();
  check();
  const auto row = take_row();
  return row ? &row_.emplace(*row, statement().columns()) : nullptr;
}

}  // namespace pgstride::inline v0
