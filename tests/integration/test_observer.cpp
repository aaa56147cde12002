// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What an Observer, a stop token and a Result tell of a request beside its rows.
#include <stop_token>
#include <string>
#include <vector>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

struct Diary final : Observer {
  void on_connect(const Connect& event) noexcept override {
    note(event.failure ? "connect failed" : "connected");
    if (event.failure) last_host = event.host;
    BOOST_TEST((event.took >= Duration(0)));
    BOOST_TEST((event.backend_pid != 0) == (event.failure == nullptr));
  }
  void on_query_start(const Start& event) noexcept override {
    note((event.prepares ? "prepare+start " : "start ") + std::string(event.sql));
    started = event.request;
  }
  void on_first_row(RequestId request) noexcept override { note(request == started ? "row" : "other's row"); }
  void on_query_end(const End& event) noexcept override {
    note(event.failure ? "failed: " + event.failure->code.message() : "end " + std::string(event.tag));
  }
  void on_retry(const Retry& event) noexcept override { note("retry after " + std::string(event.sqlstate)); }

  void note(std::string what) { notes.push_back(std::move(what)); }
  std::vector<std::string> take() { return std::exchange(notes, {}); }

  std::vector<std::string> notes;
  std::string last_host;
  RequestId started = nullptr;
};

using Notes = std::vector<std::string>;

