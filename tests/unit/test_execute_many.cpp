// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "tests/support/frontend_words.hpp"
#include "tests/support/op_test.hpp"

namespace pgstride::test {
namespace {

constexpr std::string_view undo = "Parse(, ROLLBACK TO SAVEPOINT pgstride_never_set) Bind( ->) Execute";
constexpr std::size_t big = 32 << 10;  // four such sets fill a slice

std::string inserted(std::size_t sets) {
  std::string said;
  for (std::size_t i = 0; i < sets; ++i) said += bind_complete() + command_complete("INSERT 0 1");
  return said;
}

std::string words(const std::string& sent) {
  std::string text = in_words(as_bytes(sent));
  for (auto dots = text.find(".."); dots != std::string::npos; dots = text.find(".."))
    text.erase(dots, text.find_first_not_of('.', dots) - dots);
  return text;
}

// One ready statement, and a transaction block around it if asked for.
StatementRef insert_statement(OpTest& t, bool in_block = false) {
  if (in_block) {
    Query begin("begin");
    t.submit(begin).take_sent();
    t.server_says(command_complete("BEGIN"), ready_for_query('T'));
    t.done(begin, "BEGIN");
  }
  return t.ready_statement("insert into t values ($1)");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(execute_many)

BOOST_AUTO_TEST_CASE(all_sets_share_one_sync) {
  play([](OpTest& t) {
    Bulk bulk(insert_statement(t), 3);
    t.submit(bulk).sends("Bind(s1: 0) Execute Bind(s1: 1) Execute Bind(s1: 2) Execute Sync");
    t.server_says(inserted(1), inserted(2), ready_for_query());
    t.done(bulk, "INSERT 0 1 INSERT 0 1 INSERT 0 1");
  });
}

// Behind a pooler in transaction mode the unnamed statement may have been somebody else's meanwhile.
BOOST_AUTO_TEST_CASE(the_unnamed_statement_is_parsed_anew) {
  play([](OpTest& t) {
    Preparation preparation(t.session.new_statement("insert into t values ($1)", {}, false));
    t.submit(preparation).take_sent();
    t.server_says(description({}), ready_for_query());
    t.done(preparation, "");
    Bulk bulk(preparation.statement(), 2);
    t.submit(bulk).sends("Parse(, insert into t values ($1)) Bind(: 0) Execute Bind(: 1) Execute Sync");
    t.server_says(parse_complete(), inserted(2), ready_for_query());
    t.done(bulk, "INSERT 0 1 INSERT 0 1");
  });
}

BOOST_AUTO_TEST_CASE(no_sets_at_all) {
  play([](OpTest& t) {
    Bulk bulk(insert_statement(t), 0);
    t.submit(bulk).sends("Sync");
    t.server_says(ready_for_query());
    t.done(bulk, "");
    t.submit(bulk).take_sent();
    t.abandon(bulk);
    t.server_says(ready_for_query()).lives();
  });
}

BOOST_AUTO_TEST_CASE(rows_and_empty_statements) {
  play([](OpTest& t) {
    Bulk bulk(t.ready_statement("insert into t values ($1) returning x", {"x"}), 2);
    t.submit(bulk).take_sent();
    t.server_says(bind_complete(), data_row({"0"}), command_complete("INSERT 0 1"), bind_complete(),
                  empty_query_response(), ready_for_query());
    t.done(bulk, "[0] INSERT 0 1 -");
  });
}

BOOST_AUTO_TEST_CASE(it_is_written_in_slices_as_the_wire_takes_them) {
  OpTest t;
  Bulk bulk(insert_statement(t), 1000, big);
  t.submit(bulk);
  std::size_t most = 0;
  while (!t.session.pending_write().empty()) {
    most = std::max(most, t.session.pending_write().size());
    t.sends_bytes(std::min<std::size_t>(t.session.pending_write().size(), 5000));
  }
  BOOST_TEST(bulk.written == 1000u);
  BOOST_TEST(most < 256u << 10);
  t.server_says(inserted(1000), ready_for_query());
  BOOST_TEST(!t.session.failure());
}

BOOST_AUTO_TEST_CASE(others_wait_until_all_of_it_is_written) {
  play([](OpTest& t) {
    Bulk bulk(insert_statement(t), 20, big);
    Query query("select 1");
    t.submit(bulk).submit(query);
    BOOST_TEST(bulk.written < 20u);
    const auto sent = words(t.take_sent());
    BOOST_TEST(sent.ends_with("Bind(s1: 19) Execute Sync Query(select 1)"));
    t.server_says(inserted(20), ready_for_query(), command_complete("SELECT 0"), ready_for_query());
    BOOST_TEST(t.session.next_done() == &bulk.operation());
    t.abandon(bulk);
    t.done(query, "SELECT 0");
  });
}

BOOST_AUTO_TEST_CASE(two_in_a_row_with_others_between) {
  play([](OpTest& t) {
    const StatementRef statement = insert_statement(t);
    Bulk one(statement, 10, big);
    Query between("select 1");
    Bulk two(statement, 10, big);
    Query behind("select 2");
    t.submit(one).submit(between).submit(two).submit(behind);
    const auto sent = words(t.take_sent());
    const auto first_end = sent.find("Bind(s1: 9) Execute Sync Query(select 1) Bind(s1: 0)");
    BOOST_TEST(first_end != std::string::npos);
    BOOST_TEST(sent.find("Bind(s1: 9) Execute Sync Query(select 2)", first_end + 1) != std::string::npos);
    t.server_says(inserted(10), ready_for_query(), empty_query_response(), ready_for_query());
    t.server_says(inserted(10), ready_for_query(), empty_query_response(), ready_for_query());
    t.done(one, one.heard).done(between, "-").done(two, two.heard).done(behind, "-");
  });
}

BOOST_AUTO_TEST_CASE(an_error_stops_it) {  // R-X4
  play([](OpTest& t) {
    Bulk bulk(insert_statement(t), 1000, big);
    Query query("select 1");
    t.submit(bulk).submit(query);
    t.sends_bytes(t.session.pending_write().size());
    t.server_says(inserted(1), error_response("23505"));
    const auto written = bulk.written;
    const auto sent = words(t.take_sent());
    BOOST_TEST(bulk.written == written);
    BOOST_TEST(sent.ends_with("Sync Query(select 1)"));
    t.server_says(ready_for_query(), command_complete("SELECT 0"), ready_for_query());
    t.failed(bulk, "23505").done(query, "SELECT 0");
  });
}

BOOST_AUTO_TEST_CASE(a_source_that_fails_at_once_sends_nothing_of_it) {
  play([](OpTest& t) {
    Bulk bulk(insert_statement(t), 10);
    bulk.fails_at = 3;
    t.submit(bulk).sends("Sync");
    t.server_says(ready_for_query());
    t.failed(bulk, Errc::invalid_argument);
  });
}

BOOST_AUTO_TEST_CASE(a_source_that_fails_later_undoes_what_went_before) {
  play([](OpTest& t) {
    Bulk bulk(insert_statement(t), 1000, big);
    bulk.fails_at = 9;
    t.submit(bulk);
    const auto sent = words(t.take_sent());
    BOOST_TEST(sent.ends_with("Bind(s1: 7) Execute " + std::string(undo) + " Sync"));
    t.server_says(inserted(8), parse_complete(), bind_complete(), error_response("25P01"), ready_for_query());
    t.failed(bulk, Errc::invalid_argument).lives();
  });
}

BOOST_AUTO_TEST_CASE(in_a_transaction_block_the_owner_decides) {
  play([](OpTest& t) {
    Bulk bulk(insert_statement(t, true), 1000, big);
    bulk.fails_at = 9;
    t.submit(bulk);
    BOOST_TEST(words(t.take_sent()).ends_with("Bind(s1: 7) Execute Sync"));
    t.server_says(inserted(8), ready_for_query('T'));
    t.failed(bulk, Errc::invalid_argument).lives();
  });
}

BOOST_AUTO_TEST_CASE(a_begin_on_its_way_is_not_rolled_back_unseen) {
  play([](OpTest& t) {
    const StatementRef statement = insert_statement(t);
    Query begin("begin");
    Bulk bulk(statement, 1000, big);
    bulk.fails_at = 9;
    t.submit(begin).submit(bulk);
    const auto sent = words(t.take_sent());
    BOOST_TEST(sent.find("ROLLBACK)") == std::string::npos);
    BOOST_TEST(sent.ends_with(std::string(undo) + " Sync"));
    t.server_says(command_complete("BEGIN"), ready_for_query('T'));
    t.server_says(inserted(8), parse_complete(), bind_complete(), error_response("3B001"),
                  ready_for_query('E'));
    t.done(begin, "BEGIN").failed(bulk, Errc::invalid_argument).lives();
  });
}

BOOST_AUTO_TEST_CASE(the_undo_must_be_answered_with_an_error) {
  for (const std::string& answer :
       {parse_complete() + bind_complete() + command_complete("ROLLBACK"), bind_complete() + parse_complete(),
        parse_complete() + ready_for_query(), ready_for_query()}) {
    OpTest t;
    Bulk bulk(insert_statement(t), 1000, big);
    bulk.fails_at = 9;
    t.submit(bulk).take_sent();
    t.server_says(inserted(8) + answer).killed(Errc::protocol_violation);
  }
}

BOOST_AUTO_TEST_CASE(abandoned_in_the_middle) {
  for (const bool in_block : {false, true}) {
    play([in_block](OpTest& t) {
      std::optional<Bulk> bulk(std::in_place, insert_statement(t, in_block), 1000, big);
      Query query("select 1");
      t.submit(*bulk).submit(query);
      t.sends_bytes(t.session.pending_write().size());
      const auto sets = bulk->written;
      bulk.reset();
      const auto end = in_block ? std::string() : std::string(undo) + " ";
      t.sends(end + "Sync Query(select 1)");
      t.server_says(inserted(sets));
      if (!in_block) t.server_says(parse_complete(), bind_complete(), error_response("25P01"));
      t.server_says(ready_for_query(), command_complete("SELECT 0"), ready_for_query());
      t.done(query, "SELECT 0").lives();
    });
  }
}

BOOST_AUTO_TEST_CASE(abandoned_before_anything_left) {
  play([](OpTest& t) {
    Bulk bulk(insert_statement(t), 1000, big);
    t.submit(bulk);
    BOOST_TEST((t.abandon(bulk) == Session::Abandoned::withdrawn));
    t.sends_nothing();
    Query query("select 1");
    t.submit(query).sends("Query(select 1)");
    t.server_says(command_complete("SELECT 0"), ready_for_query());
    t.done(query, "SELECT 0");
  });
}

BOOST_AUTO_TEST_CASE(abandoned_while_it_waits_for_its_turn) {
  play([](OpTest& t) {
    const StatementRef statement = insert_statement(t);
    Bulk one(statement, 10, big);
    Bulk two(statement, 1000, big);
    Query query("select 1");
    t.submit(one).submit(two).submit(query);
    BOOST_TEST((t.abandon(two) == Session::Abandoned::behind));
    const auto sent = words(t.take_sent());
    // What it had written goes, but it is undone, and it has a Sync of its own.
    BOOST_TEST(sent.ends_with(std::string(undo) + " Sync Query(select 1)"));
    BOOST_TEST(two.written < 10u);
    t.server_says(inserted(10), ready_for_query());
    t.server_says(inserted(two.written), parse_complete(), bind_complete(), error_response("25P01"),
                  ready_for_query());
    t.server_says(command_complete("SELECT 0"), ready_for_query());
    t.done(one, one.heard).done(query, "SELECT 0").lives();
  });
}

BOOST_AUTO_TEST_CASE(it_may_be_used_again) {
  play([](OpTest& t) {
    Bulk bulk(insert_statement(t), 2);
    t.submit(bulk).take_sent();
    t.server_says(inserted(1), error_response("23505"), ready_for_query());
    t.failed(bulk, "23505");
    bulk.written = 0;
    t.submit(bulk).take_sent();
    t.server_says(inserted(2), ready_for_query());
    t.done(bulk, "INSERT 0 1 INSERT 0 1");
  });
}

BOOST_AUTO_TEST_CASE(the_connection_may_be_closed_while_it_encodes) {
  OpTest t;
  Bulk bulk(insert_statement(t), 1000, big);
  bulk.while_encoding = [&] {
    if (bulk.written == 9) t.session.fail({Errc::connection_closed, {}});
  };
  t.submit(bulk).take_sent();
  t.killed(Errc::connection_closed);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
