// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// How operations leave a session early, and the cancel fence that holds the others back.
#include <boost/test/unit_test.hpp>

#include "tests/support/op_test.hpp"

namespace pgstride::test {
namespace {

using Abandoned = Session::Abandoned;

std::string reply(std::string_view value) {
  return row_description({"x"}) + data_row({value}) + command_complete("SELECT 1") + ready_for_query();
}
std::string heard(std::string_view value) { return "(x) [" + std::string(value) + "] SELECT 1"; }

}  // namespace

BOOST_AUTO_TEST_SUITE(session_queue)

BOOST_AUTO_TEST_CASE(what_the_server_may_not_have_read_yet) {
  play([](OpTest& t) {
    Query a("a"), b("b");
    BOOST_TEST(t.session.unanswered() == 0U);
    t.submit(a).submit(b);
    BOOST_TEST(t.session.unanswered() == 0U);  // not sent
    t.take_sent();
    BOOST_TEST(t.session.unanswered() == 14U);
    t.server_says(reply("1"));
    BOOST_TEST(t.session.unanswered() == 7U);  // though it has not answered everything
    t.server_says(reply("2"));
    BOOST_TEST(t.session.unanswered() == 0U);
    t.done(a, heard("1")).done(b, heard("2"));
  });
}

// --- abandonment --------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(unsent_and_last_it_is_withdrawn) {
  play([](OpTest& t) {
    Query a("a"), b("b"), c("c");
    t.submit(a).submit(b).submit(c);
    BOOST_TEST((t.abandon(c) == Abandoned::withdrawn));
    t.sends("Query(a) Query(b)");
    t.server_says(reply("1"), reply("2"));
    t.done(a, heard("1")).done(b, heard("2"));
    BOOST_TEST((t.abandon(c) == Abandoned::not_pending));
  });
}

BOOST_AUTO_TEST_CASE(unsent_in_the_middle_it_is_swallowed_or_goes_with_the_last) {
  play([](OpTest& t) {
    Query a("a"), b("b"), c("c");
    t.submit(a).submit(b).submit(c);
    BOOST_TEST((t.abandon(b) == Abandoned::behind));
    t.sends("Query(a) Query(b) Query(c)");
    t.server_says(reply("1"), reply("2"), reply("3"));
    t.done(a, heard("1")).done(c, heard("3"));

    t.submit(a).submit(b).submit(c);
    BOOST_TEST((t.abandon(b) == Abandoned::behind));
    BOOST_TEST((t.abandon(c) == Abandoned::withdrawn));
    t.sends("Query(a)");
    t.server_says(reply("1")).done(a, heard("1"));
  });
}

BOOST_AUTO_TEST_CASE(alone_on_the_wire_it_is_running) {
  play([](OpTest& t) {
    Query a("a"), b("b");
    t.submit(a).take_sent();
    BOOST_TEST((t.abandon(a) == Abandoned::running));
    t.submit(b).sends("Query(b)");
    t.server_says(reply("1"), reply("2"));
    t.done(b, heard("2"));
  });
}

BOOST_AUTO_TEST_CASE(with_others_on_the_wire_it_is_behind) {
  play([](OpTest& t) {
    Query a("a"), b("b"), c("c");
    t.submit(a).submit(b).submit(c).take_sent();
    BOOST_TEST((t.abandon(b) == Abandoned::behind));
    BOOST_TEST((t.abandon(a) == Abandoned::behind));
    BOOST_TEST((t.abandon(c) == Abandoned::running));
    t.server_says(reply("1"), error_response("22012"), ready_for_query(), reply("3"));
    t.nothing_done().lives();
    BOOST_TEST(t.session.quiescent());
  });
}

BOOST_AUTO_TEST_CASE(partly_sent_is_sent) {  // R-C10
  play([](OpTest& t) {
    Query a("a");
    t.submit(a).sends_bytes(1);
    BOOST_TEST((t.abandon(a) == Abandoned::running));
    BOOST_TEST(t.take_sent() == message('Q', cstring("a")).substr(1));
    t.server_says(reply("1")).nothing_done().lives();
  });
}

