// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What a session does with frames: pipelines, asynchronous messages, COPY that nobody asked for,
// the end. Leaving the queue and the cancel fence are in test_session_queue.cpp.
#include <boost/test/unit_test.hpp>

#include "tests/support/op_test.hpp"

namespace pgstride::test {
namespace {

std::string reply(std::string_view value) {
  return row_description({"x"}) + data_row({value}) + command_complete("SELECT 1") + ready_for_query();
}
std::string heard(std::string_view value) { return "(x) [" + std::string(value) + "] SELECT 1"; }

struct Events final : ServerEvents {
  std::string heard;
  void on_notice(const ServerError& notice) override {
    heard.append("notice ").append(notice.message()).append("; ");
  }
  void on_notification(const Notification& n) override {
    heard.append(n.channel).append(" = ").append(n.payload).append(" from " + std::to_string(n.pid) + "; ");
  }
  void on_parameter(const ParameterStatus& s) override {
    heard.append(s.name).append(" = ").append(s.value).append("; ");
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(session)

BOOST_AUTO_TEST_CASE(requests_are_pipelined_and_answered_in_order) {
  play([](OpTest& t) {
    Query a("a"), b("b"), c("c");
    t.submit(a).submit(b).sends("Query(a) Query(b)");
    t.submit(c).sends("Query(c)");
    t.server_says(reply("1"), reply("2"), reply("3"));
    t.done(a, heard("1")).done(b, heard("2")).done(c, heard("3"));
    BOOST_TEST(t.session.quiescent());
  });
}

BOOST_AUTO_TEST_CASE(an_error_leaves_its_neighbours_intact) {
  play([](OpTest& t) {
    Query a("a"), b("b"), c("c");
    t.submit(a).submit(b).submit(c).take_sent();
    t.server_says(reply("1"), row_description({"x"}), data_row({"2"}), error_response("22012"),
                  ready_for_query());
    t.server_says(reply("3"));
    t.done(a, heard("1")).failed(b, "22012").done(c, heard("3"));
  });
}

BOOST_AUTO_TEST_CASE(the_servers_word_on_the_transaction_counts) {
  play([](OpTest& t) {
    Query begin("begin"), commit("commit");
    t.submit(begin).submit(commit).take_sent();
    t.server_says(command_complete("BEGIN"), ready_for_query('I'));
    BOOST_TEST((t.session.transaction() == TransactionStatus::idle));
    t.server_says(command_complete("COMMIT"), ready_for_query('T'));
    BOOST_TEST((t.session.transaction() == TransactionStatus::in_block));
    t.done(begin, "BEGIN").done(commit, "COMMIT");
  });
}

BOOST_AUTO_TEST_CASE(a_sink_may_submit) {
  play([](OpTest& t) {
    Query inner("inner");
    Query outer("outer");
    outer.on_each_row = [&] { t.submit(inner); };
    t.submit(outer).take_sent();
    t.server_says(row_description({"x"}), data_row({"1"}), command_complete("SELECT 1"), ready_for_query());
    t.done(outer, heard("1")).sends("Query(inner)");
    t.server_says(reply("2")).done(inner, heard("2"));
  });
}

BOOST_AUTO_TEST_CASE(an_encoder_may_not) {
  play([](OpTest& t) {
    Query inner("inner");
    Execution outer(t.ready_statement("select $1", {"x"}), {"1"});
    outer.while_encoding = [&] { t.refuses(inner, Errc::invalid_argument); };
    t.submit(outer).sends("Bind(s1: 1) Execute Sync");
    t.server_says(bind_complete(), command_complete("SELECT 0"), ready_for_query());
    t.done(outer, "(x) SELECT 0");
  });
}

BOOST_AUTO_TEST_CASE(an_encoder_may_close_the_connection) {
  OpTest t;
  Execution outer(t.ready_statement("select $1", {"x"}), {"1"});
  outer.while_encoding = [&] { t.session.fail({Errc::connection_closed, {}}); };
  t.refuses(outer, Errc::connection_closed).sends_nothing().nothing_done();
}

BOOST_AUTO_TEST_CASE(memory_that_runs_out_while_encoding_leaves_the_others) {
  OpTest t;
  Query before("before"), after("after");
  t.submit(before);
  Execution big(t.session.new_statement("select $1"), {"1"});
  big.while_encoding = [] { throw std::bad_alloc(); };
  BOOST_CHECK_THROW(static_cast<void>(t.session.submit(big)), std::bad_alloc);
  BOOST_TEST(!big.pending());
  t.submit(after).sends("Query(before) Query(after)");
}

BOOST_AUTO_TEST_CASE(asynchronous_messages_come_at_any_time) {
  play([](OpTest& t) {
    Events events;
    t.session.set_events(&events);
    const std::string news[] = {notice_response("hello"), notification(7, "ch", "pay"),
                                parameter_status("TimeZone", "UTC")};
    const std::string all = news[0] + news[1] + news[2];
    t.server_says(news[0], news[1], news[2]);  // idle
    Query query("select x from t");
    t.submit(query).take_sent();
    t.server_says(all, row_description({"x"}), all, data_row({"1"}), all, command_complete("SELECT 1"), all,
                  ready_for_query());
    t.done(query, heard("1"));
    t.submit(query).take_sent();
    t.server_says(error_response("22012"), all, ready_for_query(), all);
    t.failed(query, "22012").lives();
    std::string expected;
    for (int i = 0; i < 7; ++i) expected += "notice hello; ch = pay from 7; TimeZone = UTC; ";
    BOOST_TEST(events.heard == expected);
    BOOST_TEST(t.session.parameters().get("TimeZone") == "UTC");
    BOOST_TEST(t.session.parameters().get("DateStyle") == "");
    t.session.set_events(nullptr);
  });
}

// R-E5: what would be taken for other text is neither sent nor read, until the encoding is UTF-8 again.
BOOST_AUTO_TEST_CASE(values_are_not_exchanged_in_another_encoding) {
  play([](OpTest& t) {
    const StatementRef statement = t.ready_statement("select $1", {"x"});
    Execution refused(statement, {"1"}), sent(statement, {"1"});
    Query back("set client_encoding to utf8");
    t.server_says(parameter_status("client_encoding", "LATIN1"));
    t.refuses(refused, Errc::invalid_argument).sends_nothing();
    BOOST_TEST(refused.failure()->detail ==
               "client_encoding is LATIN1, and values are sent and read as UTF-8");
    t.submit(back).sends("Query(set client_encoding to utf8)");
    t.server_says(command_complete("SET"), parameter_status("client_encoding", "UTF8"), ready_for_query());
    t.done(back, "SET").submit(sent).sends("Bind(s1: 1) Execute Sync");
    t.server_says(bind_complete(), command_complete("SELECT 0"), ready_for_query());
    t.done(sent, "(x) SELECT 0");
  });
}

BOOST_AUTO_TEST_CASE(values_are_exchanged_in_another_encoding_that_is_known) {
  struct Polyglot final : ServerEvents {
    explicit Polyglot(Session& s) : session(s) {}
    void on_parameter(const ParameterStatus& status) override {
      if (status.value == "LATIN1") session.accept_encoding();
    }
    Session& session;
  };
  play([](OpTest& t) {
    Polyglot polyglot(t.session);
    t.session.set_events(&polyglot);
    const StatementRef statement = t.ready_statement("select $1", {"x"});
    Execution sent(statement, {"1"}), refused(statement, {"1"});
    t.server_says(parameter_status("client_encoding", "LATIN1"));
    t.submit(sent).sends("Bind(s1: 1) Execute Sync");
    t.server_says(bind_complete(), command_complete("SELECT 0"), ready_for_query());
    t.done(sent, "(x) SELECT 0");
    t.server_says(parameter_status("client_encoding", "EUC_TW"));
    t.refuses(refused, Errc::invalid_argument).sends_nothing();
    t.session.set_events(nullptr);
  });
}

// R-E5: the server would take what is on its way for other text.
BOOST_AUTO_TEST_CASE(no_request_is_overtaken_by_another_encoding) {
  play([](OpTest& t) {
    t.server_says(parameter_status("client_encoding", "UTF8"));
    const StatementRef statement = t.ready_statement("select $1", {"x"});
    Query change("set client_encoding to latin1");
    Execution behind(statement, {"1"});
    t.submit(change).submit(behind).take_sent();
    t.server_says(command_complete("SET"), parameter_status("client_encoding", "UTF8")).lives();
    t.server_says(parameter_status("client_encoding", "LATIN1")).killed(Errc::connection_lost);
    BOOST_TEST(t.session.failure()->detail ==
               "client_encoding became LATIN1 before requests that were written in UTF8");
  });
}

BOOST_AUTO_TEST_CASE(a_request_that_nobody_waits_for_may_meet_another_encoding) {
  play([](OpTest& t) {
    t.server_says(parameter_status("client_encoding", "UTF8"));
    Query change("set client_encoding to latin1"), given_up("select 1");
    t.submit(change).submit(given_up).take_sent();
    t.abandon(given_up);
    t.server_says(command_complete("SET"), parameter_status("client_encoding", "LATIN1"), ready_for_query());
    t.done(change, "SET");
    t.server_says(command_complete("SELECT 0"), ready_for_query()).lives();
  });
}

BOOST_AUTO_TEST_CASE(parameters_are_limited_in_number) {
  OpTest t;
  for (int i = 0; i < 512; ++i) t.server_says(parameter_status("p" + std::to_string(i), "v")).lives();
  for (int i = 0; i < 512; ++i) t.server_says(parameter_status("p" + std::to_string(i), "w")).lives();
  t.server_says(parameter_status("one too many", "")).killed(Errc::limit_exceeded);
}

BOOST_AUTO_TEST_CASE(parameters_are_limited_in_size) {
  OpTest t;
  const std::string value(60000, 'v');
  for (int i = 0; i < 17; ++i) t.server_says(parameter_status("p" + std::to_string(i), value)).lives();
  for (int i = 0; i < 17; ++i) t.server_says(parameter_status("p" + std::to_string(i), "small")).lives();
  for (int i = 0; i < 17; ++i) t.server_says(parameter_status("p" + std::to_string(i), value)).lives();
  t.server_says(parameter_status("p17", value)).killed(Errc::limit_exceeded);
}

// --- the end ------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_farewell_while_idle_is_remembered) {
  play([](OpTest& t) {
    t.server_says(error_response("57P01", "FATAL")).killed(Errc::connection_lost);
    BOOST_TEST(t.session.failure()->server->sqlstate() == "57P01");
    Query late("select 1");
    t.refuses(late, Errc::connection_lost);
    BOOST_TEST(late.failure()->server->sqlstate() == "57P01");
    BOOST_TEST(!late.failure()->outcome_unknown);
  });
}

BOOST_AUTO_TEST_CASE(a_farewell_in_the_middle_of_a_result) {
  play([](OpTest& t) {
    Query running("a"), sent("b"), unsent("c");
    t.submit(running).submit(sent).take_sent();
    t.submit(unsent);
    t.server_says(row_description({"x"}), data_row({"1"}));
    t.server_says(error_response("57P01", "FATAL") + data_row({"2"}) + ready_for_query());
    BOOST_REQUIRE(t.session.failure());
    t.failed(running, "57P01");
    BOOST_TEST(running.heard == "(x) [1]");
    t.failed(sent, Errc::connection_lost);
    BOOST_TEST(sent.failure()->outcome_unknown);
    t.failed(unsent, Errc::connection_lost);
    BOOST_TEST(!unsent.failure()->outcome_unknown);
    BOOST_TEST(unsent.failure()->server->sqlstate() == "57P01");
  });
}

BOOST_AUTO_TEST_CASE(two_answers_and_a_farewell_in_one_piece) {  // NF-14
  OpTest t;
  Query a("a"), b("b"), c("c");
  t.submit(a).submit(b).submit(c).take_sent();
  t.server_says(reply("1") + reply("2") + error_response("57P01", "FATAL"));
  t.done(a, heard("1")).done(b, heard("2")).failed(c, "57P01");
  BOOST_TEST(t.session.failure());
}

BOOST_AUTO_TEST_CASE(what_was_complete_stays_complete) {
  OpTest t;
  Query a("a"), b("b");
  t.submit(a).submit(b).take_sent();
  t.server_says(reply("1"));
  t.session.fail({std::make_error_code(std::errc::connection_reset), {}});
  t.session.fail({Errc::connection_closed, "later"});
  t.done(a, heard("1"));
  BOOST_REQUIRE(t.session.next_done() == &b.operation());
  BOOST_TEST((b.failure()->code == std::errc::connection_reset));
  BOOST_TEST(b.failure()->outcome_unknown);
  t.abandon(b);
}

BOOST_AUTO_TEST_CASE(after_the_servers_error_the_outcome_is_known) {
  OpTest t;
  Query query("a");
  t.submit(query).take_sent();
  t.server_says(error_response("22012"));
  t.session.fail({Errc::connection_lost, {}});
  t.failed(query, "22012");
  BOOST_TEST(!query.failure()->outcome_unknown);
}

BOOST_AUTO_TEST_CASE(a_destroyed_session_lets_its_operations_go) {
  std::optional<OpTest> t(std::in_place);
  Query pending("a"), over("b");
  t->submit(over).submit(pending).take_sent();
  t->server_says(reply("1"));
  t.reset();
  BOOST_TEST(!pending.pending());
  BOOST_TEST(!over.pending());
  BOOST_TEST(pending.ended + over.ended == 0);
}

BOOST_AUTO_TEST_CASE(violations_name_the_message_and_no_content) {
  OpTest t;
  t.server_says(message('\xff', "secret")).killed(Errc::protocol_violation);
  BOOST_TEST(
      describe(*t.session.failure()) ==
      "server violated the protocol: unknown message 0xff (0 bytes) is not allowed in this phase of the "
      "connection");
}

BOOST_AUTO_TEST_CASE(an_error_that_nobody_asked_for_is_remembered) {
  OpTest t;
  t.server_says(error_response("XX000")).killed(Errc::protocol_violation);
  BOOST_REQUIRE(t.session.failure()->server);
  BOOST_TEST(t.session.failure()->server->sqlstate() == "XX000");
}

// --- COPY that nobody asked for -----------------------------------------------------------------

BOOST_AUTO_TEST_CASE(copy_in_is_refused_in_the_simple_flow) {
  play([](OpTest& t) {
    Query copy("copy t from stdin"), next("b");
    t.submit(copy).take_sent();
    t.server_says(copy_response('G')).sends("CopyFail(not a copy call)");
    t.server_says(error_response("57014"), ready_for_query());
    t.failed(copy, Errc::copy_not_expected);
    t.submit(next).take_sent();
    t.server_says(reply("1")).done(next, heard("1"));
  });
}

BOOST_AUTO_TEST_CASE(and_in_the_extended_flow_which_needs_another_sync) {
  play([](OpTest& t) {
    Execution copy(t.ready_statement("copy t from stdin"));
    t.submit(copy).take_sent();
    t.server_says(bind_complete(), copy_response('G')).sends("CopyFail(not a copy call) Sync");
    t.server_says(error_response("57014"), ready_for_query());
    t.failed(copy, Errc::copy_not_expected).lives();
  });
}

BOOST_AUTO_TEST_CASE(copy_in_with_requests_behind_it_can_not_be_saved) {
  OpTest t;
  Query copy("copy t from stdin"), next("b");
  t.submit(copy).submit(next).take_sent();
  t.server_says(copy_response('G')).killed(Errc::connection_lost);
}

BOOST_AUTO_TEST_CASE(copy_in_passes_the_cancel_fence) {
  play([](OpTest& t) {
    Query copy("copy t from stdin"), next("b");
    t.submit(copy).take_sent();
    t.session.hold();
    t.submit(next);
    t.server_says(copy_response('G')).sends("CopyFail(not a copy call)");
    t.server_says(error_response("57014"), ready_for_query());
    t.failed(copy, Errc::copy_not_expected).sends_nothing();
    t.session.release();
    t.sends("Query(b)").server_says(reply("1")).done(next, heard("1"));
  });
}

BOOST_AUTO_TEST_CASE(copy_out_is_swallowed) {
  play([](OpTest& t) {
    Query script("copy t to stdout; select 1");
    Execution copy(t.ready_statement("copy t to stdout"));
    t.submit(script).submit(copy).take_sent();
    t.server_says(copy_response('H'), copy_data("1\n"), copy_data("2\n"), copy_done(),
                  command_complete("COPY 2"));
    t.server_says(reply("1"));
    t.server_says(bind_complete(), copy_response('H'), copy_data("1\n"), copy_done(),
                  command_complete("COPY 1"), ready_for_query());
    t.failed(script, Errc::copy_not_expected).failed(copy, Errc::copy_not_expected).lives();
    BOOST_TEST(script.heard == "");
  });
}

BOOST_AUTO_TEST_CASE(copy_of_an_abandoned_request) {
  play([](OpTest& t) {
    Query in("copy t from stdin"), out("copy t to stdout");
    t.submit(in).take_sent();
    t.abandon(in);
    t.server_says(copy_response('G')).sends("CopyFail(the client has given up)");
    t.server_says(error_response("57014"), ready_for_query());
    t.submit(out).take_sent();
    t.abandon(out);
    t.server_says(copy_response('H'), copy_data("1\n"), copy_done(), command_complete("COPY 1"),
                  ready_for_query());
    t.nothing_done().lives();
    BOOST_TEST(t.session.quiescent());
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
