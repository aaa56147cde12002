// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "tests/support/op_test.hpp"

namespace pgstride::test {

BOOST_AUTO_TEST_SUITE(prepare)

BOOST_AUTO_TEST_CASE(a_statement_with_rows_is_described) {
  play([](OpTest& t) {
    Preparation preparation(t.statement("select id, name from users where id = $1"));
    const StatementRef statement = preparation.statement();
    t.submit(preparation);
    t.sends("Parse(s1, select id, name from users where id = $1) Describe(s1) Sync");
    BOOST_TEST((statement->state() == Statement::State::in_flight));
    t.server_says(parse_complete(), parameter_description({23}), row_description({"id", "name"}),
                  ready_for_query());
    t.done(preparation, "");
    BOOST_TEST(statement->ready());
    BOOST_TEST(statement->returns_rows());
    BOOST_TEST(statement->parameters() == std::vector<Oid>{23});
    BOOST_TEST(statement->columns().size() == 2u);
    BOOST_TEST(statement->columns()[1].name == "name");
  });
}

BOOST_AUTO_TEST_CASE(a_statement_without_rows_has_no_columns) {
  play([](OpTest& t) {
    Preparation preparation(t.statement("delete from users"));
    t.submit(preparation).take_sent();
    t.server_says(parse_complete(), parameter_description({}), no_data(), ready_for_query());
    t.done(preparation, "");
    BOOST_TEST(preparation.statement()->ready());
    BOOST_TEST(!preparation.statement()->returns_rows());
  });
}

BOOST_AUTO_TEST_CASE(a_row_may_have_no_columns) {
  play([](OpTest& t) {
    Preparation preparation(t.statement("select from users"));
    t.submit(preparation).take_sent();
    t.server_says(parse_complete(), parameter_description({}), row_description({}), ready_for_query());
    t.done(preparation, "");
    BOOST_TEST(preparation.statement()->returns_rows());
    BOOST_TEST(preparation.statement()->columns().empty());
  });
}

BOOST_AUTO_TEST_CASE(parameter_types_are_asked_for) {
  play([](OpTest& t) {
    const Oid types[] = {23, 0, 25};
    Preparation preparation(t.session.new_statement("select $1, $2, $3", types));
    t.submit(preparation).sends("Parse(s1, select $1, $2, $3, 23 0 25) Describe(s1) Sync");
    t.server_says(parse_complete(), parameter_description({23, 25, 25}), no_data(), ready_for_query());
    t.done(preparation, "");
  });
}

BOOST_AUTO_TEST_CASE(the_unnamed_statement_and_one_of_the_users) {
  play([](OpTest& t) {
    Preparation unnamed(t.session.new_statement("select 1", {}, false));
    Preparation named(t.session.new_statement_called("mine", "select 2"));
    t.submit(unnamed).submit(named);
    t.sends("Parse(, select 1) Describe() Sync Parse(mine, select 2) Describe(mine) Sync");
    t.server_says(description({"x"}), ready_for_query(), description({"x"}), ready_for_query());
    t.done(unnamed, "").done(named, "");
  });
}

BOOST_AUTO_TEST_CASE(a_refused_statement_has_failed) {
  play([](OpTest& t) {
    Preparation preparation(t.statement("selec 1"));
    t.submit(preparation).take_sent();
    t.server_says(error_response("42601"), ready_for_query());
    t.failed(preparation, "42601").lives();
    BOOST_TEST((preparation.statement()->state() == Statement::State::failed));
    BOOST_TEST(preparation.statement()->failure()->sqlstate() == "42601");
  });
}

BOOST_AUTO_TEST_CASE(an_error_between_parse_and_describe) {
  play([](OpTest& t) {
    std::optional<Preparation> preparation(t.statement("select 1"));
    t.submit(*preparation).take_sent();
    t.server_says(parse_complete(), error_response("57014"), ready_for_query());
    t.failed(*preparation, "57014");
    // The server has a statement of that name all the same.
    preparation.reset();
    Query next("select 2");
    t.submit(next).sends("Close(s1) Sync Query(select 2)");
    t.server_says(close_complete(), ready_for_query(), empty_query_response(), ready_for_query());
    t.done(next, "-");
  });
}

BOOST_AUTO_TEST_CASE(more_types_than_the_protocol_counts) {
  OpTest t;
  const std::vector<Oid> types(65536);
  Preparation preparation(t.session.new_statement("select 1", types));
  t.refuses(preparation, Errc::message_too_large).sends_nothing();
  Query next("select 2");
  t.submit(next).sends("Query(select 2)");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
