// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// One statement, several holders: requests that run it, the cache, the user's handle.
#include <boost/test/unit_test.hpp>

#include "tests/support/op_test.hpp"

namespace pgstride::test {
namespace {

std::string one_row(std::string_view value) {
  return bind_complete() + data_row({value}) + command_complete("SELECT 1") + ready_for_query();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(statement_sharing)

BOOST_AUTO_TEST_CASE(one_parse_serves_all_that_are_pipelined_behind_it) {
  play([](OpTest& t) {
    const StatementRef statement = t.statement("select $1");
    Execution first(statement, {"1"});
    Execution second(statement, {"2"});
    t.submit(first).submit(second);
    t.sends("Parse(s1, select $1) Describe(s1) Bind(s1: 1) Execute Sync Bind(s1: 2) Execute Sync");
    t.server_says(description({"x"}), one_row("1"), one_row("2"));
    t.done(first, "(x) [1] SELECT 1").done(second, "(x) [2] SELECT 1");
  });
}

BOOST_AUTO_TEST_CASE(and_its_failure_is_theirs) {
  play([](OpTest& t) {
    const StatementRef statement = t.statement("selec $1");
    Execution first(statement, {"1"});
    Execution second(statement, {"2"});
    t.submit(first).submit(second).take_sent();
    t.server_says(error_response("42601"), ready_for_query(), error_response("26000"), ready_for_query());
    t.failed(first, "42601").failed(second, "42601");

    Execution third(statement, {"3"});
    t.refuses(third, Errc::server_error).sends_nothing();
    BOOST_TEST(third.failure()->server->sqlstate() == "42601");
  });
}

BOOST_AUTO_TEST_CASE(an_error_after_the_parse_is_the_executions_own) {
  play([](OpTest& t) {
    const StatementRef statement = t.statement("select 1 / $1");
    Execution first(statement, {"0"});
    Execution second(statement, {"1"});
    t.submit(first).submit(second).take_sent();
    t.server_says(description({"x"}), error_response("22012"), ready_for_query(), one_row("1"));
    t.failed(first, "22012").done(second, "(x) [1] SELECT 1");
  });
}

BOOST_AUTO_TEST_CASE(the_parse_outlives_the_operation_that_carried_it) {
  play([](OpTest& t) {
    const StatementRef statement = t.statement("select $1");
    std::optional<Execution> first(std::in_place, statement, Execution::Arguments{"1"});
    Execution second(statement, {"2"});
    t.submit(*first).submit(second).take_sent();
    first.reset();
    t.server_says(description({"x"}), one_row("1"), one_row("2"));
    t.done(second, "(x) [2] SELECT 1");
    BOOST_TEST(statement->ready());
  });
}

BOOST_AUTO_TEST_CASE(abandoned_before_it_left_but_needed_behind) {
  play([](OpTest& t) {
    const StatementRef statement = t.statement("select $1");
    Execution first(statement, {"1"});
    Execution second(statement, {"2"});
    t.submit(first).submit(second);
    BOOST_TEST((t.abandon(first) == Session::Abandoned::behind));
    t.sends("Parse(s1, select $1) Describe(s1) Bind(s1: 1) Execute Sync Bind(s1: 2) Execute Sync");
    t.server_says(description({"x"}), one_row("1"), one_row("2"));
    t.done(second, "(x) [2] SELECT 1");
  });
}

BOOST_AUTO_TEST_CASE(a_withdrawn_parse_was_never_sent) {
  play([](OpTest& t) {
    const StatementRef statement = t.statement("select $1");
    t.session.statements().insert(statement);
    Execution first(statement, {"1"});
    Execution second(statement, {"2"});
    t.submit(first).submit(second);
    BOOST_TEST((t.abandon(first) == Session::Abandoned::behind));
    BOOST_TEST((t.abandon(second) == Session::Abandoned::withdrawn));
    t.sends_nothing();
    BOOST_TEST((statement->state() == Statement::State::fresh));
    BOOST_TEST(!t.session.statements().find("select $1", {}));

    Execution third(statement, {"3"});
    t.submit(third).sends("Parse(s1, select $1) Describe(s1) Bind(s1: 3) Execute Sync");
    t.server_says(description({"x"}), one_row("3"));
    t.done(third, "(x) [3] SELECT 1");
  });
}

BOOST_AUTO_TEST_CASE(the_last_holder_closes_it_before_the_next_request) {
  play([](OpTest& t) {
    StatementRef statement = t.ready_statement("select $1", {"x"});
    statement = {};
    t.sends_nothing();
    Query next("select 2");
    t.submit(next).sends("Close(s1) Sync Query(select 2)");
    t.server_says(close_complete(), ready_for_query(), empty_query_response(), ready_for_query());
    t.done(next, "-");
  });
}

BOOST_AUTO_TEST_CASE(several_share_one_close_request) {
  play([](OpTest& t) {
    t.ready_statement("select 1");
    StatementRef second = t.ready_statement("select 2");  // which has closed s1 on its way
    StatementRef third = t.ready_statement("select 3");
    second = third = {};
    Query next("select 4");
    t.submit(next).sends("Close(s2) Close(s3) Sync Query(select 4)");
    t.server_says(close_complete(), close_complete(), ready_for_query(), empty_query_response(),
                  ready_for_query());
    t.done(next, "-");
  });
}

BOOST_AUTO_TEST_CASE(eviction_closes) {
  play([](OpTest& t) {
    t.session.statements().resize(1);
    t.session.statements().insert(t.ready_statement("select 1", {"x"}));
    Execution execution(t.statement("select 2"));
    t.session.statements().insert(execution.statement());
    t.submit(execution).sends("Close(s1) Sync Parse(s2, select 2) Describe(s2) Bind(s2) Execute Sync");
    t.server_says(close_complete(), ready_for_query(), description({"x"}), one_row("2"));
    t.done(execution, "(x) [2] SELECT 1");
  });
}

BOOST_AUTO_TEST_CASE(evicted_while_it_runs) {
  play([](OpTest& t) {
    std::optional<Execution> execution(t.statement("select 1"));
    t.session.statements().insert(execution->statement());
    t.submit(*execution).take_sent();
    t.session.statements().clear();
    t.server_says(description({"x"}), one_row("1"));
    t.done(*execution, "(x) [1] SELECT 1");
    execution.reset();
    Query next("select 2");
    t.submit(next).sends("Close(s1) Sync Query(select 2)");
    t.server_says(close_complete(), ready_for_query(), empty_query_response(), ready_for_query());
    t.done(next, "-");
  });
}

BOOST_AUTO_TEST_CASE(let_go_of_during_an_encode) {
  play([](OpTest& t) {
    StatementRef other = t.ready_statement("select 1");
    Execution execution(t.ready_statement("select $1", {"x"}), {"7"});
    execution.while_encoding = [&] { other = {}; };
    t.submit(execution).sends("Bind(s2: 7) Execute Sync");
    t.server_says(one_row("7"));
    t.done(execution, "(x) [7] SELECT 1");

    Query next("select 2");
    t.submit(next).sends("Close(s1) Sync Query(select 2)");
    t.server_says(close_complete(), ready_for_query(), empty_query_response(), ready_for_query());
    t.done(next, "-");
  });
}

BOOST_AUTO_TEST_CASE(never_sent_never_closed) {
  OpTest t;
  t.statement("select 1");
  t.session.new_statement("select 2", {}, false);
  Query next("select 3");
  t.submit(next).sends("Query(select 3)");
}

BOOST_AUTO_TEST_CASE(a_failed_parse_leaves_the_cache_but_not_its_namesake) {
  play([](OpTest& t) {
    const StatementRef cached = t.ready_statement("select 1", {"x"});
    t.session.statements().insert(cached);
    Preparation namesake(t.statement("select 1"));
    Preparation own(t.statement("select 2"));
    t.session.statements().insert(own.statement());
    t.submit(namesake).submit(own).take_sent();
    t.server_says(error_response("57014"), ready_for_query(), error_response("42601"), ready_for_query());
    t.failed(namesake, "57014").failed(own, "42601");
    BOOST_TEST(t.session.statements().find("select 1", {}) == cached.get());
    BOOST_TEST(!t.session.statements().find("select 2", {}));
  });
}

BOOST_AUTO_TEST_CASE(discard_all_takes_them_away) {
  for (const std::string tag : {"DISCARD ALL", "DEALLOCATE ALL"}) {
    for (const bool abandoned : {false, true}) {
      play([&](OpTest& t) {
        StatementRef statement = t.ready_statement("select 1", {"x"});
        t.session.statements().insert(statement);
        Query discard(tag);
        t.submit(discard).take_sent();
        if (abandoned) t.abandon(discard);
        t.server_says(command_complete(tag), ready_for_query());
        if (!abandoned) t.done(discard, tag);
        BOOST_TEST(t.session.statements().size() == 0u);

        // Whoever holds it is told by the server, which is not asked to forget it once more.
        BOOST_TEST(statement->ready());
        statement = {};
        Query next("select 2");
        t.submit(next).sends("Query(select 2)");
        t.server_says(empty_query_response(), ready_for_query());
        t.done(next, "-");
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(a_statement_outlives_its_session) {
  StatementRef statement;
  {
    OpTest t;
    statement = t.ready_statement("select 1", {"x"});
  }
  BOOST_TEST((statement->state() == Statement::State::closed));
  BOOST_TEST(statement->sql() == "select 1");
}

BOOST_AUTO_TEST_CASE(a_retired_statement_is_closed_for_all_its_holders) {
  play([](OpTest& t) {
    const StatementRef statement = t.ready_statement("select 1", {"x"});
    t.session.retire(*statement);
    t.session.retire(*statement);
    Query next("select 2");
    t.submit(next).sends("Close(s1) Sync Query(select 2)");
    t.server_says(close_complete(), ready_for_query(), empty_query_response(), ready_for_query());
    t.done(next, "-");

    Execution execution(statement);
    t.refuses(execution, Errc::invalid_argument).sends_nothing();
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
