// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A COPY into the server whose owner goes, or that is told to stop.
#include <optional>

#include <boost/test/unit_test.hpp>

#include "tests/support/op_test.hpp"

namespace pgstride::test {
namespace {

const std::string_view sql = "copy t from stdin";
const std::string asked = "Query(copy t from stdin)";
const std::string G = copy_response('G', 2);
const std::string Z = ready_for_query();

}  // namespace

BOOST_AUTO_TEST_SUITE(copy_in_abandoned)

BOOST_AUTO_TEST_CASE(abandoned_in_the_middle) {  // R-C11, DT-18
  play([](OpTest& t) {
    std::optional<CopyingIn> copy(std::in_place, sql);
    Query query("select 1");
    t.submit(*copy).submit(query).sends(asked);
    t.server_says(G).sends_nothing();
    copy->pieces = {"some"};
    t.sends("CopyData(some)");
    BOOST_TEST((t.abandon(*copy) == Session::Abandoned::running));
    copy.reset();
    t.sends("CopyFail(the client has given up) Query(select 1)");
    t.server_says(error_response("57014"), Z, command_complete("SELECT 0"), Z).done(query, "SELECT 0");
  });
}

BOOST_AUTO_TEST_CASE(abandoned_before_the_server_asks_for_data) {  // DT-18
  play([](OpTest& t) {
    CopyingIn copy(sql);
    Query query("select 1");
    t.submit(copy).submit(query).sends(asked);
    BOOST_TEST((t.abandon(copy) == Session::Abandoned::running));
    t.sends_nothing();  // the COPY may wait for a lock, and fail
    t.server_says(G).sends("CopyFail(the client has given up) Query(select 1)");
    t.server_says(error_response("57014"), Z, command_complete("SELECT 0"), Z).done(query, "SELECT 0");
  });
}

BOOST_AUTO_TEST_CASE(abandoned_and_refused) {
  play([](OpTest& t) {
    CopyingIn copy(sql);
    Query query("select 1");
    t.submit(copy).submit(query).sends(asked);
    t.abandon(copy);
    t.server_says(error_response("57014"), Z).sends("Query(select 1)");
    t.server_says(command_complete("SELECT 0"), Z).done(query, "SELECT 0");
  });
}

BOOST_AUTO_TEST_CASE(abandoned_when_everything_was_sent) {  // DT-18
  play([](OpTest& t) {
    CopyingIn copy(sql);
    copy.is_all = true;
    t.submit(copy).sends(asked);
    t.server_says(G).sends("CopyDone");
    BOOST_TEST((t.abandon(copy) == Session::Abandoned::running));
    t.server_says(command_complete("COPY 0"), Z).sends_nothing().lives();
  });
}

BOOST_AUTO_TEST_CASE(abandoned_before_anything_was_sent) {
  play([](OpTest& t) {
    CopyingIn copy(sql);
    t.submit(copy);
    BOOST_TEST((t.abandon(copy) == Session::Abandoned::withdrawn));
    Query query("select 1");
    t.submit(query).sends("Query(select 1)");
    t.server_says(command_complete("SELECT 0"), Z).done(query, "SELECT 0");
  });
}

BOOST_AUTO_TEST_CASE(abandoned_while_it_waits_for_its_turn) {
  play([](OpTest& t) {
    CopyingIn one(sql), two(sql);
    Query query("select 1");
    t.submit(one).submit(two).submit(query).sends(asked);
    BOOST_TEST((t.abandon(two) == Session::Abandoned::behind));
    one.is_all = true;
    t.server_says(G).sends("CopyDone " + asked);
    t.server_says(command_complete("COPY 0"), Z, G)
        .sends("CopyFail(the client has given up) Query(select 1)");
    t.server_says(error_response("57014"), Z, command_complete("SELECT 0"), Z);
    t.done(one, "(text 2) COPY 0").done(query, "SELECT 0");
  });
}

BOOST_AUTO_TEST_CASE(held_back_by_a_cancel_fence) {
  play([](OpTest& t) {
    t.session.hold();
    CopyingIn copy(sql);
    copy.pieces = {"data"};
    copy.is_all = true;
    t.submit(copy).sends_nothing();
    t.session.release();
    t.sends(asked).server_says(G).sends("CopyData(data) CopyDone");
    t.server_says(command_complete("COPY 1"), Z).done(copy, "(text 2) COPY 1");
  });
}

BOOST_AUTO_TEST_CASE(a_fence_does_not_stop_what_has_begun) {
  play([](OpTest& t) {
    CopyingIn copy(sql);
    t.submit(copy).sends(asked);
    t.server_says(G);
    const auto fence = t.session.hold();
    BOOST_TEST(fence == t.session.completed() + 1);
    t.abandon(copy);
    Query query("select 1");
    t.submit(query).sends("CopyFail(the client has given up)");
    t.server_says(error_response("57014"), Z).sends_nothing();
    BOOST_TEST(t.session.completed() == fence);
    t.session.release();
    t.sends("Query(select 1)").server_says(command_complete("SELECT 0"), Z).done(query, "SELECT 0");
  });
}

BOOST_AUTO_TEST_CASE(broken_off) {
  play([](OpTest& t) {
    CopyingIn copy(sql);
    copy.pieces = {"some"};
    t.submit(copy).sends(asked);
    t.server_says(G).sends("CopyData(some)");
    t.session.break_off();
    t.sends("CopyFail(the client has given up)").nothing_done();
    t.server_says(error_response("57014"), Z).failed(copy, Errc::cancelled).lives();
  });
}

BOOST_AUTO_TEST_CASE(broken_off_before_the_server_asks_for_data) {
  play([](OpTest& t) {
    CopyingIn copy(sql);
    t.submit(copy).sends(asked);
    t.session.break_off();
    t.sends_nothing().server_says(G).sends("CopyFail(not a copy call)");
    t.server_says(error_response("57014"), Z).failed(copy, Errc::cancelled).lives();
  });
}

BOOST_AUTO_TEST_CASE(broken_off_for_good_before_the_server_asks_for_data) {
  play([](OpTest& t) {
    CopyingIn copy(sql);
    Query query("select 1");
    t.submit(copy).submit(query).sends(asked);
    t.session.break_off_copy_in({Errc::connection_closed, {}});
    t.sends("CopyFail(the client has closed the connection) Query(select 1)");
    t.server_says(G).sends_nothing();  // it has its CopyFail
    t.server_says(error_response("57014"), Z).failed(copy, Errc::connection_closed);
    t.server_says(command_complete("SELECT 0"), Z).done(query, "SELECT 0");
  });
}

BOOST_AUTO_TEST_CASE(a_deadline_ends_it) {
  OpTest t;
  CopyingIn copy(sql);
  BOOST_REQUIRE(t.session.submit(copy, 100));
  t.take_sent();
  t.server_says(G);
  BOOST_TEST(!t.session.expire(99));
  BOOST_TEST((t.session.expire(100) == Session::Abandoned::running));
  BOOST_TEST(!t.session.next_awake());
  BOOST_TEST(t.session.next_done() == &copy);
  BOOST_TEST(copy.failure()->code == make_error_code(Errc::timed_out));
  t.sends("CopyFail(the client has given up)");
  t.server_says(error_response("57014"), Z).lives();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