struct Observed : Database {
  Observed() {
    ConnectOptions options = server_options();
    options.observer = &diary;
    observed = another(options);
  }
  Diary diary;  // outlives the connection
  Connection observed;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(observer, Observed)

BOOST_AUTO_TEST_CASE(sees_queries_from_start_to_end) {
  BOOST_TEST(diary.take() == Notes{"connected"}, boost::test_tools::per_element());
  const auto ask = [](Connection& conn) -> Task<> {
    for (int i = 0; i < 2; ++i) co_await conn.query("select generate_series(1, 3)");
    co_await conn.execute("set application_name = 'x'");
    const int five = co_await conn.query_one<int>("select 5");
    BOOST_TEST(five == 5);
  };
  run(loop, ask(observed));
  const Notes expected{"prepare+start select generate_series(1, 3)",
                       "row",
                       "end SELECT 3",
                       "start select generate_series(1, 3)",
                       "row",
                       "end SELECT 3",
                       "start set application_name = 'x'",
                       "end SET",
                       "prepare+start select 5",
                       "row",
                       "end SELECT 1"};
  BOOST_TEST(diary.take() == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(sees_how_each_kind_of_request_ended) {
  const auto ask = [](Connection& conn) -> Task<> {
    co_await conn.query_script("select 1; set application_name = 'x'");
    Transaction outer = co_await conn.begin();
    Transaction inner = co_await outer.savepoint();
    co_await inner.rollback();
    Batch batch = conn.batch();
    batch.add("select 1").add("values (1), (2)");
    co_await batch.run();
    co_await outer.commit();
  };
  run(loop, ask(observed));
  Notes ends = diary.take();
  std::erase_if(ends, [](const std::string& note) { return !note.starts_with("end "); });
  const Notes expected{"end SET", "end BEGIN", "end SAVEPOINT", "end RELEASE", "end SELECT 2", "end COMMIT"};
  BOOST_TEST(ends == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(sees_failures_timeouts_and_what_nobody_waits_for) {
  diary.take();
  const auto ask = [](Connection& conn) -> Task<> {
    try {
      co_await conn.query("selct");
    } catch (const Error&) {
    }
    try {
      co_await conn.query("select pg_sleep(60)").timeout(10ms);
    } catch (const Error&) {
    }
    { auto dropped = conn.query("select 2"); }
    { auto dropped = conn.begin(); }
    conn = Connection();
    try {
      co_await conn.query("select 1");
    } catch (const Error&) {
    }
  };
  run(loop, ask(observed));
  const Notes expected{"prepare+start selct",
                       "failed: the server reported an error",
                       "prepare+start select pg_sleep(60)",
                       "failed: deadline passed",
                       "prepare+start select 2",
                       "failed: cancelled",
                       "start BEGIN",
                       "failed: cancelled"};
  const Notes seen = diary.take();
  BOOST_REQUIRE(seen.size() == expected.size());
  BOOST_TEST(seen[0] == expected[0]);
  BOOST_TEST(seen[3] == expected[3]);
  BOOST_TEST(seen[4] == expected[4]);
  BOOST_TEST(seen[1].starts_with("failed: "));
  BOOST_TEST(seen[5].starts_with("failed: "));
  BOOST_TEST(seen[6] == expected[6]);
  BOOST_TEST(seen[7] == seen[5]);
}

BOOST_AUTO_TEST_CASE(sees_copies_from_start_to_end) {
  diary.take();
  const auto ask = [](Connection& conn) -> Task<> {
    co_await conn.execute("create temp table copied (a int)");
    {
      CopyInStream in = co_await conn.copy_in("copy copied from stdin");
      co_await in.write("1\n2\n");
      const Completion done = co_await in.finish();
      BOOST_TEST(done.affected_rows() == 2);
    }
    {
      CopyOutStream out = co_await conn.copy_out("copy copied to stdout");
      while (co_await out.next()) {
      }
    }
    { CopyInStream dropped = co_await conn.copy_in("copy copied from stdin"); }
    try {
      co_await conn.copy_out("copy nowhere to stdout");
    } catch (const Error&) {
    }
  };
  run(loop, ask(observed));
  Notes seen = diary.take();
  BOOST_REQUIRE(seen.size() == 10u);
  BOOST_TEST(seen.back().starts_with("failed: "));
  BOOST_TEST(seen[7].starts_with("failed: "));
  seen.erase(seen.begin() + 7), seen.pop_back();
  const Notes expected{"start create temp table copied (a int)",
                       "end CREATE TABLE",
                       "start copy copied from stdin",
                       "end COPY 2",
                       "start copy copied to stdout",
                       "end COPY 2",
                       "start copy copied from stdin",
                       "start copy nowhere to stdout"};
  BOOST_TEST(seen == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(sees_connections_that_fail_and_transactions_that_are_run_again) {
  diary.take();
  ConnectOptions options("host=/nonexistent user=me");
  options.observer = &diary;
  BOOST_CHECK_THROW((void)another(options), Error);
  BOOST_TEST(diary.take() == Notes{"connect failed"}, boost::test_tools::per_element());
  BOOST_TEST(contains(diary.last_host, "/nonexistent"));

  const auto twice = [](Connection& conn) -> Task<> {
    int attempts = 0;
    const auto body = [&](Connection& c) -> Task<> {
      if (++attempts == 1) co_await c.execute("do $$ begin raise exception using errcode = '40P01'; end $$");
    };
    co_await transact(conn, body, TransactionOptions(), RetryPolicy(3, 1ms, 1ms));
  };
  run(loop, twice(observed));
  const Notes notes = diary.take();
  BOOST_TEST((std::find(notes.begin(), notes.end(), "retry after 40P01") != notes.end()));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(stop_token, Database)

BOOST_AUTO_TEST_CASE(stopping_cancels_and_the_connection_stays) {
  Connection watcher = another();
  std::stop_source source;
  const auto wait = [](Connection& conn, std::stop_token token) -> Task<bool> {
    try {
      co_await conn.query("select pg_sleep(60)").stop(token);
    } catch (const Error& e) {
      BOOST_TEST(e.outcome_unknown());
      co_return e.code() == Errc::cancelled;
    }
    co_return false;
  };
  auto waiting = wait(connection, source.get_token());
  waiting.start();
  run(loop, until_busy(watcher, connection.backend_pid(), "select pg_sleep"));
  source.request_stop();
  loop.run_until([&] { return waiting.done(); });
  BOOST_TEST(waiting.take());
  const auto usable = [](Connection& conn) -> Task<int> {
    co_return co_await conn.query_one<int>("select 42");
  };
  BOOST_TEST(run(loop, usable(connection)) == 42);
}

BOOST_AUTO_TEST_CASE(one_that_was_stopped_before_is_never_sent) {
  go([](Connection& conn) -> Task<> {
    co_await conn.execute("create temp table n (a int)");
    std::stop_source source;
    source.request_stop();
    bool cancelled = false;
    try {
      co_await conn.query("insert into n values (1)").stop(source.get_token());
    } catch (const Error& e) {
      cancelled = e.code() == Errc::cancelled;
      BOOST_TEST(!e.outcome_unknown());
    }
    BOOST_TEST(cancelled);
    const auto count = co_await conn.query_one<std::int64_t>("select count(*) from n");
    BOOST_TEST(count == 0);
  });
}

BOOST_AUTO_TEST_CASE(a_stop_that_comes_late_changes_nothing) {
  go([](Connection& conn) -> Task<> {
    std::stop_source source;
    auto query = conn.query("select 1");
    query.stop(source.get_token()).timeout(30s);
    const Result result = co_await query;
    source.request_stop();
    BOOST_TEST(result.value<int>() == 1);
    const int after = co_await conn.query_one<int>("select 2");
    BOOST_TEST(after == 2);
  });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(notices_and_scripts, Database)

BOOST_AUTO_TEST_CASE(notices_belong_to_their_query) {
  go([](Connection& conn) -> Task<> {
    auto loud = conn.execute("do $$ begin raise notice 'one'; raise warning 'two'; end $$");
    auto quiet = conn.query("select 1");
    const Completion said = co_await loud;
    const Result silent = co_await quiet;
    BOOST_REQUIRE(said.notices().size() == 2U);
    BOOST_TEST(said.notices()[0]->message() == "one");
    BOOST_TEST(said.notices()[1]->severity() == "WARNING");
    BOOST_TEST(silent.notices().empty());
  });
}

BOOST_AUTO_TEST_CASE(a_script_has_a_result_for_each_statement) {
  go([](Connection& conn) -> Task<> {
    const std::vector<Result> results = co_await conn.query_script(
        "create temp table s (a int, b text); insert into s values (1, 'x'), (2, null) returning a, b;"
        "select count(*) as n from s; do $$ begin raise notice 'hi'; end $$");
    BOOST_REQUIRE(results.size() == 4U);
    BOOST_TEST(results[0].tag() == "CREATE TABLE");
    BOOST_TEST(results[1].affected_rows() == 2);
    BOOST_TEST(results[1][0].get<std::string>("a") == "1");
    BOOST_TEST(results[1][1].is_null("b"));
    BOOST_TEST(results[2].value<std::string>() == "2");
    BOOST_TEST(results[3].notices().size() == 1U);
    std::string text;
    try {
      (void)results[2].value<std::int64_t>();
    } catch (const Error& e) {
      text = e.what();
    }
    BOOST_TEST(contains(text, "column \"n\" is text, which cannot be read into"));
  });
}

BOOST_AUTO_TEST_SUITE_END()
