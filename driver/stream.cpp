// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/stream.hpp"

#include "pgstride/protocol/session.hpp"

namespace pgstride::inline v0 {
namespace {

constexpr std::size_t enough = 256 << 10;  // bytes that gather before the socket is left alone

}  // namespace

bool RowFlow::on_row(DataRow row) {
  if (gathered_.size() == 0) wake();
  gathered_.append(row.rest());
  gathered_bytes_ += row.rest().size() + sizeof(std::size_t);  // of a row without columns, where it ends
  is_full_ = gathered_bytes_ >= enough;
  if (is_full_) session()->pause();
  return true;
}

// What it was to be stirred for may have been taken already.
void RowFlow::on_progress() noexcept {
  if (has_news()) resume();
}

void RowFlow::close() noexcept {
  if (is_awaited() && pending()) {
    channel().dismiss(*this, {Errc::cancelled, {}});
  } else {
    give_up();
  }
  gathered_.clear();
  taken_.clear();
  next_ = gathered_bytes_ = 0;
  is_full_ = false;
}

std::optional<Bytes> RowFlow::take_row() {
  if (next_ == taken_.size()) {
    taken_.clear();
    std::swap(taken_, gathered_);
    next_ = gathered_bytes_ = 0;
    if (std::exchange(is_full_, false) && pending()) channel().read_on();
  }
  if (next_ < taken_.size()) return taken_[next_++];
  check(sql());
  return std::nullopt;
}

const RowView* Stream::take() {
  const auto row = take_row();
  return row ? &row_.emplace(*row, statement()->columns()) : nullptr;
}

}  // namespace pgstride::inline v0
