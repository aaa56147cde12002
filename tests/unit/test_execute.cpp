// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "tests/support/op_test.hpp"

namespace pgstride::test {

BOOST_AUTO_TEST_SUITE(execute)

BOOST_AUTO_TEST_CASE(a_known_statement_takes_one_round_trip) {
  play([](OpTest& t) {
    Execution execution(t.ready_statement("select name from users where id = $1", {"name"}), {"7"});
    t.submit(execution).sends("Bind(s1: 7) Execute Sync");
    t.server_says(bind_complete(), data_row({"one"}), data_row({null}), command_complete("SELECT 2"),
                  ready_for_query());
    t.done(execution, "(name) [one] [NULL] SELECT 2");
  });
}

BOOST_AUTO_TEST_CASE(so_does_a_fresh_one) {
  play([](OpTest& t) {
    Execution execution(t.statement("select $1, $2"), {"7", null});
    t.submit(execution).sends("Parse(s1, select $1, $2) Describe(s1) Bind(s1: 7, NULL) Execute Sync");
    t.server_says(parse_complete(), parameter_description({23, 23}), row_description({"a", "b"}),
                  bind_complete(), data_row({"7", null}), command_complete("SELECT 1"), ready_for_query());
    t.done(execution, "(a, b) [7, NULL] SELECT 1");
    BOOST_TEST(execution.statement()->ready());
  });
}

// A statement without a name is parsed anew each time, but described only once.
BOOST_AUTO_TEST_CASE(rows_of_a_table_that_has_grown_fail_their_request_only) {
  play([](OpTest& t) {
    const StatementRef statement = t.session.new_statement("table t", {}, false);
    Execution before(statement);
    t.submit(before).take_sent();
    t.server_says(description({"a"}), bind_complete(), command_complete("SELECT 0"), ready_for_query());
    t.done(before, "(a) SELECT 0");
    Execution after(statement), next(t.ready_statement("select 1", {"x"}));
    t.submit(after).submit(next).take_sent();
    t.server_says(parse_complete(), bind_complete(), data_row({"1", "2"}), data_row({"3", "4"}),
                  command_complete("SELECT 2"), ready_for_query());
    t.failed(after, Errc::protocol_violation);
    BOOST_TEST(after.failure()->detail ==
               "the number of columns in the result row (2) is different from what was described (1)");
    BOOST_TEST(after.heard == "(a)");
    t.server_says(bind_complete(), data_row({"1"}), command_complete("SELECT 1"), ready_for_query());
    t.done(next, "(x) [1] SELECT 1");
  });
}

BOOST_AUTO_TEST_CASE(without_rows) {
  play([](OpTest& t) {
    Execution update(t.ready_statement("update t set x = 1"));
    Execution nothing(t.ready_statement(""));
    t.submit(update).submit(nothing).take_sent();
    t.server_says(bind_complete(), command_complete("UPDATE 3"), ready_for_query());
    t.server_says(bind_complete(), empty_query_response(), ready_for_query());
    t.done(update, "() UPDATE 3").done(nothing, "() -");
  });
}

BOOST_AUTO_TEST_CASE(a_cursor) {
  play([](OpTest& t) {
    const StatementRef statement = t.ready_statement("select x from t", {"x"});
    Execution open(statement, {}, {.portal = "c1", .row_limit = 2});
    t.submit(open).sends("Bind(c1 <- s1) Execute(c1, 2) Sync");
    t.server_says(bind_complete(), data_row({"1"}), data_row({"2"}), portal_suspended(),
                  ready_for_query('T'));
    t.done(open, "(x) [1] [2] -");
    BOOST_TEST(open.suspended());

    Execution next(statement, {}, {.portal = "c1", .row_limit = 2, .bind = false});
    t.submit(next).sends("Execute(c1, 2) Sync");
    t.server_says(data_row({"3"}), command_complete("SELECT 1"), ready_for_query('T'));
    t.done(next, "[3] SELECT 1");
    BOOST_TEST(!next.suspended());

    Execution close(statement, {}, {.portal = "c1", .bind = false, .execute = false, .close = true});
    t.submit(close).sends("ClosePortal(c1) Sync");
    t.server_says(close_complete(), ready_for_query('T'));
    t.done(close, "");
  });
}

BOOST_AUTO_TEST_CASE(a_cursor_of_a_fresh_statement_may_be_pipelined) {
  play([](OpTest& t) {
    const StatementRef statement = t.statement("select x from t");
    Execution bind(statement, {}, {.portal = "c1", .execute = false});
    Execution step(statement, {}, {.portal = "c1", .row_limit = 1, .bind = false, .close = true});
    t.submit(bind).submit(step);
    t.sends(
        "Parse(s1, select x from t) Describe(s1) Bind(c1 <- s1) Sync Execute(c1, 1) ClosePortal(c1) Sync");
    t.server_says(description({"x"}), bind_complete(), ready_for_query('T'));
    t.server_says(data_row({"1"}), portal_suspended(), close_complete(), ready_for_query('T'));
    t.done(bind, "(x)").done(step, "[1] -");
  });
}

BOOST_AUTO_TEST_CASE(an_argument_that_can_not_be_encoded_leaves_no_trace) {
  play([](OpTest& t) {
    Execution bad(t.statement("select $1"), {"x"});
    bad.refuses_to_encode = true;
    t.refuses(bad, Errc::invalid_argument).sends_nothing().nothing_done();
    BOOST_TEST((bad.statement()->state() == Statement::State::fresh));

    bad.refuses_to_encode = false;
    t.submit(bad).sends("Parse(s1, select $1) Describe(s1) Bind(s1: x) Execute Sync");
    t.server_says(parse_complete(), parameter_description({25}), row_description({"x"}), bind_complete(),
                  data_row({"x"}), command_complete("SELECT 1"), ready_for_query());
    t.done(bad, "(x) [x] SELECT 1");
  });
}

BOOST_AUTO_TEST_CASE(an_argument_in_the_middle_of_a_pipeline_leaves_its_neighbours) {
  play([](OpTest& t) {
    const StatementRef statement = t.ready_statement("select $1", {"x"});
    Execution first(statement, {"1"});
    Execution second(statement, {"2"});
    Execution third(statement, {"3"});
    second.refuses_to_encode = true;
    t.submit(first).refuses(second, Errc::invalid_argument).submit(third);
    t.sends("Bind(s1: 1) Execute Sync Bind(s1: 3) Execute Sync");
    for (int i = 0; i < 2; ++i)
      t.server_says(bind_complete(), command_complete("SELECT 0"), ready_for_query());
    t.done(first, "(x) SELECT 0").done(third, "(x) SELECT 0");
  });
}

BOOST_AUTO_TEST_CASE(errors_at_every_stage) {
  play([](OpTest& t) {
    const StatementRef statement = t.ready_statement("select 1 / $1", {"x"});
    Execution execution(statement, {"0"});
    t.submit(execution).take_sent();
    t.server_says(error_response("22P03"), ready_for_query());
    t.failed(execution, "22P03");

    t.submit(execution).take_sent();
    t.server_says(bind_complete(), error_response("22012"), ready_for_query());
    t.failed(execution, "22012");

    t.submit(execution).take_sent();
    t.server_says(bind_complete(), data_row({"1"}), error_response("57014"), ready_for_query('E'));
    t.failed(execution, "57014").lives();
    BOOST_TEST(execution.heard == "(x) [1]");
    BOOST_TEST(statement->ready());
  });
}

BOOST_AUTO_TEST_CASE(sinks_that_have_had_enough) {
  play([](OpTest& t) {
    Execution execution(t.ready_statement("select x from t", {"x"}));
    execution.taste = Witness::Taste::refuses_rows;
    t.submit(execution).take_sent();
    t.server_says(bind_complete(), data_row({"1"}), data_row({"2"}), command_complete("SELECT 2"),
                  ready_for_query());
    t.done(execution, "(x) [1]");

    execution.taste = Witness::Taste::throws_on_row;
    t.submit(execution).take_sent();
    t.server_says(bind_complete(), data_row({"1"}), data_row({"2"}), command_complete("SELECT 2"),
                  ready_for_query());
    t.failed(execution, Errc::invalid_value);
    BOOST_TEST(execution.heard == "(x) [1]");

    execution.taste = Witness::Taste::all;
    t.submit(execution).take_sent();
    t.server_says(bind_complete(), data_row({"1"}), command_complete("SELECT 1"), ready_for_query());
    t.done(execution, "(x) [1] SELECT 1");
  });
}

BOOST_AUTO_TEST_CASE(a_closed_statement_is_refused) {
  play([](OpTest& t) {
    const StatementRef statement = t.ready_statement("select 1", {"x"});
    t.session.retire(*statement);
    Execution execution(statement);
    t.refuses(execution, Errc::invalid_argument).sends("Close(s1) Sync");
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
