// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A request is given up, or the connection ended, by the very code that the request calls in the middle of a step:
// an iterator that is asked for arguments or data, a sink that is shown a row, or what interrupts one of them (a
// signal handler of Python's).
#include "tests/support/copy_channel.hpp"
#include "tests/support/op_test.hpp"

namespace pgstride::test {
namespace {

using Abandoned = Session::Abandoned;

const std::string Z = ready_for_query();

std::string inserted(std::size_t sets) {
  std::string replies;
  while (sets-- > 0) replies += bind_complete() + command_complete("INSERT 0 1");
  return replies;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(in_step)

// --- in the session -----------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(nothing_is_sent) {
  play([](OpTest& t) {
    Query before("before");
    Execution execution(t.ready_statement("select $1", {"x"}), {"1"});
    execution.while_encoding = [&] {
      BOOST_TEST(t.session.in_step());
      BOOST_TEST(t.session.pending_write().empty());
    };
    t.submit(before).submit(execution);
    BOOST_TEST(!t.session.in_step());
    t.sends("Query(before) Bind(s1: 1) Execute Sync");
    before.on_each_row = [&] { BOOST_TEST(t.session.in_step()); };
    t.server_says(row_description({"x"}), data_row({"1"}), command_complete("SELECT 1"), Z);
    t.server_says(bind_complete(), command_complete("SELECT 0"), Z);
    t.done(before, "(x) [1] SELECT 1").done(execution, "(x) SELECT 0");
  });
}

BOOST_AUTO_TEST_CASE(a_request_is_given_up_while_it_is_encoded) {
  OpTest t;
  Execution execution(t.ready_statement("select $1", {"x"}), {"1"});
  execution.while_encoding = [&] { BOOST_TEST((t.session.abandon(execution) == Abandoned::not_pending)); };
  t.refuses(execution, Errc::cancelled).sends_nothing();
  BOOST_TEST(t.session.quiescent());
}

BOOST_AUTO_TEST_CASE(many_executions_by_their_iterator) {
  play([](OpTest& t) {
    Bulk bulk(t.ready_statement("insert into t values ($1)"), 1000, 8 << 10);
    bulk.while_encoding = [&] {
      if (bulk.written == 20) BOOST_TEST((t.abandon(bulk) == Abandoned::running));
    };
    t.submit(bulk);
    BOOST_TEST(t.take_sent().ends_with(
        message('P', cstring("") + cstring("ROLLBACK TO SAVEPOINT pgstride_never_set") + int16(0)) +
        message('B', cstring("") + cstring("") + int16(0) + int16(0) + int16(0)) +
        message('E', cstring("") + int32(0)) + message('S')));
    BOOST_TEST(bulk.written == 21U);  // the last of them is cut off
    t.server_says(inserted(20), parse_complete(), bind_complete(), error_response("25P01"), Z).lives();
    BOOST_TEST(t.session.quiescent());
  });
}

BOOST_AUTO_TEST_CASE(a_copy_by_what_supplies_it) {
  play([](OpTest& t) {
    CopyingIn copy("copy t from stdin");
    t.submit(copy).sends("Query(copy t from stdin)");
    copy.pieces = {"whole"};
    copy.while_supplying = [&](WriteBuffer& out) {
      if (!copy.pieces.empty()) return;
      out.text("half");
      BOOST_TEST((t.abandon(copy) == Abandoned::running));
    };
    t.server_says(copy_response('G', 2));
    t.sends("CopyData(whole) CopyFail(the client has given up)");
    t.server_says(error_response("57014"), Z).lives();
    BOOST_TEST(t.session.quiescent());
  });
}

BOOST_AUTO_TEST_CASE(a_query_by_its_sink) {
  play([](OpTest& t) {
    Query query("select x");
    Query next("next");
    query.on_each_row = [&] { t.abandon(query); };
    t.submit(query).submit(next).take_sent();
    t.server_says(row_description({"x"}), data_row({"1"}), data_row({"2"}), data_row({"3"}));
    t.server_says(command_complete("SELECT 3"), Z, command_complete("SELECT 0"), Z);
    BOOST_TEST(query.heard.find("[2]") == std::string::npos);
    t.done(next, "SELECT 0");
  });
}

BOOST_AUTO_TEST_CASE(a_copy_by_its_sink) {
  play([](OpTest& t) {
    CopyingOut copy("copy t to stdout");
    copy.on_each_row = [&] { t.abandon(copy); };
    t.submit(copy).take_sent();
    t.server_says(copy_response('H', 2), message('d', "1"), message('d', "2"), message('c'));
    t.server_says(command_complete("COPY 2"), Z).lives();
    BOOST_TEST(t.session.quiescent());
  });
}

BOOST_AUTO_TEST_CASE(a_copy_by_its_sink_that_is_full) {
  OpTest t;
  CopyingOut copy("copy t to stdout");
  copy.on_each_row = [&] {
    t.abandon(copy);
    copy.is_full = true;
  };
  t.submit(copy).take_sent();
  t.server_says(copy_response('H', 2), message('d', "1"), message('d', "2"), message('c'));
  t.server_says(command_complete("COPY 2"), Z).lives();
  BOOST_TEST(t.session.quiescent());
}

namespace {

struct Starter final : CopyOut {
  explicit Starter(Session& s) : CopyOut("copy t to stdout"), its_session(s) {}
  void on_start(const CopyResponse&) override { its_session.abandon(*this); }
  Appetite on_data(CopyData&) override { return Appetite::none; }
  void on_complete(CommandTag) override {}
  void on_done() noexcept override {}
  Session& its_session;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_copy_as_soon_as_it_starts) {
  OpTest t;
  Starter copy(t.session);
  BOOST_REQUIRE(t.session.submit(copy));
  t.take_sent();
  t.server_says(copy_response('H', 2), message('d', "1"), message('c'));
  t.server_says(command_complete("COPY 1"), Z).lives();
  BOOST_TEST(t.session.quiescent());
}

BOOST_AUTO_TEST_CASE(the_session_by_a_sink) {
  OpTest t;
  Query query("select x"), next("next");
  query.on_each_row = [&] { t.session.fail({Errc::connection_closed, {}}); };
  t.submit(query).submit(next).take_sent();
  t.server_says(row_description({"x"}) + data_row({"1"}) + data_row({"2"})).killed(Errc::connection_closed);
  BOOST_TEST(query.heard == "(x) [1]");
}

BOOST_AUTO_TEST_CASE(the_session_by_a_sink_of_a_copy) {
  OpTest t;
  CopyingOut copy("copy t to stdout");
  copy.on_each_row = [&] { t.session.fail({Errc::connection_closed, {}}); };
  t.submit(copy).take_sent();
  t.server_says(copy_response('H', 2) + message('d', "1") + message('d', "2"))
      .killed(Errc::connection_closed);
}

// The first frame of a run is dispatched, the others are handed over together.
BOOST_AUTO_TEST_CASE(what_ends_a_run_by_its_second_frame) {
  const auto ends_it = [](auto& operation, const std::string& before, const std::string& frames) {
    using Ending = std::function<void(OpTest&)>;
    const Ending endings[] = {[&](OpTest& t) { t.abandon(operation); },
                              [](OpTest& t) {
                                t.session.fail({Errc::connection_closed, {}});
                              }};
    for (const Ending& end : endings) {
      OpTest t;
      int seen = 0;
      operation.heard.clear();
      operation.on_each_row = [&] {
        if (++seen == 2) end(t);
      };
      t.submit(operation).take_sent();
      t.server_says(before + frames);
      BOOST_TEST(seen == 2);
      BOOST_TEST(operation.heard.find("3") == std::string::npos);
    }
  };
  Query query("select x");
  ends_it(query, row_description({"x"}), data_row({"1"}) + data_row({"2"}) + data_row({"3"}));
  CopyingOut copy("copy t to stdout");
  ends_it(copy, copy_response('H', 2), message('d', "1") + message('d', "2") + message('d', "3"));
}

BOOST_AUTO_TEST_CASE(a_run_of_rows_that_pauses_by_its_second_frame) {
  OpTest t;
  Query query("select x");
  query.on_each_row = [&] {
    if (query.heard.find("2") != std::string::npos) t.session.pause();
  };
  t.submit(query).take_sent();
  t.server_says(row_description({"x"}) + data_row({"1"}) + data_row({"2"}) + data_row({"3"}));
  BOOST_TEST(query.heard == "(x) [1] [2]");
  query.on_each_row = nullptr;
  t.session.read_on();
  BOOST_TEST(query.heard == "(x) [1] [2] [3]");
}

BOOST_AUTO_TEST_CASE(a_run_of_copy_data_that_pauses_by_its_second_frame) {
  OpTest t;
  CopyingOut copy("copy t to stdout");
  copy.on_each_row = [&] { copy.is_full = copy.heard.find("2") != std::string::npos; };
  t.submit(copy).take_sent();
  t.server_says(copy_response('H', 2) + message('d', "1") + message('d', "2") + message('d', "3"));
  BOOST_TEST(t.session.paused());
  BOOST_TEST(copy.heard.find("3") == std::string::npos);
  copy.on_each_row = [&] { copy.is_full = false; };
  t.session.read_on();
  BOOST_TEST(copy.heard.find("3") != std::string::npos);
}

// --- on a channel -------------------------------------------------------------------------------

namespace {

/// Supplies one row, and then calls somebody.
class Supplier final : public CopyIn {
 public:
  using CopyIn::Supply;
  explicit Supplier(std::function<void()> call, Supply then = Supply::data)
      : CopyIn("copy t from stdin"), call_(std::move(call)), then_(then) {}
  int ended = 0;

