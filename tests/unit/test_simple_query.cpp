// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "tests/support/op_test.hpp"

namespace pgstride::test {

BOOST_AUTO_TEST_SUITE(simple_query)

BOOST_AUTO_TEST_CASE(one_result) {
  play([](OpTest& t) {
    Query query("select id, name from users");
    t.submit(query).sends("Query(select id, name from users)");
    t.server_says(row_description({"id", "name"}), data_row({"1", "one"}), data_row({"2", null}),
                  command_complete("SELECT 2"), ready_for_query());
    t.done(query, "(id, name) [1, one] [2, NULL] SELECT 2");
  });
}

BOOST_AUTO_TEST_CASE(every_statement_of_a_script_has_its_end) {
  play([](OpTest& t) {
    Query script("create table a(); select; ; insert into a default values");
    t.submit(script).take_sent();
    t.server_says(command_complete("CREATE TABLE"), row_description({}), data_row({}),
                  command_complete("SELECT 1"), row_description({"x"}), command_complete("SELECT 0"),
                  command_complete("INSERT 0 1"), ready_for_query());
    t.done(script, "CREATE TABLE () [] SELECT 1 (x) SELECT 0 INSERT 0 1");
  });
}

BOOST_AUTO_TEST_CASE(nothing_asked_nothing_told) {
  play([](OpTest& t) {
    Query query("-- only a comment");
    t.submit(query).take_sent();
    t.server_says(empty_query_response(), ready_for_query());
    t.done(query, "-");
  });
}

BOOST_AUTO_TEST_CASE(rows_before_an_error_are_heard_but_the_query_fails) {  // R-X5
  play([](OpTest& t) {
    Query query("select 1 / (3 - x) from generate_series(1, 5) x");
    t.submit(query).take_sent();
    t.server_says(row_description({"x"}), data_row({"0"}), error_response("22012"), ready_for_query('E'));
    t.failed(query, "22012").lives();
    BOOST_TEST(query.heard == "(x) [0]");
    BOOST_TEST(static_cast<char>(t.session.transaction()) == 'E');
  });
}

BOOST_AUTO_TEST_CASE(a_sink_that_refuses_is_left_alone) {
  play([](OpTest& t) {
    Query query("select 1; select 2");
    query.taste = Witness::Taste::refuses_rows;
    t.submit(query).take_sent();
    t.server_says(row_description({"x"}), data_row({"1"}), data_row({"1"}), command_complete("SELECT 2"));
    t.server_says(row_description({"y"}), data_row({"2"}), command_complete("SELECT 1"), ready_for_query());
    t.done(query, "(x) [1]");
  });
}

BOOST_AUTO_TEST_CASE(what_a_sink_throws_becomes_the_failure) {
  struct Case {
    Witness::Taste taste;
    std::string_view heard;
  };
  for (const Case& given :
       {Case{Witness::Taste::throws_on_columns, "(x)"}, Case{Witness::Taste::throws_on_row, "(x) [1]"},
        Case{Witness::Taste::throws_on_complete, "(x) [1] [2] SELECT 2"}}) {
    play([&given](OpTest& t) {
      Query query("select x from t");
      query.taste = given.taste;
      t.submit(query).take_sent();
      t.server_says(row_description({"x"}), data_row({"1"}), data_row({"2"}), command_complete("SELECT 2"),
                    command_complete("SET"), ready_for_query());
      t.failed(query, Errc::invalid_value).lives();
      BOOST_TEST(query.heard == given.heard);
      BOOST_REQUIRE(query.failure()->thrown);
      BOOST_CHECK_THROW(std::rethrow_exception(query.failure()->thrown), std::runtime_error);
    });
  }
}

BOOST_AUTO_TEST_CASE(the_sinks_failure_outlives_the_servers_error) {
  play([](OpTest& t) {
    Query query("select x from t");
    query.taste = Witness::Taste::throws_on_row;
    t.submit(query).take_sent();
    t.server_says(row_description({"x"}), data_row({"1"}), error_response("22012"), ready_for_query());
    t.failed(query, Errc::invalid_value);
  });
}

BOOST_AUTO_TEST_CASE(it_can_be_submitted_again) {
  play([](OpTest& t) {
    Query query("select x from t");
    query.taste = Witness::Taste::throws_on_row;
    t.submit(query).take_sent();
    t.server_says(row_description({"x"}), data_row({"1"}), error_response("22012"), ready_for_query());
    t.failed(query, Errc::invalid_value);

    query.taste = Witness::Taste::all;
    t.submit(query).sends("Query(select x from t)");
    BOOST_TEST(!query.failure());
    t.server_says(row_description({"x"}), data_row({"7"}), command_complete("SELECT 1"), ready_for_query());
    t.done(query, "(x) [7] SELECT 1");
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
