// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/framing.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace pgstride::inline v0 {
namespace {

constexpr std::size_t initial_capacity = 4 << 10;      // most replies are small, and most connections idle
constexpr std::size_t streaming_capacity = 256 << 10;  // what a connection in full flow grows to
constexpr std::size_t keep_capacity = 1 << 20;         // more than this is returned once it is drained
constexpr std::size_t smallest_read = 2 << 10;

/// The lengths (the length field included, the type byte not) that a message type may announce.
struct Lengths {
  std::uint32_t least = 0;
  std::uint32_t most = 0;  // 0: the type is not legal in this phase
};

struct Rule {
  char type;
  const char* name;
  Lengths lengths;
};

constexpr std::uint32_t KiB = 1 << 10;
constexpr std::uint32_t MiB = 1 << 20;
constexpr std::uint32_t unlimited = 0x7fffffff;  // stands for max_message_size

// reliability R-M2: caps derive from the protocol.
constexpr Rule running_rules[] = {
    {'D', "DataRow", {6, unlimited}},
    {'d', "CopyData", {4, unlimited}},
    {'T', "RowDescription", {6, 64 * MiB}},
    {'t', "ParameterDescription", {6, 6 + 4 * 65535}},
    {'C', "CommandComplete", {5, 64 * KiB}},
    {'Z', "ReadyForQuery", {5, 5}},
    {'1', "ParseComplete", {4, 4}},
    {'2', "BindComplete", {4, 4}},
    {'3', "CloseComplete", {4, 4}},
    {'n', "NoData", {4, 4}},
    {'s', "PortalSuspended", {4, 4}},
    {'I', "EmptyQueryResponse", {4, 4}},
    {'c', "CopyDone", {4, 4}},
    {'G', "CopyInResponse", {7, 7 + 2 * 65535}},
    {'H', "CopyOutResponse", {7, 7 + 2 * 65535}},
    {'W', "CopyBothResponse", {7, 7 + 2 * 65535}},
    {'E', "ErrorResponse", {5, 64 * MiB}},
    {'N', "NoticeResponse", {5, 64 * MiB}},
    {'A', "NotificationResponse", {10, 1 * MiB}},
    {'S', "ParameterStatus", {6, 64 * KiB}},
};
constexpr Rule authenticating_rules[] = {
    {'R', "Authentication", {8, 2000}},  // but see continues_exchange()
    {'v', "NegotiateProtocolVersion", {12, 64 * KiB}},
    {'E', "ErrorResponse", {5, 30000}},
};
constexpr Rule starting_rules[] = {
    {'S', "ParameterStatus", {6, 64 * KiB}}, {'K', "BackendKeyData", {12, 264}},
    {'Z', "ReadyForQuery", {5, 5}},          {'N', "NoticeResponse", {5, 64 * KiB}},
    {'E', "ErrorResponse", {5, 64 * KiB}},
};

using Table = std::array<Lengths, 256>;

template <std::size_t N>
constexpr Table make_table(const Rule (&rules)[N]) {
  Table table{};
  for (const Rule& rule : rules) table[static_cast<unsigned char>(rule.type)] = rule.lengths;
  return table;
}

constexpr Table tables[] = {make_table(authenticating_rules), make_table(starting_rules),
                            make_table(running_rules)};

/// Authentication requests that may be longer: AuthenticationGSSContinue, AuthenticationSASLContinue.
constexpr std::uint32_t longest_continuation = 64 * KiB;
constexpr bool continues_exchange(std::int32_t kind) noexcept { return kind == 8 || kind == 11; }

template <std::size_t N>
const char* find_name(const Rule (&rules)[N], char type) noexcept {
  const auto* found =
      std::find_if(std::begin(rules), std::end(rules), [&](const Rule& r) { return r.type == type; });
  return found == std::end(rules) ? nullptr : found->name;
}

}  // namespace

const char* message_name(char type) noexcept {
  if (const char* name = find_name(running_rules, type)) return name;
  if (const char* name = find_name(authenticating_rules, type)) return name;
  if (const char* name = find_name(starting_rules, type)) return name;
  return "unknown message";
}

std::span<std::byte> ReadBuffer::prepare() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (capacity_ == 0) {
    reallocate(initial_capacity);
  } else if (filled_ && capacity_ < streaming_capacity) {
    reallocate(2 * capacity_);  // the peer sends faster than we read
  } else if (capacity_ - end_ < smallest_read || begin_ + std::min(wanted_, capacity_) > capacity_) {
    // The frame at hand does not fit behind what was consumed. Move it to the front; if the array
    // is full of it already, double: growth follows what has arrived.
    reallocate(unread() + smallest_read > capacity_ ? 2 * capacity_ : capacity_);
  }
  filled_ = false;
  return {data_.get() + end_, capacity_ - end_};
}

void ReadBuffer::commit(std::size_t count) noexcept {
  assert(count <= capacity_ - end_);
  end_ += count;
  filled_ = end_ == capacity_;
}

void ReadBuffer::reallocate(std::size_t capacity) {
  const std::size_t used = unread();
  if (capacity == capacity_) {
    std::memmove(data_.get(), data_.get() + begin_, used);
  } else {
    auto fresh = std::make_unique_for_overwrite<std::byte[]>(capacity);
    if (used > 0) std::memcpy(fresh.get(), data_.get() + begin_, used);
    data_ = std::move(fresh);
    capacity_ = capacity;
  }
  begin_ = 0;
  end_ = used;
}

// One huge row must not stay with an idle connection for life.
void ReadBuffer::give_back() noexcept {
  data_.reset();
  capacity_ = begin_ = end_ = 0;
  filled_ = false;
}

ReadBuffer::Next ReadBuffer::next(Frame& frame, Phase phase) noexcept {
  const std::size_t available = unread();
  if (available < header_size) {
    wanted_ = available;
    if (available == 0 && capacity_ > keep_capacity) give_back();
    return Next::need_more;
  }
  const std::byte* at = data_.get() + begin_;
  frame = {static_cast<char>(at[0]), {}};
  announced_length_ = load_big_endian<std::int32_t>(at + 1);

  const Lengths allowed = tables[static_cast<std::size_t>(phase)][static_cast<unsigned char>(frame.type)];
  if (allowed.most == 0) [[unlikely]]
    return Next::illegal_type;
  const auto length = static_cast<std::uint32_t>(announced_length_);
  const std::uint32_t most = allowed.most == unlimited ? max_message_size_ : allowed.most;
  if (announced_length_ < 0 || length < allowed.least || length > most) [[unlikely]] {
    if (announced_length_ > 0 && allowed.most == unlimited && length > most) return Next::over_limit;
    if (frame.type != 'R' || length < allowed.least || length > longest_continuation)
      return Next::illegal_length;
    if (available < header_size + 4) {
      wanted_ = available;
      return Next::need_more;
    }
    if (!continues_exchange(load_big_endian<std::int32_t>(at + header_size))) return Next::illegal_length;
  }

  const std::size_t size = std::size_t{1} + length;
  if (available < size) {
    wanted_ = size;
    return Next::need_more;
  }
  frame.body = {at + header_size, size - header_size};
  begin_ += size;
  wanted_ = 0;
  return Next::frame;
}

}  // namespace pgstride::inline v0