 private:
  Supply supply(WriteBuffer& out) override {
    if (then_ == Supply::data) out.text("row");
    if (then_ != Supply::data || std::exchange(supplied_, true)) call_();
    return then_;
  }
  void on_done() noexcept override { ++ended; }

  std::function<void()> call_;
  Supply then_;
  bool supplied_ = false;
};

/// Calls somebody at its first row.
class Looker final : public SimpleQuery, ResultSink {
 public:
  explicit Looker(std::function<void()> call) : SimpleQuery("select x", this), call_(std::move(call)) {}
  int rows = 0;
  int ended = 0;

 private:
  bool on_row(DataRow) override {
    if (++rows == 1) call_();
    return true;
  }
  void on_done() noexcept override { ++ended; }

  std::function<void()> call_;
};

struct InStep : CopyChannel {
  void check_cancelled() {
    loop.run_until_idle();
    Peer messenger = cancels.accepts();
    BOOST_TEST(messenger.hears() == "Cancel(7, abcd)");
    Request next("select 1");
    ask(next);
    BOOST_TEST(server.hears() == "");  // behind the fence
    server.says(error_response("57014"), ready_for_query());
    messenger.hangs_up();
    loop.run_until_idle();
    BOOST_TEST(server.hears() == "Query(select 1)");
    server.says(answer("1"));
    loop.run_until_idle();
    BOOST_TEST(next.outcome() == "[1] SELECT 1");
    check_usable();
  }
  template <class Operation>
  void check_closed(const Operation& operation) {
    loop.run_until_idle();
    BOOST_TEST(closed == 1);
    BOOST_TEST(operation.ended == 1);
    BOOST_REQUIRE(operation.failure());
    BOOST_TEST(operation.failure()->code == make_error_code(Errc::connection_closed));
  }
  void show_rows() {
    server.says(row_description({"x"}), data_row({"1"}), data_row({"2"}));
    loop.run_until_idle();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(the_server_is_asked_to_cancel_when_the_step_is_over, InStep) {
  std::optional<Supplier> copy;
  copy.emplace([&] { channel->cancel(*copy); });
  start(*copy);
  server.says(copy_response('G'));
  loop.run_until_idle();
  BOOST_TEST(server.hears() == "CopyData(row) CopyFail(the client has given up)");
  check_cancelled();
}

BOOST_FIXTURE_TEST_CASE(the_same_when_rows_are_read, InStep) {
  std::optional<Looker> query;
  query.emplace([&] { channel->cancel(*query); });
  BOOST_REQUIRE(channel->submit(*query));
  channel->flush();
  server.hears();
  show_rows();
  BOOST_TEST(query->rows == 1);
  check_cancelled();
}

BOOST_FIXTURE_TEST_CASE(nobody_is_asked_to_cancel_what_has_ended_with_the_step, InStep) {
  std::optional<Looker> query;
  query.emplace([&] { channel->cancel(*query); });
  BOOST_REQUIRE(channel->submit(*query));
  channel->flush();
  server.hears();
  server.says(row_description({"x"}) + data_row({"1"}) + command_complete("SELECT 1") + ready_for_query());
  loop.run_until_idle();
  BOOST_TEST(!cancels.is_called());
  check_usable();
}

BOOST_FIXTURE_TEST_CASE(good_bye_is_not_said_in_the_middle_of_a_message, InStep) {
  Supplier copy([&] { channel->terminate(); });
  start(copy);
  server.says(copy_response('G'));
  check_closed(copy);
}

BOOST_FIXTURE_TEST_CASE(nor_is_anything_when_there_is_nothing_else_to_send, InStep) {
  Supplier copy([&] { channel->terminate(); }, Supplier::Supply::later);
  start(copy);
  server.says(copy_response('G'));
  check_closed(copy);
}

BOOST_FIXTURE_TEST_CASE(what_waited_behind_a_copy_is_not_cancelled_with_it, InStep) {
  Writer copy(*channel);
  start_writing(copy);
  Request next("select 'next'");
  ask(next);
  channel->cancel(copy);
  loop.run_until_idle();
  BOOST_TEST(server.hears() == "CopyFail(the client has given up)");
  Peer messenger = cancels.accepts();
  server.says(error_response("57014"), ready_for_query());
  messenger.hangs_up();
  loop.run_until_idle();
  BOOST_TEST(server.hears() == "Query(select 'next')");
  server.says(answer("next"));
  loop.run_until_idle();
  BOOST_TEST(next.outcome() == "[next] SELECT 1");
}

BOOST_FIXTURE_TEST_CASE(what_a_full_request_left_is_read_when_the_step_is_over, InStep) {
  std::optional<Taker> copy;
  copy.emplace(*channel, 10);
  start(*copy);
  server.says(copy_response('H'), copy_data("0123456789"), end_of_copy);
  loop.run_until_idle();
  Execution execution(channel->session().new_statement("select $1"), {"1"});
  execution.while_encoding = [&] {
    copy.reset();
    BOOST_TEST(channel->session().awaits_reply());
  };
  BOOST_REQUIRE(channel->submit(execution));
  channel->flush();
  BOOST_TEST(server.hears() == "");  // behind the fence
  loop.run_until_idle();
  server.hears();
  cancels.accepts().hangs_up();
  loop.run_until_idle();
  BOOST_TEST(!channel->cancelling());
  BOOST_TEST(channel->is_open());
}

BOOST_FIXTURE_TEST_CASE(nor_while_rows_are_read, InStep) {
  Looker query([&] {
    channel->interrupt();
    channel->terminate();
  });
  BOOST_REQUIRE(channel->submit(query));
  channel->flush();
  show_rows();
  check_closed(query);
  BOOST_TEST(query.rows == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
