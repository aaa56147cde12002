// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/write_buffer.hpp"

#include "tests/support/assert_bytes.hpp"

namespace pgstride::test {

BOOST_AUTO_TEST_SUITE(write_buffer)

BOOST_AUTO_TEST_CASE(values_are_big_endian) {
  WriteBuffer out;
  out.u8(0xab);
  out.i16(-2);
  out.u16(0xfffe);
  out.i32(0x01020304);
  out.u32(0xfffffffe);
  out.i64(-1);
  out.u64(1);
  out.f32(1.5f);
  out.f64(-2.5);
  out.text("te");
  out.cstr("xt");
  assert_bytes(out.pending(),
               "\xab\xff\xfe\xff\xfe\x01\x02\x03\x04\xff\xff\xff\xfe\xff\xff\xff\xff\xff\xff\xff\xff"
               "\0\0\0\0\0\0\0\x01\x3f\xc0\0\0\xc0\x04\0\0\0\0\0\0text\0");
}

BOOST_AUTO_TEST_CASE(messages_and_values_learn_their_length_at_the_end) {
  WriteBuffer out;
  {
    const Message message(out, 'B');
    {
      const ValueLength outer(out);
      out.text("ab");
      const ValueLength inner(out);
    }
    out.u8('!');
  }
  { const Message message(out, 'S'); }
  assert_bytes(out.pending(),
               "B\0\0\0\x0f\0\0\0\x06"
               "ab\0\0\0\0!S\0\0\0\x04");
}

BOOST_AUTO_TEST_CASE(positions_outlive_what_is_sent) {
  WriteBuffer out;
  out.text("0123456789");
  BOOST_TEST(out.position() == 10u);
  out.consume(4);
  BOOST_TEST(out.sent() == 4u);
  const auto mark = out.position();
  out.i32(0);
  out.consume(6);
  out.patch_i32(mark, 0x41424344);
  assert_bytes(out.pending(), "ABCD");
  out.consume(4);
  BOOST_TEST(out.sent() == 14u);
  BOOST_TEST(out.position() == 14u);
  out.text("x");
  BOOST_TEST(out.position() == 15u);
  assert_bytes(out.pending(), "x");
}

BOOST_AUTO_TEST_CASE(what_was_not_sent_can_be_cut) {
  WriteBuffer out;
  out.text("keep");
  out.consume(2);
  const auto mark = out.position();
  out.text(std::string(100000, 'x'));  // moves to a larger array
  out.truncate(mark);
  assert_bytes(out.pending(), "ep");
  out.truncate(out.sent());
  BOOST_TEST(out.pending().empty());
  BOOST_TEST(out.position() == 2u);
  out.text("again");
  assert_bytes(out.pending(), "again");
  BOOST_TEST(out.position() == 7u);
}

// Whatever is written, consumed and cut in whatever order, the bytes are those of a plain string.
BOOST_AUTO_TEST_CASE(it_behaves_like_a_string) {
  WriteBuffer out;
  std::string all;  // everything that was ever kept
  std::size_t sent = 0;
  unsigned state = 1;
  const auto next = [&](unsigned below) { return (state = state * 1664525 + 1013904223) / 65536 % below; };
  for (int i = 0; i < 20000; ++i) {
    switch (next(4)) {
      case 0:
      case 1: {
        const std::string text(next(3) ? next(50) : next(9000), static_cast<char>('a' + i % 26));
        out.append(as_bytes(text));
        all += text;
        break;
      }
      case 2: {
        const std::size_t count = next(static_cast<unsigned>(all.size() - sent) + 1);
        out.consume(count);
        sent += count;
        break;
      }
      default: {
        const std::size_t keep = all.size() - (all.size() - sent) / (1 + next(4));
        out.truncate(keep);
        all.resize(keep);
      }
    }
    BOOST_REQUIRE(out.sent() == sent);
    BOOST_REQUIRE(out.position() == all.size());
    BOOST_REQUIRE((as_text(out.pending()) == std::string_view(all).substr(sent)));
  }
}

BOOST_AUTO_TEST_CASE(a_value_too_large_is_not_written) {  // R-E1, DT-01
  WriteBuffer out;
  const std::byte one{};
  const auto size = static_cast<std::size_t>(max_outgoing_message) + 1;
  BOOST_TEST(!out.failed());
  out.bytes(Bytes(&one, size));  // never looked at
  BOOST_TEST(out.pending().empty());
  BOOST_TEST(out.take_failure());
  BOOST_TEST(!out.failed());
}

BOOST_AUTO_TEST_CASE(nor_may_a_message_grow_too_large) {  // R-E1, DT-01
  WriteBuffer out;
  {
    const Message message(out, 'd');
    out.grow(static_cast<std::size_t>(max_outgoing_message) - 4);
  }
  BOOST_TEST(!out.failed());
  out.truncate(0);
  {
    const Message message(out, 'd');
    out.grow(static_cast<std::size_t>(max_outgoing_message) - 3);
  }
  BOOST_TEST(out.take_failure());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
