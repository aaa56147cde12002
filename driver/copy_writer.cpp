// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/copy_writer.hpp"

#include <algorithm>
#include <cassert>

namespace pgstride::inline v0 {

bool CopyWriter::write(Bytes data) {
  if (!pending()) return true;
  assert(has_room());
  if (batch_.pending().size() + data.size() <= piece) {
    batch_.append(data);
  } else {
    data_ = data;
  }
  return settle();
}

bool CopyWriter::settle() {
  if (!pending()) return true;
  if (has_room()) {
    channel_.flush_soon();
  } else {
    channel_.flush();
  }
  if (!pending()) return true;
  waiting_ = !has_room();
  if (!waiting_ && sent_ >= turn_budget) {  // others get their turn, even if the server takes everything
    waiting_ = true;
    channel_.flush_soon();
  }
  if (waiting_) sent_ = 0;
  return !waiting_;
}

void CopyWriter::end() {
  if (end_ == End::open) end_ = End::complete;
  if (pending()) channel_.flush();
}

void CopyWriter::break_off(std::string_view reason) {
  end_ = End::broken;
  reason_ = reason;
  data_ = {};
  batch_.truncate(batch_.sent());
  if (pending()) channel_.flush();
}

CopyIn::Supply CopyWriter::supply(WriteBuffer& out) {
  if (end_ == End::broken) return give_up(reason_);
  auto supplied = Supply::data;
  const std::uint64_t begin = out.position();
  if (const Bytes batch = batch_.pending(); !batch.empty()) {
    const Bytes taken = batch.first(std::min(batch.size(), piece));
    out.append(taken);
    batch_.consume(taken.size());
  } else if (!data_.empty()) {
    const Bytes taken = data_.first(std::min(data_.size(), piece));
    out.append(taken);
    data_ = data_.subspan(taken.size());
  } else {
    supplied = end_ == End::complete ? Supply::end : Supply::later;
  }
  sent_ += out.position() - begin;
  if (waiting_ && has_room()) {
    waiting_ = false;
    wake();
  }
  return supplied;
}

}  // namespace pgstride::inline v0
