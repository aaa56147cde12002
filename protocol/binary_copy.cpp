// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/binary_copy.hpp"

#include <algorithm>
#include <string_view>

namespace pgstride::inline v0 {
namespace {

using namespace std::literals;

constexpr std::string_view signature = "PGCOPY\n\377\r\n\0"sv;
constexpr std::size_t header_size = 11 + 4 + 4;        // signature, flags, length of the extension
constexpr std::uint32_t critical_flags = 0xffff'0000;  // a reader that does not know one must not go on
constexpr std::size_t longest_extension = 64 << 10;    // none is in use
constexpr std::int16_t trailer = -1;

}  // namespace

void write_copy_header(WriteBuffer& out) {
  out.text(signature);
  out.u32(0);
  out.u32(0);
}

void write_copy_trailer(WriteBuffer& out) { out.i16(trailer); }

void BinaryCopyReader::feed(Bytes data) {
  if (pieces_.empty()) {
    in_ = data;
  } else {
    pieces_.insert(pieces_.end(), data.begin(), data.end());
    in_ = pieces_;
  }
}

BinaryCopyReader::Next BinaryCopyReader::next(Bytes& tuple) {
  if (state_ == State::signature) {
    if (in_.size() < header_size) return wait();
    if (!read_header()) return refuse();
  }
  if (state_ == State::extension) {
    const std::size_t skipped = std::min(extension_, in_.size());
    in_ = in_.subspan(skipped);
    extension_ -= skipped;
    if (extension_ > 0) return wait();
    state_ = State::tuples;
  }
  if (state_ == State::tuples) return read_tuple(tuple);
  if (state_ == State::complete) return in_.empty() ? wait() : refuse();
  return Next::malformed;
}

bool BinaryCopyReader::read_header() {
  Reader in(in_);
  const bool is_ours = as_text(in.take(signature.size())) == signature;
  const std::uint32_t flags = in.u32();
  extension_ = in.u32();
  in_ = in.rest();
  state_ = State::extension;
  return is_ours && (flags & critical_flags) == 0 && extension_ <= longest_extension;
}

BinaryCopyReader::Next BinaryCopyReader::read_tuple(Bytes& tuple) {
  Reader in(in_);
  if (in.remaining() < 2) return wait();
  const std::int16_t count = in.i16();
  if (count == trailer) {
    in_ = in.rest();
    state_ = State::complete;
    return in_.empty() ? wait() : refuse();
  }
  if (count < 0 || static_cast<std::size_t>(count) != columns_) return refuse();
  for (std::size_t i = 0; i < columns_; ++i) {
    if (in.remaining() < 4) return wait();
    const std::int32_t length = in.i32();
    if (length < -1) return refuse();
    if (length == -1) continue;
    if (in.remaining() < static_cast<std::size_t>(length)) return wait();
    in.take(static_cast<std::size_t>(length));
  }
  tuple = in_.first(in_.size() - in.remaining());
  in_ = in.rest();
  return Next::tuple;
}

// What is left goes with the data that it lies in.
BinaryCopyReader::Next BinaryCopyReader::wait() {
  if (pieces_.empty()) {
    pieces_.assign(in_.begin(), in_.end());
  } else {
    pieces_.erase(pieces_.begin(), pieces_.end() - static_cast<std::ptrdiff_t>(in_.size()));
  }
  in_ = pieces_;
  return Next::more;
}

BinaryCopyReader::Next BinaryCopyReader::refuse() noexcept {
  state_ = State::malformed;
  return Next::malformed;
}

}  // namespace pgstride::inline v0
