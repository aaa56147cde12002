// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Proves R-P2, R-M1, R-M2.
#include <algorithm>
#include <cstring>

#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/framing.hpp"

#include "tests/support/backend_writer.hpp"

namespace pgstride::test {
namespace {

using Next = ReadBuffer::Next;

constexpr std::uint32_t default_limit = (1u << 30) - 1;
constexpr std::size_t KiB = 1024;

void receive(ReadBuffer& in, std::string_view bytes, std::size_t at_most = SIZE_MAX) {
  while (!bytes.empty()) {
    const auto space = in.prepare();
    BOOST_REQUIRE(!space.empty());
    const std::size_t count = std::min({space.size(), bytes.size(), at_most});
    std::memcpy(space.data(), bytes.data(), count);
    in.commit(count);
    bytes.remove_prefix(count);
  }
}

std::string next_word(ReadBuffer& in, Phase phase = Phase::running) {
  Frame frame;
  switch (in.next(frame, phase)) {
    case Next::frame: return frame.type + std::string(as_text(frame.body));
    case Next::need_more: return "need more";
    case Next::illegal_type: return std::string("illegal type ") + frame.type;
    case Next::illegal_length: return "illegal length " + std::to_string(in.announced_length());
    case Next::over_limit: return "over limit " + std::to_string(in.announced_length());
  }
  return "";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(framing)

// What next_alike() leaves alone, next() finds as if it had never been asked.
BOOST_AUTO_TEST_CASE(a_run_holds_what_next_would_give) {
  const std::string bytes =
      copy_data("xyz") + copy_data("") + copy_data("uvw") + ready_for_query() + copy_data("xy");
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    ReadBuffer in(default_limit);
    std::string words;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      receive(in, std::string_view(bytes).substr(at, piece));
      for (std::string word; word != "need more"; words += word == "need more" ? "" : word + "|") {
        Frame frame;
        word = in.next_alike('d', frame) ? "+" + std::string(as_text(frame.body)) : next_word(in);
      }
    }
    BOOST_TEST(words == "+xyz|d|+uvw|ZI|+xy|");
    BOOST_TEST(in.unread() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_run_does_not_go_beyond_the_limits) {
  for (const std::int64_t length : {0, 5, 101, INT32_MAX, INT32_MIN, -1}) {
    ReadBuffer in(100);
    receive(in, lying_message('d', length, std::string(500, 'x')));
    Frame frame;
    BOOST_TEST(!in.next_alike('d', frame), length);
    BOOST_TEST(in.unread() == 505u);
  }
}

BOOST_AUTO_TEST_CASE(frames_come_out_as_they_went_in) {
  const std::string bytes = command_complete("A") + copy_data("") + copy_data("xyz") + ready_for_query();
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    ReadBuffer in(default_limit);
    std::string words;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      receive(in, std::string_view(bytes).substr(at, piece));
      for (auto word = next_word(in); word != "need more"; word = next_word(in)) words += word + "|";
    }
    BOOST_TEST(words == std::string("CA\0|d|dxyz|ZI|", 14));
    BOOST_TEST(in.unread() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(what_is_announced_costs_nothing) {
  ReadBuffer in(default_limit);
  receive(in, lying_message('D', default_limit, std::string(KiB, 'x')));
  BOOST_TEST(next_word(in) == "need more");
  in.prepare();
  BOOST_TEST(in.capacity() <= 128 * KiB);
}

BOOST_AUTO_TEST_CASE(it_grows_with_what_arrives) {
  ReadBuffer in(default_limit);
  const std::string row(64 * KiB * KiB, 'x');
  const std::string bytes = copy_data(row);
  std::size_t received = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 60 * KiB) {
    BOOST_REQUIRE(next_word(in) == "need more");
    const auto piece = std::string_view(bytes).substr(at, 60 * KiB);
    receive(in, piece);
    received += piece.size();
    BOOST_REQUIRE(in.capacity() <= std::max(256 * KiB, 2 * received + 8 * KiB));
  }
  Frame frame;
  BOOST_REQUIRE((in.next(frame, Phase::running) == Next::frame));
  BOOST_TEST((as_text(frame.body) == row));

  // And it shrinks at once, not with the next message: this may be an idle connection's last.
  BOOST_TEST(next_word(in) == "need more");
  BOOST_TEST(in.capacity() == 0u);
  receive(in, ready_for_query());
  BOOST_TEST(next_word(in) == "ZI");
  BOOST_TEST(in.capacity() <= 4 * KiB);
}

BOOST_AUTO_TEST_CASE(small_messages_need_little) {
  ReadBuffer in(default_limit);
  for (int i = 0; i < 10000; ++i) {
    receive(in, command_complete("SELECT 1") + ready_for_query());
    next_word(in), next_word(in);
    BOOST_REQUIRE(next_word(in) == "need more");
  }
  BOOST_TEST(in.capacity() == 4 * KiB);
}

BOOST_AUTO_TEST_CASE(a_stream_gets_room_but_not_without_end) {
  ReadBuffer in(default_limit);
  std::string stream;
  for (int i = 0; i < 3000; ++i) stream += copy_data(std::string(static_cast<std::size_t>(i) % 2500, 'x'));
  std::size_t at = 0;
  while (at < stream.size()) {  // a peer that fills all the room there is
    const auto space = in.prepare();
    const std::size_t count = std::min(space.size(), stream.size() - at);
    std::memcpy(space.data(), stream.data() + at, count);
    in.commit(count);
    at += count;
    while (next_word(in) != "need more") continue;
  }
  BOOST_TEST(in.unread() == 0u);
  BOOST_TEST(in.capacity() == 256 * KiB);
}

BOOST_AUTO_TEST_CASE(any_sizes_in_any_pieces) {
  unsigned state = 3;
  const auto next = [&](unsigned below) { return (state = state * 1664525 + 1013904223) / 65536 % below; };
  for (const std::size_t piece : {7u, 1000u, 4096u, 16384u, 100000u}) {
    ReadBuffer in(default_limit);
    std::vector<std::size_t> sizes;
    std::string bytes;
    for (int i = 0; i < 60; ++i) {
      sizes.push_back(next(8) == 0 ? next(60000) : next(300));
      bytes += copy_data(std::string(sizes.back(), static_cast<char>('a' + i % 26)));
    }
    std::size_t seen = 0;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      receive(in, std::string_view(bytes).substr(at, piece));
      Frame frame;
      while (in.next(frame, Phase::running) == Next::frame) {
        BOOST_REQUIRE(frame.body.size() == sizes[seen]);
        const char expected = static_cast<char>('a' + seen % 26);
        BOOST_REQUIRE(as_text(frame.body).find_first_not_of(expected) == std::string_view::npos);
        ++seen;
      }
    }
    BOOST_TEST(seen == sizes.size());
  }
}

BOOST_AUTO_TEST_CASE(the_limit_is_for_rows_and_copy_data) {
  ReadBuffer in(100);
  receive(in, copy_data(std::string(96, 'x')) +
                  row_description({"a long name for one column", "and one more", "x"}));
  BOOST_TEST(next_word(in).size() == 97u);
  BOOST_TEST(next_word(in)[0] == 'T');
  receive(in, lying_message('d', 101));
  BOOST_TEST(next_word(in) == "over limit 101");
  ReadBuffer other(100);
  receive(other, lying_message('D', 5));
  BOOST_TEST(next_word(other) == "illegal length 5");
}

BOOST_AUTO_TEST_CASE(lengths_are_checked_at_the_header) {
  struct Range {
    char type;
    std::int64_t least, most;
    Phase phase = Phase::running;
  };
  const Range ranges[] = {
      {'Z', 5, 5},
      {'1', 4, 4},
      {'2', 4, 4},
      {'3', 4, 4},
      {'n', 4, 4},
      {'s', 4, 4},
      {'I', 4, 4},
      {'c', 4, 4},
      {'C', 5, 65536},
      {'S', 6, 65536},
      {'A', 10, 1 << 20},
      {'E', 5, 64 << 20},
      {'N', 5, 64 << 20},
      {'T', 6, 64 << 20},
      {'t', 6, 262146},
      {'G', 7, 131077},
      {'H', 7, 131077},
      {'W', 7, 131077},
      {'D', 6, default_limit},
      {'d', 4, default_limit},
      {'v', 12, 65536, Phase::authenticating},
      {'E', 5, 30000, Phase::authenticating},
      {'K', 12, 264, Phase::starting},
      {'S', 6, 65536, Phase::starting},
      {'N', 5, 65536, Phase::starting},
      {'E', 5, 65536, Phase::starting},
      {'Z', 5, 5, Phase::starting},
  };
  for (const Range& range : ranges) {
    BOOST_TEST_CONTEXT(range.type << " in phase " << static_cast<int>(range.phase)) {
      const auto word = [&](std::int64_t length) {
        ReadBuffer in(default_limit);
        receive(in, lying_message(range.type, length));
        return next_word(in, range.phase);
      };
      BOOST_TEST(!word(range.least).starts_with("illegal"));
      BOOST_TEST(!word(range.most).starts_with("illegal"));
      BOOST_TEST(word(range.least - 1) == "illegal length " + std::to_string(range.least - 1));
      const auto beyond = range.most == default_limit ? "over limit " : "illegal length ";
      BOOST_TEST(word(range.most + 1) == beyond + std::to_string(range.most + 1));
      for (const std::int64_t negative : {std::int64_t{-1}, std::int64_t{INT32_MIN}})
        BOOST_TEST(word(negative) == "illegal length " + std::to_string(negative));
    }
  }
}

BOOST_AUTO_TEST_CASE(only_an_exchange_may_need_long_authentication_requests) {
  const auto word = [](std::int32_t kind, std::int64_t length) {
    ReadBuffer in(default_limit);
    receive(in, lying_message('R', length));
    BOOST_TEST((next_word(in, Phase::authenticating) == "need more") == (length >= 8 && length <= 65536));
    receive(in, int32(kind));
    return next_word(in, Phase::authenticating);
  };
  for (const std::int32_t kind : {8, 11}) {
    BOOST_TEST(word(kind, 7) == "illegal length 7");
    BOOST_TEST(word(kind, 2001) == "need more");
    BOOST_TEST(word(kind, 65536) == "need more");
    BOOST_TEST(word(kind, 65537) == "illegal length 65537");
  }
  for (const std::int32_t kind : {0, 3, 5, 7, 9, 10, 12, 99, -1}) {
    BOOST_TEST(word(kind, -1) == "illegal length -1");
    BOOST_TEST(word(kind, 7) == "illegal length 7");
    BOOST_TEST(word(kind, 2000) == "need more");
    BOOST_TEST(word(kind, 2001) == "illegal length 2001");
    BOOST_TEST(word(kind, 65536) == "illegal length 65536");
  }
}

BOOST_AUTO_TEST_CASE(each_phase_has_its_types) {
  const auto legal = [](Phase phase) {
    std::string types;
    for (int type = 0; type < 256; ++type) {
      ReadBuffer in(default_limit);
      receive(in, lying_message(static_cast<char>(type), 4));
      if (!next_word(in, phase).starts_with("illegal type")) types += static_cast<char>(type);
    }
    return types;
  };
  BOOST_TEST(legal(Phase::authenticating) == "ERv");
  BOOST_TEST(legal(Phase::starting) == "EKNSZ");
  BOOST_TEST(legal(Phase::running) == "123ACDEGHINSTWZcdnst");
}

BOOST_AUTO_TEST_CASE(names) {
  BOOST_TEST(message_name('D') == "DataRow");
  BOOST_TEST(message_name('K') == "BackendKeyData");
  BOOST_TEST(message_name('R') == "Authentication");
  BOOST_TEST(message_name('Q') == "unknown message");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
