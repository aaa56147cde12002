// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "tests/support/op_test.hpp"

namespace pgstride::test {
namespace {

const std::string_view sql = "copy t to stdout";
const std::string asked = "Query(copy t to stdout)";
const std::string H = copy_response('H', 2);
const std::string done = copy_done();
const std::string C = command_complete("COPY 2");
const std::string Z = ready_for_query();

}  // namespace

BOOST_AUTO_TEST_SUITE(copy_out)

BOOST_AUTO_TEST_CASE(data_is_handed_on_as_it_comes) {
  play([](OpTest& t) {
    CopyingOut copy(sql);
    Query query("select 1");
    t.submit(copy).submit(query).sends(asked + " Query(select 1)");
    t.server_says(H, copy_data("one"), copy_data("two"), done, C, Z, command_complete("SELECT 0"), Z);
    t.done(copy, "(text 2) one two COPY 2").done(query, "SELECT 0").lives();
  });
}

BOOST_AUTO_TEST_CASE(no_data_and_empty_data) {  // HS-124
  play([](OpTest& t) {
    CopyingOut copy(sql);
    t.submit(copy).take_sent();
    t.server_says(copy_response('H', 0, 1), done, command_complete("COPY 0"), Z);
    t.done(copy, "(binary 0) COPY 0");
    t.submit(copy).take_sent();
    t.server_says(H, copy_data(""), copy_data(""), done, C, Z).done(copy, "(text 2)   COPY 2");
  });
}

BOOST_AUTO_TEST_CASE(a_server_that_ends_without_copy_done) {  // HS-121
  play([](OpTest& t) {
    CopyingOut copy(sql);
    t.submit(copy).take_sent();
    t.server_says(H, copy_data("one"), C, Z).done(copy, "(text 2) one COPY 2");
  });
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_end) {  // HS-121
  OpTest t;
  CopyingOut copy(sql);
  t.submit(copy).take_sent();
  t.server_says(H, copy_data("one"), done).nothing_done().lives();
}

BOOST_AUTO_TEST_CASE(an_error_before_the_data_and_among_them) {
  for (const std::string& before : {std::string(), H, H + copy_data("x"), H + copy_data("x") + done}) {
    play([&](OpTest& t) {
      CopyingOut copy(sql);
      t.submit(copy).take_sent();
      t.server_says(before, error_response("57014"), Z).failed(copy, "57014").lives();
    });
  }
}

BOOST_AUTO_TEST_CASE(a_full_sink_stops_the_parser) {
  OpTest t;
  CopyingOut copy(sql);
  Query query("select 1");
  copy.is_full = true;
  t.submit(copy).submit(query).take_sent();
  t.server_says(H + copy_data("1") + copy_data("2") + done + C + Z + command_complete("SELECT 0") + Z);
  BOOST_TEST(copy.heard == "(text 2) 1");
  BOOST_TEST(t.session.paused());
  t.nothing_done();
  t.session.read_on();
  BOOST_TEST(copy.heard == "(text 2) 1 2");
  BOOST_TEST(t.session.paused());
  t.session.read_on();
  BOOST_TEST(!t.session.paused());
  t.done(copy, "(text 2) 1 2 COPY 2").done(query, "SELECT 0");
  BOOST_TEST(!t.session.left_unread());
}

BOOST_AUTO_TEST_CASE(abandoned_while_it_is_full) {
  for (const bool deadline : {false, true}) {
    OpTest t;
    CopyingOut copy(sql);
    Query query("select 1");
    copy.is_full = true;
    BOOST_REQUIRE(t.session.submit(copy, 100));
    t.submit(query).take_sent();
    t.server_says(H + copy_data("1") + copy_data("2") + done + C + Z + command_complete("SELECT 0") + Z);
    if (deadline) {
      BOOST_TEST((t.session.expire(100) == Session::Abandoned::behind));
      BOOST_TEST(t.session.next_done() == &copy);
    } else {
      BOOST_TEST((t.session.abandon(copy) == Session::Abandoned::behind));
    }
    BOOST_TEST(!t.session.paused());
    BOOST_TEST(t.session.left_unread());
    t.session.read_on();
    BOOST_TEST(!t.session.left_unread());
    BOOST_TEST(copy.heard == "(text 2) 1");
    t.done(query, "SELECT 0").lives();
  }
}

BOOST_AUTO_TEST_CASE(a_full_sink_does_not_keep_a_dead_session_waiting) {
  OpTest t;
  CopyingOut copy(sql);
  copy.is_full = true;
  t.submit(copy).take_sent();
  t.server_says(H + copy_data("1") + copy_data("2"));
  t.session.fail({Errc::connection_lost, {}});
  BOOST_TEST(!t.session.paused());
  t.killed(Errc::connection_lost);
}

BOOST_AUTO_TEST_CASE(broken_off_while_it_is_full) {
  OpTest t;
  CopyingOut copy(sql);
  copy.is_full = true;
  t.submit(copy).take_sent();
  t.server_says(H + copy_data("1") + copy_data("2") + error_response("57014") + Z);
  t.session.break_off();
  BOOST_TEST(t.session.left_unread());
  t.session.read_on();
  t.failed(copy, Errc::cancelled).lives();
  BOOST_TEST(copy.heard == "(text 2) 1");
}

BOOST_AUTO_TEST_CASE(a_sink_that_has_had_enough) {
  for (const auto taste : {Witness::Taste::refuses_rows, Witness::Taste::throws_on_row}) {
    play([&](OpTest& t) {
      CopyingOut copy(sql);
      copy.taste = taste;
      t.submit(copy).take_sent();
      t.server_says(H, copy_data("1"), copy_data("2"), done, C, Z);
      if (taste == Witness::Taste::throws_on_row) {
        t.failed(copy, Errc::invalid_value);
        BOOST_TEST((copy.operation().failure()->thrown != nullptr));
      } else {
        t.done(copy, "(text 2) 1 COPY 2");
      }
      t.lives();
    });
  }
}

BOOST_AUTO_TEST_CASE(abandoned) {
  const std::string reply[] = {H, copy_data("1"), copy_data("2"), done, C};
  for (std::size_t at = 0; at <= std::size(reply); ++at) {
    play([&](OpTest& t) {
      CopyingOut copy(sql);
      Query query("select 1");
      t.submit(copy).submit(query).take_sent();
      for (std::size_t i = 0; i < std::size(reply); ++i) {
        if (i == at) t.abandon(copy);
        t.server_says(reply[i]);
      }
      if (at == std::size(reply)) t.abandon(copy);
      t.server_says(Z, command_complete("SELECT 0"), Z).done(query, "SELECT 0").lives();
    });
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_copy_out) {  // HS-117
  const std::string rows = row_description({"x"}) + data_row({"1"}) + command_complete("SELECT 1");
  for (const auto& reply : {rows, command_complete("CREATE TABLE"), empty_query_response(), rows + rows}) {
    play([&](OpTest& t) {
      CopyingOut copy("select 1");
      t.submit(copy).take_sent();
      t.server_says(reply, Z).failed(copy, Errc::copy_not_expected).lives();
    });
  }
}

BOOST_AUTO_TEST_CASE(a_copy_in_the_other_direction) {
  play([](OpTest& t) {
    CopyingOut copy("copy t from stdin");
    t.submit(copy).take_sent();
    t.server_says(copy_response('G')).sends("CopyFail(not a copy call)");
    t.server_says(error_response("57014"), Z).failed(copy, Errc::copy_not_expected).lives();
    BOOST_TEST(copy.failure()->detail == "the query is a COPY … FROM STDIN");
  });
}

BOOST_AUTO_TEST_CASE(as_a_part_of_a_script) {
  play([](OpTest& t) {
    CopyingOut copy("begin; copy t to stdout; select 1; copy u to stdout");
    t.submit(copy).take_sent();
    t.server_says(command_complete("BEGIN"), H, copy_data("1"), done, C);
    t.server_says(row_description({"x"}), data_row({"1"}), command_complete("SELECT 1"));
    t.server_says(H, copy_data("of u"), done, C, ready_for_query('T'));
    t.failed(copy, Errc::copy_not_expected).lives();  // the second COPY
    BOOST_TEST(copy.heard == "(text 2) 1 COPY 2");
  });
}

BOOST_AUTO_TEST_CASE(asynchronous_messages_come_at_any_time) {  // HS-123
  const std::string others =
      notice_response("hear") + parameter_status("TimeZone", "UTC") + notification(1, "c", "p");
  play([&](OpTest& t) {
    CopyingOut copy(sql);
    t.submit(copy).take_sent();
    t.server_says(others, H, others, copy_data("1"), others, copy_data("2"), done, others, C, others, Z);
    t.done(copy, "(text 2) 1 2 COPY 2").lives();
  });
}

BOOST_AUTO_TEST_CASE(what_no_server_says) {
  const std::string malformed[] = {
      message('H', std::string("\2\0\0", 3)),               // HS-118: neither text nor binary
      message('H', '\0' + int16(-1)),                       // fewer formats than columns
      message('H', '\0' + int16(2) + int16(0) + int16(1)),  // mixed
      H + done + copy_data("x"),                            // HS-121
      H + done + done,
      H + copy_data("x") + Z,
      H + done + Z,
      H + data_row({"x"}),
      H + row_description({"x"}),
      H + C + copy_data("x"),
      H + done + C + copy_data("x"),
      copy_data("x"),
      done,
      copy_response('W'),
      bind_complete(),
  };
  for (const std::string& said : malformed) {
    BOOST_TEST_CONTEXT(said) {
      OpTest t;
      CopyingOut copy(sql);
      t.submit(copy).take_sent();
      t.server_says(said).killed(Errc::protocol_violation);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