// What the wire has taken of a message is followed by the rest of it, wherever that was cut off.
BOOST_AUTO_TEST_CASE(cut_off_anywhere_it_is_sent_to_its_end) {  // R-C10, DT-19
  const std::string sql(256 << 10, 'q');
  const std::string whole = message('Q', cstring(sql));
  for (std::size_t cut = 1; cut < whole.size(); cut += cut < 16 || whole.size() - cut < 16 ? 1 : 1009) {
    OpTest t;
    Query a(sql), b("b");
    t.submit(a).sends_bytes(cut);
    BOOST_TEST((t.abandon(a) == Abandoned::running));
    t.submit(b);
    BOOST_TEST((t.take_sent() == whole.substr(cut) + message('Q', cstring("b"))));
    t.server_says(reply("1"), reply("2")).done(b, heard("2"));
  }
}

BOOST_AUTO_TEST_CASE(in_the_middle_of_its_result) {
  play([](OpTest& t) {
    std::optional<Query> a("a");
    Query b("b");
    t.submit(*a).submit(b).take_sent();
    t.server_says(row_description({"x"}), data_row({"1"}));
    a.reset();
    t.server_says(data_row({"2"}), command_complete("SELECT 2"), ready_for_query(), reply("3"));
    t.done(b, heard("3"));
  });
}

BOOST_AUTO_TEST_CASE(over_but_not_yet_told) {
  play([](OpTest& t) {
    std::optional<Query> a("a");
    Query b("b"), c("c");
    t.submit(*a).submit(b).submit(c).take_sent();
    t.server_says(reply("1"), reply("2"), reply("3"));
    a.reset();
    BOOST_TEST((t.abandon(b) == Abandoned::not_pending));
    t.done(c, heard("3")).nothing_done();
    BOOST_TEST(b.ended == 0);
  });
}

BOOST_AUTO_TEST_CASE(over_because_the_wire_was_lost) {
  OpTest t;
  std::optional<Query> a("a");
  Query b("b");
  t.submit(*a).submit(b).take_sent();
  t.session.fail({Errc::connection_lost, {}});
  a.reset();
  t.failed(b, Errc::connection_lost).nothing_done();
}

BOOST_AUTO_TEST_CASE(a_stray_ready_for_query_is_not_its_answer) {
  OpTest t;
  Query a("a"), b("b");
  t.submit(a).submit(b).take_sent();
  t.abandon(a);
  t.server_says(ready_for_query()).killed(Errc::protocol_violation);
}

BOOST_AUTO_TEST_CASE(nor_of_a_parse_that_was_not_answered) {
  OpTest t;
  Preparation a(t.statement("select 1"));
  t.submit(a).take_sent();
  t.abandon(a);
  t.server_says(parse_complete(), ready_for_query()).killed(Errc::protocol_violation);
}

BOOST_AUTO_TEST_CASE(while_something_is_encoded) {
  play([](OpTest& t) {
    Query victim("victim");
    Execution execution(t.ready_statement("select $1", {"x"}), {"1"});
    execution.while_encoding = [&] { BOOST_TEST((t.abandon(victim) == Abandoned::behind)); };
    t.submit(victim).submit(execution);
    t.sends("Query(victim) Bind(s1: 1) Execute Sync");
    t.server_says(reply("1"), bind_complete(), command_complete("SELECT 0"), ready_for_query());
    t.done(execution, "(x) SELECT 0");
  });
}

BOOST_AUTO_TEST_CASE(a_bulk_operation_while_something_behind_it_is_encoded) {
  play([](OpTest& t) {
    const StatementRef statement = t.ready_statement("insert into t values ($1)");
    Bulk bulk(statement, 100, 8 << 10);
    Execution execution(statement, {"x"});
    execution.while_encoding = [&] { t.abandon(bulk); };
    t.submit(bulk);
    t.sends_bytes(10);
    t.submit(execution);
    BOOST_TEST(t.take_sent().ends_with(message('S') +
                                       message('B', cstring("") + cstring("s1") + int16(0) + int16(1) +
                                                        int32(1) + "x" + int16(1) + int16(1)) +
                                       message('E', cstring("") + int32(0)) + message('S')));
    for (std::size_t i = 0; i < bulk.written; ++i)
      t.server_says(bind_complete() + command_complete("INSERT 0 1"));
    t.server_says(parse_complete(), bind_complete(), error_response("25P01"), ready_for_query());
    t.server_says(bind_complete(), command_complete("INSERT 0 1"), ready_for_query());
    t.done(execution, "() INSERT 0 1");
  });
}

