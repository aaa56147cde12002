// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <functional>
#include <initializer_list>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/operations/execute_series.hpp"

#include "tests/support/op_test.hpp"

namespace pgstride::test {
namespace {

constexpr std::string_view no_arguments("\0\0\0\0", 4);

class Series final : public Witness, public ExecuteSeries {
 public:
  explicit Series(std::initializer_list<StatementRef> statements) : ExecuteSeries(steps_) {
    for (const StatementRef& statement : statements)
      steps_.push_back({statement, as_bytes(no_arguments), this});
  }
  Operation& operation() noexcept override { return *this; }

  std::function<void()> on_each_end;

 private:
  void on_complete(CommandTag tag) override {
    Witness::on_complete(tag);
    if (on_each_end) on_each_end();
  }
  void on_done() noexcept override { ++ended; }

  std::vector<Step> steps_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(execute_series)

BOOST_AUTO_TEST_CASE(one_sync_for_all) {
  play([](OpTest& t) {
    Series series({t.ready_statement("insert"), t.ready_statement("select", {"x"})});
    t.submit(series).sends("Bind(s1) Execute Bind(s2) Execute Sync");
    t.server_says(bind_complete(), command_complete("INSERT 0 1"));
    t.server_says(bind_complete(), data_row({"1"}), data_row({"2"}), command_complete("SELECT 2"));
    t.server_says(ready_for_query());
    t.done(series, "() INSERT 0 1 (x) [1] [2] SELECT 2");
    BOOST_TEST(series.failed_step() == 2U);
  });
}

BOOST_AUTO_TEST_CASE(an_error_ends_all_of_it_and_has_a_place) {  // R-X4
  play([](OpTest& t) {
    Series series({t.ready_statement("insert"), t.ready_statement("fail"), t.ready_statement("never")});
    Query after("select 1");
    t.submit(series).submit(after).take_sent();
    t.server_says(bind_complete(), command_complete("INSERT 0 1"), bind_complete(), error_response("22012"),
                  ready_for_query());
    t.server_says(row_description({"y"}), data_row({"1"}), command_complete("SELECT 1"), ready_for_query());
    t.failed(series, "22012");
    BOOST_TEST(series.failed_step() == 1U);
    t.done(after, "(y) [1] SELECT 1").lives();
  });
}

BOOST_AUTO_TEST_CASE(statements_are_prepared_in_front) {
  play([](OpTest& t) {
    const StatementRef fresh = t.statement("select x");
    Series too_early({fresh});
    t.refuses(too_early, Errc::invalid_argument).sends_nothing();
    Preparation preparation(fresh);
    Series series({fresh, fresh});
    t.submit(preparation).submit(series);
    t.sends("Parse(s1, select x) Describe(s1) Sync Bind(s1) Execute Bind(s1) Execute Sync");
    t.server_says(description({"x"}), ready_for_query());
    t.server_says(bind_complete(), data_row({"1"}), command_complete("SELECT 1"));
    t.server_says(bind_complete(), data_row({"1"}), command_complete("SELECT 1"), ready_for_query());
    t.done(preparation, "").done(series, "(x) [1] SELECT 1 (x) [1] SELECT 1");
  });
}

BOOST_AUTO_TEST_CASE(a_failed_preparation_is_what_is_told) {
  play([](OpTest& t) {
    const StatementRef good = t.ready_statement("select 1", {"x"});
    const StatementRef bad = t.statement("selct");
    Preparation preparation(bad);
    Series series({good, bad});
    t.submit(preparation).submit(series).take_sent();
    t.server_says(error_response("42601"), ready_for_query());
    t.server_says(bind_complete(), data_row({"1"}), command_complete("SELECT 1"), error_response("26000"),
                  ready_for_query());
    t.failed(preparation, "42601").failed(series, "42601");
    BOOST_TEST(series.failed_step() == 1U);
  });
}

BOOST_AUTO_TEST_CASE(a_preparation_that_has_failed_is_not_tried_again) {
  play([](OpTest& t) {
    const StatementRef good = t.ready_statement("select 1", {"x"});
    const StatementRef bad = t.statement("selct");
    Preparation preparation(bad);
    t.submit(preparation).take_sent();
    t.server_says(error_response("42601"), ready_for_query()).failed(preparation, "42601");
    Series series({good, bad});
    t.refuses(series, Errc::server_error).sends_nothing();
    BOOST_TEST(series.failed_step() == 1U);
    t.lives();
  });
}

// Between its preparation and the series, somebody else may have used its place.
BOOST_AUTO_TEST_CASE(the_unnamed_statement_is_parsed_anew) {
  play([](OpTest& t) {
    Preparation preparation(t.session.new_statement("select x", {}, false));
    t.submit(preparation).take_sent();
    t.server_says(description({"x"}), ready_for_query()).done(preparation, "");
    Series series({preparation.statement()});
    t.submit(series).sends("Parse(, select x) Bind() Execute Sync");
    t.server_says(parse_complete(), bind_complete(), data_row({"1"}), command_complete("SELECT 1"),
                  ready_for_query());
    t.done(series, "(x) [1] SELECT 1");
  });
}

BOOST_AUTO_TEST_CASE(its_sink_gives_it_up_between_two_steps) {  // as ResultSink says that it may
  play([](OpTest& t) {
    Series series({t.ready_statement("insert"), t.ready_statement("insert")});
    series.on_each_end = [&] { t.abandon(series); };
    t.submit(series).take_sent();
    t.server_says(bind_complete(), command_complete("INSERT 0 1"));
    t.server_says(bind_complete(), command_complete("INSERT 0 1"), ready_for_query());
    BOOST_TEST(series.heard == "() INSERT 0 1");
    t.lives();
  });
}

BOOST_AUTO_TEST_CASE(replies_out_of_order_end_the_connection) {
  for (const std::string& wrong : {bind_complete() + data_row({"1"}), command_complete("SELECT 1"),
                                   bind_complete() + command_complete("SELECT 0") + ready_for_query()}) {
    OpTest t;
    Series series({t.ready_statement("insert"), t.ready_statement("insert")});
    t.submit(series).take_sent();
    t.server_says(wrong).killed(Errc::protocol_violation);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
