// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <stdexcept>

#include <boost/test/unit_test.hpp>

#include "tests/support/op_test.hpp"

namespace pgstride::test {
namespace {

const std::string_view sql = "copy t from stdin";
const std::string asked = "Query(copy t from stdin)";
const std::string G = copy_response('G', 2);
const std::string Z = ready_for_query();

}  // namespace

BOOST_AUTO_TEST_SUITE(copy_in)

BOOST_AUTO_TEST_CASE(data_is_sent_when_the_server_wants_it) {
  play([](OpTest& t) {
    CopyingIn copy(sql);
    copy.pieces = {"one\n", "two\nth", "ree\n"};
    copy.is_all = true;
    t.submit(copy).sends(asked);
    t.server_says(G).nothing_done().sends("CopyData(one\n) CopyData(two\nth) CopyData(ree\n) CopyDone");
    t.server_says(command_complete("COPY 3"), Z);
    t.done(copy, "(text 2) COPY 3").sends_nothing();
  });
}

BOOST_AUTO_TEST_CASE(no_data_at_all) {
  play([](OpTest& t) {
    CopyingIn copy(sql);
    copy.is_all = true;
    t.submit(copy).sends(asked);
    t.server_says(copy_response('G', 0, 1)).sends("CopyDone");
    t.server_says(command_complete("COPY 0"), Z);
    t.done(copy, "(binary 0) COPY 0");
  });
}

BOOST_AUTO_TEST_CASE(an_owner_without_data_is_stirred_and_asked_again) {
  play([](OpTest& t) {
    CopyingIn copy(sql);
    t.submit(copy).sends(asked);
    BOOST_TEST(!t.session.next_awake());
    t.server_says(G).sends_nothing();
    BOOST_TEST(t.session.next_awake() == &copy);
    BOOST_TEST(!t.session.next_awake());
    copy.pieces = {"some"};
    t.sends("CopyData(some)").sends_nothing();
    copy.pieces = {"more"};
    copy.is_all = true;
    t.sends("CopyData(more) CopyDone");
    t.server_says(command_complete("COPY 1"), Z);
    t.done(copy, "(text 2) COPY 1");
  });
}

BOOST_AUTO_TEST_CASE(it_pulls_no_more_than_the_wire_takes) {
  OpTest t;
  CopyingIn copy(sql);
  copy.pieces.assign(100, std::string(16 << 10, 'x'));
  t.submit(copy).take_sent();
  t.server_says(G);
  BOOST_TEST(t.session.pending_write().size() < (96U << 10));
  BOOST_TEST(copy.pieces.size() > 90U);
  t.sends_bytes(1000);
  t.session.pending_write();
  BOOST_TEST(copy.pieces.size() > 90U);  // not before there is room
  copy.pieces.clear();
  copy.is_all = true;
  t.take_sent();
  t.server_says(command_complete("COPY 1"), Z).done(copy, "(text 2) COPY 1");
}

BOOST_AUTO_TEST_CASE(others_wait_until_it_has_sent_everything) {
  play([](OpTest& t) {
    CopyingIn copy(sql);
    Query query("select 1");
    t.submit(copy).submit(query).sends(asked);
    t.server_says(G);
    copy.pieces = {"data"};
    t.sends("CopyData(data)");
    copy.is_all = true;
    t.sends("CopyDone Query(select 1)");
    t.server_says(command_complete("COPY 1"), Z, command_complete("SELECT 0"), Z);
    t.done(copy, "(text 2) COPY 1").done(query, "SELECT 0");
  });
}

BOOST_AUTO_TEST_CASE(two_copies_and_what_goes_before_them) {
  play([](OpTest& t) {
    Query query("select 1");
    CopyingIn one(sql), two(sql);
    one.pieces = {"1"};
    two.pieces = {"2"};
    one.is_all = two.is_all = true;
    t.submit(query).submit(one).submit(two).sends("Query(select 1) " + asked);
    t.server_says(command_complete("SELECT 0"), Z).done(query, "SELECT 0").sends_nothing();
    t.server_says(G).sends("CopyData(1) CopyDone " + asked);
    t.server_says(command_complete("COPY 1"), Z, G).sends("CopyData(2) CopyDone");
    t.server_says(command_complete("COPY 1"), Z);
    t.done(one, "(text 2) COPY 1").done(two, "(text 2) COPY 1").lives();
  });
}

BOOST_AUTO_TEST_CASE(refused_before_it_begins) {
  play([](OpTest& t) {
    CopyingIn copy(sql);
    Query query("select 1");
    copy.pieces = {"never"};
    t.submit(copy).submit(query).sends(asked);
    t.server_says(error_response("42P01"), Z).failed(copy, "42P01");
    t.sends("Query(select 1)").server_says(command_complete("SELECT 0"), Z).done(query, "SELECT 0");
    BOOST_TEST(copy.pieces.size() == 1U);
  });
}

BOOST_AUTO_TEST_CASE(an_error_in_the_middle_stops_the_pulling_at_once) {  // HS-119, R-Y2
  play([](OpTest& t) {
    CopyingIn copy(sql);
    t.submit(copy).sends(asked);
    t.server_says(G);
    copy.pieces = {"bad"};
    t.sends("CopyData(bad)");
    copy.pieces = {"never"};
    t.server_says(error_response("22P02")).sends_nothing();
    BOOST_TEST(copy.pieces.size() == 1U);
    t.server_says(Z).failed(copy, "22P02");
    Query query("select 1");
    t.submit(query).sends("Query(select 1)");
    t.server_says(command_complete("SELECT 0"), Z).done(query, "SELECT 0").lives();
  });
}

BOOST_AUTO_TEST_CASE(the_owner_gives_up) {
  play([](OpTest& t) {
    CopyingIn copy(sql);
    Query query("select 1");
    copy.pieces = {"some"};
    copy.fails_with = "the source is broken";
    t.submit(copy).submit(query).sends(asked);
    t.server_says(G).sends("CopyData(some) CopyFail(the source is broken) Query(select 1)");
    t.server_says(error_response("57014"), Z, command_complete("SELECT 0"), Z);
    t.done(copy, "(text 2)").done(query, "SELECT 0");
  });
}

BOOST_AUTO_TEST_CASE(what_was_given_up_must_not_succeed) {
  OpTest t;
  CopyingIn copy(sql);
  copy.fails_with = "no";
  t.submit(copy).take_sent();
  t.server_says(G).take_sent();
  t.server_says(command_complete("COPY 0") + Z).killed(Errc::protocol_violation);
}

BOOST_AUTO_TEST_CASE(a_reason_of_any_length_fits) {
  const std::pair<std::string, std::string> reasons[] = {
      {std::string(20'000, 'x'), std::string(1000, 'x')},
      {std::string(999, 'x') + "\xc3\xa4", std::string(999, 'x')},  // not half a character
      {std::string("cut\0here", 8), "cut"},
      {std::string(5000, '\x80'), ""},
  };
  for (const auto& [reason, sent] : reasons) {
    OpTest t;
    CopyingIn copy(sql);
    copy.fails_with = reason;
    t.submit(copy).take_sent();
    t.server_says(G).sends("CopyFail(" + sent + ")");
    t.server_says(error_response("57014"), Z).done(copy, "(text 2)");
  }
}

BOOST_AUTO_TEST_CASE(more_than_a_message_holds) {
  OpTest t;
  CopyingIn copy(sql);
  copy.pieces = {"small", "large"};
  copy.while_supplying = [&](WriteBuffer& out) {
    if (copy.pieces.size() == 1) out.fail();
  };
  t.submit(copy).take_sent();
  t.server_says(G).sends("CopyData(small) CopyFail(the data exceed what a message can hold)");
  t.server_says(error_response("57014"), Z).failed(copy, Errc::message_too_large).lives();
}

BOOST_AUTO_TEST_CASE(what_is_no_copy_in) {  // HS-117
  const std::string rows = row_description({"x"}) + data_row({"1"}) + command_complete("SELECT 1");
  for (const auto& reply : {rows, command_complete("CREATE TABLE"), empty_query_response(), rows + rows}) {
    play([&](OpTest& t) {
      CopyingIn copy("select 1");
      copy.pieces = {"never"};
      Query query("select 2");
      t.submit(copy).submit(query).take_sent();
      t.server_says(reply, Z).failed(copy, Errc::copy_not_expected).sends("Query(select 2)");
      t.server_says(command_complete("SELECT 0"), Z).done(query, "SELECT 0").lives();
    });
  }
}

BOOST_AUTO_TEST_CASE(a_copy_in_the_other_direction) {
  play([](OpTest& t) {
    CopyingIn copy("copy t to stdout");
    t.submit(copy).take_sent();
    t.server_says(copy_response('H'), copy_data("x"), copy_data("y"), copy_done());
    t.server_says(command_complete("COPY 2"), Z).failed(copy, Errc::copy_not_expected).lives();
    BOOST_TEST(copy.failure()->detail == "the query is a COPY … TO STDOUT");
  });
}

BOOST_AUTO_TEST_CASE(as_a_part_of_a_script) {
  play([](OpTest& t) {
    CopyingIn copy("create table t (); copy t from stdin; select 1");
    copy.is_all = true;
    t.submit(copy).take_sent();
    t.server_says(command_complete("CREATE TABLE"), G).sends("CopyDone");
    t.server_says(command_complete("COPY 0"), row_description({"x"}), data_row({"1"}),
                  command_complete("SELECT 1"), Z);
    t.done(copy, "(text 2) COPY 0");
  });
}

BOOST_AUTO_TEST_CASE(of_two_copies_in_one_script_the_second_is_refused) {
  play([](OpTest& t) {
    CopyingIn copy("copy t from stdin; copy t from stdin");
    copy.is_all = true;
    t.submit(copy).take_sent();
    t.server_says(G).sends("CopyDone");
    t.server_says(command_complete("COPY 0"), G).sends("CopyFail(not a copy call)");
    t.server_says(error_response("57014"), Z).failed(copy, Errc::copy_not_expected).lives();
  });
}

BOOST_AUTO_TEST_CASE(a_server_that_ends_early) {
  play([](OpTest& t) {
    CopyingIn copy(sql);
    t.submit(copy).sends(asked);
    t.server_says(G, command_complete("COPY 0"), Z).failed(copy, Errc::copy_not_expected);
    Query query("select 1");
    t.submit(query).sends("Query(select 1)");
    t.server_says(command_complete("SELECT 0"), Z).done(query, "SELECT 0").lives();
  });
}

BOOST_AUTO_TEST_CASE(asynchronous_messages_come_at_any_time) {  // HS-123
  const std::string others =
      notice_response("hear") + parameter_status("TimeZone", "UTC") + notification(1, "c", "p");
  play([&](OpTest& t) {
    CopyingIn copy(sql);
    copy.pieces = {"data"};
    copy.is_all = true;
    t.submit(copy).sends(asked);
    t.server_says(others, G, others).sends("CopyData(data) CopyDone");
    t.server_says(others, command_complete("COPY 1"), others, Z).done(copy, "(text 2) COPY 1");
  });
}

BOOST_AUTO_TEST_CASE(what_no_server_says) {
  const std::string malformed[] = {
      message('G', std::string("\2\0\0", 3)),               // HS-118: neither text nor binary
      message('G', '\0' + int16(-1)),                       // fewer formats than columns
      message('G', '\0' + int16(1) + int16(0) + int16(0)),  // more
      message('G', '\0' + int16(2) + int16(0) + int16(1)),  // mixed
      message('G', '\1' + int16(1) + int16(0)),
      G + copy_data("x"),
      G + copy_done(),
      G + data_row({"x"}),
      G + row_description({"x"}),
      G + Z,
      copy_data("x"),
      copy_response('W'),
      parse_complete(),
  };
  for (const std::string& said : malformed) {
    BOOST_TEST_CONTEXT(said) {
      OpTest t;
      CopyingIn copy(sql);
      t.submit(copy).take_sent();
      t.server_says(said);
      t.killed(Errc::protocol_violation);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_server_that_asks_twice) {
  OpTest t;
  CopyingIn copy(sql);
  t.submit(copy).take_sent();
  t.server_says(G, G).sends("CopyFail(not a copy call)");
  t.server_says(error_response("57014"), Z).failed(copy, Errc::copy_not_expected).lives();
}

BOOST_AUTO_TEST_CASE(it_may_be_used_again) {
  play([](OpTest& t) {
    CopyingIn copy(sql);
    copy.fails_with = "no";
    t.submit(copy).take_sent();
    t.server_says(G).sends("CopyFail(no)");
    t.server_says(error_response("57014"), Z).done(copy, "(text 2)");
    copy.fails_with.reset();
    copy.is_all = true;
    t.submit(copy).sends(asked);
    t.server_says(G).sends("CopyDone");
    t.server_says(command_complete("COPY 0"), Z).done(copy, "(text 2) COPY 0");
  });
}

BOOST_AUTO_TEST_CASE(what_a_source_throws_ends_the_connection) {
  OpTest t;
  CopyingIn copy(sql);
  copy.pieces = {"data"};
  copy.while_supplying = [](WriteBuffer&) { throw std::runtime_error("no such file"); };
  t.submit(copy).take_sent();
  t.server_says(G).take_sent();
  BOOST_REQUIRE(t.session.failure());
  BOOST_TEST(t.session.failure()->detail == "no such file");  // and not a lack of memory
  t.killed(Errc::connection_closed);
}

BOOST_AUTO_TEST_CASE(the_connection_may_be_closed_by_the_source) {
  OpTest t;
  CopyingIn copy(sql);
  copy.pieces = {"data"};
  copy.while_supplying = [&](WriteBuffer&) { t.session.fail({Errc::connection_closed, {}}); };
  t.submit(copy).take_sent();
  t.server_says(G).take_sent();
  t.killed(Errc::connection_closed);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
