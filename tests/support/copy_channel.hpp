// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Both ends of a COPY over a socket: whoever is slow makes the other wait.
#pragma once

#include <algorithm>
#include <functional>
#include <string>

#include "pgstride/driver/copy_writer.hpp"
#include "pgstride/protocol/operations/copy_out.hpp"

#include "tests/support/open_channel.hpp"

namespace pgstride::test {

inline constexpr std::size_t MiB = 1 << 20;

/// Takes in `room` bytes, and is full.
class Taker final : public CopyOut {
 public:
  Taker(Channel& channel, std::size_t capacity)
      : CopyOut("copy t to stdout"), room(capacity), channel_(channel) {}
  ~Taker() {
    if (pending()) channel_.cancel(*this);
  }

  std::string outcome() const { return failure() ? describe(*failure()) : tag; }
  void make_room(std::size_t bytes) {
    room = bytes;
    channel_.read_on();
  }

  std::size_t room;
  std::size_t taken = 0;
  std::string tag;
  int ended = 0;

 private:
  Appetite on_data(CopyData& data) override {
    for (Bytes message; data.next(message);) {
      taken += message.size();
      room -= std::min(room, message.size());
      if (room == 0) return Appetite::full;
    }
    return Appetite::more;
  }
  void on_complete(CommandTag t) override { tag = t.text(); }
  void on_done() noexcept override { ++ended; }

  Channel& channel_;
};

class Writer final : public CopyWriter {
 public:
  explicit Writer(Channel& c) : CopyWriter(c, "copy t from stdin") {}
  ~Writer() {
    if (pending()) channel().cancel(*this);
  }

  std::string outcome() const { return failure() ? describe(*failure()) : tag; }

  std::string tag;
  int stirred = 0;
  int ended = 0;
  std::function<void()> on_stir;

 private:
  void on_complete(CommandTag t) override { tag = t.text(); }
  void on_progress() noexcept override {
    ++stirred;
    if (on_stir) on_stir();
  }
  void on_done() noexcept override { ++ended; }
};

struct CopyChannel : OpenChannel {
  template <class Copy>
  void start(Copy& copy, Duration timeout = Duration::max()) {
    BOOST_REQUIRE(channel->submit(copy, timeout == Duration::max() ? never : loop.now() + timeout));
    channel->flush();
    BOOST_TEST(server.hears().starts_with("Query(copy t "));
  }
  void start_writing(Writer& writer, Duration timeout = Duration::max()) {
    start(writer, timeout);
    server.says(copy_response('G'));
    loop.run_until_idle();
    BOOST_TEST(writer.stirred >= 1);
  }
  /// Until there is no more room; the bytes taken. The last piece is the one that is being waited for.
  std::size_t fill(Writer& writer, const std::string& piece) {
    for (std::size_t written = 0; written < 8 * MiB;) {
      const bool has_room = writer.write(as_bytes(piece));
      written += piece.size();
      if (!has_room) loop.run_until_idle();
      if (!writer.has_room()) return written;
    }
    BOOST_FAIL("a socket that is never full");
    return 0;
  }

  /// As much as the socket takes at a time; the rest is kept.
  void pour(std::string& bytes) {
    const auto result = server.socket().write_some(as_bytes(bytes));
    bytes.erase(0, result.bytes);
  }
};

inline std::string rows(std::size_t bytes) {
  std::string data;
  while (data.size() < bytes) data += copy_data(std::string(1000, 'x'));
  return data;
}

inline const std::string end_of_copy = copy_done() + command_complete("COPY 1") + ready_for_query();

}  // namespace pgstride::test
