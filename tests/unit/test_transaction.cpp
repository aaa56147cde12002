// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A transaction whose beginning or end is given up leaves no block open.
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/connection.hpp"
#include "pgstride/driver/transact.hpp"

#include "tests/support/open_channel.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

namespace {

Task<> begins(Connection& connection, std::stop_token stop) {
  Transaction transaction = co_await connection.begin().stop(std::move(stop));
}

Task<> commits(Connection& connection, std::stop_token stop) {
  Transaction transaction = co_await connection.begin();
  co_await transaction.commit().stop(std::move(stop));
}

struct Transacting : OpenChannel {
  Transacting() : connection(std::move(channel)) {}

  void server_hears(std::string_view words) {
    loop.run_until_idle();
    BOOST_TEST(server.hears() == words);
  }
  /// What was sent of the task's request is cancelled, and the server answers all the same.
  void is_given_up(Task<>& task, std::string_view tag, char status) {
    stop.request_stop();
    loop.run_until_idle();
    check_cancelled(task);
    cancels.accepts().hangs_up();
    server.says(command_complete(tag), ready_for_query(status));
  }
  static void check_cancelled(Task<>& task) {
    BOOST_REQUIRE(task.done());
    BOOST_CHECK_EXCEPTION(task.take(), Error, [](const Error& e) { return e.code() == Errc::cancelled; });
  }