BOOST_AUTO_TEST_CASE(a_request_that_nobody_ever_waits_for) {
  play([](OpTest& t) {
    Query a("a"), b("b"), c("c");
    t.submit(a);
    {
      Query rollback("rollback");
      t.session.submit_unattended(rollback);
      BOOST_TEST(!rollback.pending());
    }
    t.submit(b);
    BOOST_TEST((t.abandon(b) == Abandoned::withdrawn));  // but not the rollback with it
    t.submit(c).sends("Query(a) Query(rollback) Query(c)");
    t.server_says(reply("1"), command_complete("ROLLBACK"), ready_for_query(), reply("3"));
    t.done(a, heard("1")).done(c, heard("3"));
  });
}

// --- deadlines ----------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(deadlines) {
  OpTest t;
  Query a("a"), b("b"), c("c");
  BOOST_REQUIRE(t.session.submit(a, 30));
  BOOST_REQUIRE(t.session.submit(b, 10));
  t.sends("Query(a) Query(b)");
  BOOST_REQUIRE(t.session.submit(c, 20));
  BOOST_TEST(t.session.next_deadline() == 10);
  t.session.set_deadline(b, no_deadline);
  BOOST_TEST(t.session.next_deadline() == 20);
  t.session.set_deadline(b, 10);
  BOOST_TEST(!t.session.expire(9).has_value());
  BOOST_TEST((t.session.expire(25) == Abandoned::behind));
  BOOST_TEST((t.session.expire(25) == Abandoned::withdrawn));
  BOOST_TEST(!t.session.expire(25).has_value());
  BOOST_TEST((t.session.expire(30) == Abandoned::running));
  BOOST_TEST(t.session.next_deadline() == no_deadline);
  for (Operation* expired : {&b.operation(), &c.operation(), &a.operation()}) {
    BOOST_REQUIRE(t.session.next_done() == expired);
    BOOST_TEST(expired->failure()->code == make_error_code(Errc::timed_out));
    BOOST_TEST(expired->failure()->outcome_unknown == (expired != &c.operation()));
  }
  t.server_says(reply("1"), error_response("57014"), ready_for_query()).lives().nothing_done();
  BOOST_TEST(t.session.quiescent());
}

BOOST_AUTO_TEST_CASE(what_others_stand_behind_may_still_run) {
  OpTest t;
  Query a("a"), b("b"), c("c");
  t.submit(a).take_sent();
  t.session.hold();
  BOOST_REQUIRE(t.session.submit(b, 10));
  t.submit(c);
  BOOST_TEST((t.session.expire(10) == Abandoned::behind));
  BOOST_REQUIRE(t.session.next_done() == &b.operation());
  BOOST_TEST(b.operation().failure()->outcome_unknown);
  t.session.release();
  t.sends("Query(b) Query(c)");
}

// --- the cancel fence ---------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(what_is_submitted_behind_the_fence_waits) {
  play([](OpTest& t) {
    Query a("a"), b("b"), c("c"), d("d");
    t.submit(a).take_sent();
    BOOST_TEST((t.abandon(a) == Abandoned::running));
    const auto born = t.session.completed();
    BOOST_TEST(t.session.hold() == born + 1);
    t.submit(b).submit(c).sends_nothing();
    t.server_says(error_response("57014"), ready_for_query());
    BOOST_TEST(t.session.completed() == born + 1);
    t.sends_nothing();
    t.session.release();
    t.submit(d).sends("Query(b) Query(c) Query(d)");
    t.server_says(reply("2"), reply("3"), reply("4"));
    t.done(b, heard("2")).done(c, heard("3")).done(d, heard("4"));
  });
}

BOOST_AUTO_TEST_CASE(what_was_not_sent_yet_is_called_back) {
  play([](OpTest& t) {
    Query a("a"), b("b"), c("c"), d("d");
    t.submit(a).submit(b);
    t.sends_bytes(message('Q', cstring("a")).size() + 1);
    t.submit(c);
    const auto born = t.session.completed();
    BOOST_TEST(t.session.hold() == born + 2);
    t.submit(d);
    BOOST_TEST(t.take_sent() == message('Q', cstring("b")).substr(1));
    t.session.release();
    t.sends("Query(c) Query(d)");
    t.server_says(reply("1"), reply("2"), reply("3"), reply("4"));
    t.done(a, heard("1")).done(b, heard("2")).done(c, heard("3")).done(d, heard("4"));
  });
}