  Connection connection;
  std::stop_source stop;
};

/// A block and a savepoint in it.
struct Nested {
  explicit Nested(Transacting& world) {
    Task<> opening = [](Connection& c, Nested& self) -> Task<> {
      Transaction opened = co_await c.begin();
      self.block.emplace(std::move(opened));
      Transaction within = co_await self.block->savepoint();
      self.inner.emplace(std::move(within));
    }(world.connection, *this);
    opening.start();
    for (const char* tag : {"BEGIN", "SAVEPOINT"}) {
      BOOST_TEST(world.server.hears() != "");
      world.server.says(command_complete(tag), ready_for_query('T'));
      world.loop.run_until_idle();
    }
    BOOST_REQUIRE(inner);
  }
  std::optional<Transaction> block, inner;
};

const std::string undoing = "Query(ROLLBACK TO SAVEPOINT pgstride_1; RELEASE SAVEPOINT pgstride_1)";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(transaction, Transacting)

BOOST_AUTO_TEST_CASE(a_begin_that_was_sent) {
  Task<> task = begins(connection, stop.get_token());
  task.start();
  server_hears("Query(BEGIN)");
  is_given_up(task, "BEGIN", 'T');
  server_hears("Query(ROLLBACK)");
}

BOOST_AUTO_TEST_CASE(a_commit_that_was_sent) {
  Task<> task = commits(connection, stop.get_token());
  task.start();
  server_hears("Query(BEGIN)");
  server.says(command_complete("BEGIN"), ready_for_query('T'));
  server_hears("Query(COMMIT)");
  is_given_up(task, "COMMIT", 'I');
  server_hears("Query(ROLLBACK)");
}

BOOST_AUTO_TEST_CASE(a_commit_that_was_not_sent) {
  stop.request_stop();
  Task<> task = commits(connection, stop.get_token());
  task.start();
  server_hears("Query(BEGIN)");
  server.says(command_complete("BEGIN"), ready_for_query('T'));
  server_hears("Query(ROLLBACK)");
  check_cancelled(task);
}

BOOST_AUTO_TEST_CASE(a_begin_whose_connection_goes_first) {
  OpenChannel open;
  auto gone = std::make_unique<Connection>(std::move(open.channel));
  Begin begin = gone->begin();
  Task<> task = [](Begin& request) -> Task<> { Transaction transaction = co_await request; }(begin);
  task.start();
  BOOST_TEST(open.server.hears() == "Query(BEGIN)");
  gone.reset();
  open.loop.run_until_idle();
  BOOST_TEST(task.done());
}

BOOST_AUTO_TEST_CASE(a_begin_that_never_left) {
  { Begin begin = connection.begin(); }
  server_hears("");
}

BOOST_AUTO_TEST_CASE(a_begin_in_somebody_elses_block) {  // which is not to be undone
  Task<> task = [](Connection& c) -> Task<> { co_await c.query_script("begin"); }(connection);
  task.start();
  server_hears("Query(begin)");
  server.says(command_complete("BEGIN"), ready_for_query('T'));
  loop.run_until_idle();
  BOOST_REQUIRE(task.done());
  Task<> inner = begins(connection, stop.get_token());
  inner.start();
  server_hears("Query(BEGIN)");
  is_given_up(inner, "BEGIN", 'T');
  server_hears("");
  Task<> abandoned = begins(connection, {});
  abandoned.start();
  server_hears("Query(BEGIN)");
  abandoned = Task<>();
  cancels.accepts().hangs_up();
  server.says(command_complete("BEGIN"), ready_for_query('T'));
  server_hears("");
}

// What was done there is not to become a part of the block.
BOOST_AUTO_TEST_CASE(a_savepoint_whose_end_outlives_it) {
  for (const bool commits : {false, true}) {
    Nested nested(*this);
    {
      End end = commits ? nested.inner->commit() : nested.inner->rollback();
      nested.inner.reset();
    }
    server_hears(undoing);
    server.says(command_complete("ROLLBACK"), command_complete("RELEASE"), ready_for_query('T'));
    nested.block.reset();
    server_hears("Query(ROLLBACK)");
    server.says(command_complete("ROLLBACK"), ready_for_query('I'));
    loop.run_until_idle();
  }
}

// It would not be there any more, and the error would spoil what is around it.
BOOST_AUTO_TEST_CASE(a_savepoint_that_outlives_what_is_around_it) {
  Nested nested(*this);
  nested.block.reset();
  server_hears("Query(ROLLBACK)");
  BOOST_TEST(!nested.inner->is_open());
  nested.inner.reset();
  server_hears("");
}

BOOST_AUTO_TEST_CASE(a_savepoint_that_has_ended_is_not_ended_again) {
  Nested nested(*this);
  {
    const auto end = std::unique_ptr<End>(new End(nested.inner->rollback()));
    Task<> waiting = [](End& e, std::stop_token token) -> Task<> { co_await e.stop(std::move(token)); }(
                                                           *end, stop.get_token());
    stop.request_stop();
    waiting.start();
    loop.run_until_idle();
    check_cancelled(waiting);
    BOOST_TEST(nested.inner->is_open());
    nested.inner.reset();
    server_hears(undoing);
  }
  server_hears("");
}

BOOST_AUTO_TEST_CASE(a_savepoint_whose_end_is_given_up_before_what_is_behind_it) {
  Nested nested(*this);
  {
    auto end = std::unique_ptr<End>(new End(nested.inner->rollback()));
    Script behind = connection.execute("select 1");
    end.reset();
  }
  BOOST_TEST(!nested.inner->is_open());
  nested.inner.reset();
  Task<> committing = [](Transaction& block) -> Task<> { co_await block.commit(); }(*nested.block);
  committing.start();
  server_hears(undoing + " Query(COMMIT)");
}

BOOST_AUTO_TEST_CASE(pauses_stay_within_their_limits) {
  constexpr Duration longest = Duration::max(), shortest = Duration::min();
  for (const int attempt : {1, 2, 70, 1000}) {
    BOOST_TEST((retry_pause(attempt, RetryPolicy(5, -1s)) == 0s));
    BOOST_TEST((retry_pause(attempt, RetryPolicy(5, shortest, longest)) == 0s));
    BOOST_TEST((retry_pause(attempt, RetryPolicy(5, 1s, -1s)) == 0s));
    BOOST_TEST((retry_pause(attempt, RetryPolicy(5, longest, 1s)) <= 1s));
    BOOST_TEST((retry_pause(attempt, RetryPolicy(5, 10ms, longest)) >= 5ms));
  }
}

// What the function did would be a part of that block, whatever transact() says in the end.
BOOST_AUTO_TEST_CASE(a_function_is_not_run_in_somebody_elses_block) {
  Task<> task = [](Connection& c) -> Task<> { co_await c.query_script("begin"); }(connection);
  task.start();
  server_hears("Query(begin)");
  server.says(command_complete("BEGIN"), ready_for_query('T'));
  loop.run_until_idle();
  auto body = [](Connection& c) -> Task<> { co_await c.query_script("delete from t"); };
  Task<> inner = transact(connection, body);
  inner.start();
  server_hears("Query(BEGIN)");
  server.says(command_complete("BEGIN"), ready_for_query('T'));
  loop.run_until_idle();
  BOOST_REQUIRE(inner.done());
  BOOST_CHECK_EXCEPTION(inner.take(), Error,
                        [](const Error& e) { return e.code() == Errc::invalid_argument; });
  server_hears("");
}

BOOST_AUTO_TEST_SUITE_END()