BOOST_AUTO_TEST_CASE(behind_the_fence_all_can_be_withdrawn) {
  play([](OpTest& t) {
    Query a("a"), b("b"), c("c"), d("d"), e("e");
    t.submit(a).take_sent();
    t.session.hold();
    t.submit(b).submit(c).submit(d);
    BOOST_TEST((t.abandon(c) == Abandoned::behind));
    BOOST_TEST((t.abandon(d) == Abandoned::withdrawn));  // and c with it
    t.submit(e);
    t.session.release();
    t.sends("Query(b) Query(e)");
    t.server_says(reply("1"), reply("2"), reply("5"));
    t.done(a, heard("1")).done(b, heard("2")).done(e, heard("5"));
  });
}

BOOST_AUTO_TEST_CASE(positions_hold_through_fence_after_fence) {
  play([](OpTest& t) {
    for (int round = 0; round < 3; ++round) {
      Query a("a"), b("b"), c("c");
      t.submit(a).take_sent();
      t.session.hold();
      t.submit(b).submit(c);
      t.session.release();
      t.sends_bytes(message('Q', cstring("b")).size());
      t.session.hold();  // c has not left
      BOOST_TEST((t.abandon(c) == Abandoned::withdrawn));
      t.session.release();
      t.sends_nothing();
      t.server_says(reply("1"), reply("2"));
      t.done(a, heard("1")).done(b, heard("2"));
    }
  });
}

BOOST_AUTO_TEST_CASE(a_reply_to_what_is_held_back_is_not_legal) {
  OpTest t;
  Query a("a");
  t.session.hold();
  t.submit(a);
  t.server_says(empty_query_response()).killed(Errc::protocol_violation);
  BOOST_TEST(!a.failure()->outcome_unknown);
}

BOOST_AUTO_TEST_CASE(a_bulk_operation_behind_the_fence) {
  play([](OpTest& t) {
    const StatementRef statement = t.ready_statement("insert into t values ($1)");
    Query a("a"), b("b");
    Bulk bulk(statement, 20, 8 << 10);
    t.submit(a).take_sent();
    t.session.hold();
    t.submit(bulk).submit(b).sends_nothing();
    t.server_says(reply("1")).done(a, heard("1")).sends_nothing();
    t.session.release();
    const auto sent = t.take_sent();
    BOOST_TEST(bulk.written == 20u);
    BOOST_TEST(sent.ends_with(message('S') + message('Q', cstring("b"))));
    for (int i = 0; i < 20; ++i) t.server_says(bind_complete() + command_complete("INSERT 0 1"));
    t.server_says(ready_for_query(), reply("2"));
    t.done(bulk, bulk.heard).done(b, heard("2"));
  });
}

BOOST_AUTO_TEST_CASE(a_bulk_operation_that_is_called_back_with_what_waits_for_it) {
  play([](OpTest& t) {
    const StatementRef statement = t.ready_statement("insert into t values ($1)");
    Query a("a"), b("b");
    Bulk bulk(statement, 20, 8 << 10);
    t.submit(a).take_sent();
    t.submit(bulk).submit(b);
    const auto born = t.session.completed();
    BOOST_TEST(t.session.hold() == born + 1);
    t.sends_nothing();
    t.session.release();
    const auto sent = t.take_sent();
    BOOST_TEST(bulk.written == 20u);
    BOOST_TEST(sent.ends_with(message('S') + message('Q', cstring("b"))));
    t.server_says(reply("1"));
    for (int i = 0; i < 20; ++i) t.server_says(bind_complete() + command_complete("INSERT 0 1"));
    t.server_says(ready_for_query(), reply("2"));
    t.done(a, heard("1")).done(bulk, bulk.heard).done(b, heard("2"));
  });
}

BOOST_AUTO_TEST_CASE(a_bulk_operation_that_had_begun_goes_on_through_the_fence) {
  play([](OpTest& t) {
    Bulk bulk(t.ready_statement("insert into t values ($1)"), 20, 8 << 10);
    Query b("b");
    t.submit(bulk).sends_bytes(1);
    t.session.hold();
    t.submit(b);
    BOOST_TEST(t.take_sent().ends_with(message('S')));
    for (int i = 0; i < 20; ++i) t.server_says(bind_complete() + command_complete("INSERT 0 1"));
    t.server_says(ready_for_query()).sends_nothing();
    t.session.release();
    t.sends("Query(b)").server_says(reply("2"));
    t.done(bulk, bulk.heard).done(b, heard("2"));
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
