// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Connections that end before those who use them.
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

Task<std::string> sleep_and_tell(Connection& conn) {
  try {
    co_await conn.query("select pg_sleep(60)");
  } catch (const Error& e) {
    co_return e.code().message() + "|" + (e.server() ? std::string(e.server()->sqlstate()) : "");
  }
  co_return "";
}

Task<> terminate(Connection& by, std::int32_t pid) {
  co_await by.query("select pg_terminate_backend($1)", pid);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(lost, Database)

BOOST_AUTO_TEST_CASE(terminated_while_a_query_runs) {
  Connection killer = another();
  auto waiting = sleep_and_tell(connection);
  waiting.start();
  run(loop, until_busy(killer, connection.backend_pid(), "select pg_sleep"));
  run(loop, terminate(killer, connection.backend_pid()));
  loop.run_until([&] { return waiting.done(); });
  BOOST_TEST(waiting.take() == "connection to the server was lost|57P01");
  BOOST_TEST(!connection.is_open());
  const auto later = [](Connection& conn) -> Task<> { co_await conn.query("select 1"); };
  BOOST_TEST(contains(error_of([&] { run(loop, later(connection)); }), "terminating connection"));
}

BOOST_AUTO_TEST_CASE(terminated_while_idle) {
  Connection killer = another();
  run(loop, terminate(killer, connection.backend_pid()));
  loop.run_until([&] { return !connection.is_open(); });
  const auto later = [](Connection& conn) -> Task<> { co_await conn.query("select 1"); };
  const std::string what = error_of([&] { run(loop, later(connection)); });
  BOOST_TEST(contains(what, "57P01"));
}

BOOST_AUTO_TEST_CASE(every_request_of_a_pipeline_is_told) {
  Connection killer = another();
  const auto three = [](Connection& conn) -> Task<int> {
    auto a = conn.query("select pg_sleep(60)");
    auto b = conn.query("select 2");
    auto c = conn.query("select 3");
    int lost = 0;
    for (Query* query : {&c, &a, &b}) {
      try {
        co_await *query;
      } catch (const Error& e) {
        lost += e.code() == Errc::connection_lost;
      }
    }
    co_return lost;
  };
  auto waiting = three(connection);
  waiting.start();
  run(loop, until_busy(killer, connection.backend_pid(), "select pg_sleep"));
  run(loop, terminate(killer, connection.backend_pid()));
  loop.run_until([&] { return waiting.done(); });
  BOOST_TEST(waiting.take() == 3);
}

BOOST_AUTO_TEST_CASE(in_a_transaction_with_a_cursor) {
  Connection killer = another();
  const auto read = [](Connection& conn, int& seen) -> Task<std::string> {
    try {
      Transaction tx = co_await conn.begin();
      Transaction inner = co_await tx.savepoint();
      Cursor rows =
          conn.cursor("select g, case when g > 4 then pg_sleep(60) end from generate_series(1, 10) g");
      rows.batch(2);
      while (co_await rows.next()) ++seen;
    } catch (const Error& e) {
      co_return e.code().message();
    }
    co_return "";
  };
  int seen = 0;
  auto reading = read(connection, seen);
  reading.start();
  loop.run_until([&] { return seen == 4; });
  run(loop, terminate(killer, connection.backend_pid()));
  loop.run_until([&] { return reading.done(); });
  BOOST_TEST(reading.take() == "connection to the server was lost");
}

BOOST_AUTO_TEST_CASE(destroying_the_connection_tells_who_waits) {
  Connection watcher = another();
  std::optional<Connection> owned(another());
  auto waiting = sleep_and_tell(*owned);
  waiting.start();
  run(loop, until_busy(watcher, owned->backend_pid(), "select pg_sleep"));
  owned.reset();
  BOOST_TEST(!waiting.done());  // nobody is resumed from inside a destructor
  loop.run_until([&] { return waiting.done(); });
  BOOST_TEST(waiting.take() == "connection is closed|");
}

BOOST_AUTO_TEST_CASE(the_last_query_destroys_its_connection) {
  const auto body = [](std::optional<Connection>& owned) -> Task<int> {
    const Result result = co_await owned->query("select 5");
    owned.reset();
    co_return result.value<int>();
  };
  std::optional<Connection> owned(another());
  BOOST_TEST(run(loop, body(owned)) == 5);
}

// All that stays in scope when the connection does not.
template <class End>
Task<> ends_first(Connection& conn, End end) {
  Transaction tx = co_await conn.begin();
  Transaction inner = co_await tx.savepoint();
  Begin never_taken = inner.savepoint();
  Cursor rows = conn.cursor("select generate_series(1, 1000)");
  rows.batch(1);
  const RowView* first = co_await rows.next();
  BOOST_TEST(first != nullptr);
  Prepared prepared = co_await conn.prepare("select 1");
  Prepared moved_on = std::move(prepared);
  Batch batch = conn.batch();
  batch.add("select 1");
  Task<> ending = end();
  co_await ending;
  const auto closed = [](auto&& ask) {
    try {
      ask();
    } catch (const Error& e) {
      return e.code() == Errc::connection_closed;
    }
    return false;
  };
  BOOST_TEST(!tx.is_open());
  BOOST_TEST(closed([&] { (void)tx.commit(); }));
  BOOST_TEST(closed([&] { (void)inner.rollback(); }));
  BOOST_TEST(closed([&] { (void)inner.savepoint(); }));
  BOOST_TEST(closed([&] { (void)prepared.query(); }));
  BOOST_TEST(closed([&] { (void)moved_on.query(); }));
  BOOST_TEST(closed([&] { batch.add("select 2"); }));
  BOOST_TEST(closed([&] { (void)batch.run(); }));
  bool is_told = false;
  try {
    co_await rows.next();
  } catch (const Error& e) {
    is_told = e.code() == Errc::connection_closed;
  }
  BOOST_TEST(is_told);
}

BOOST_AUTO_TEST_CASE(closed_before_what_was_made_from_it) {
  run(loop, ends_first(connection, [&]() -> Task<> { co_await connection.close(); }));
}

BOOST_AUTO_TEST_CASE(replaced_before_what_was_made_from_it) {
  run(loop, ends_first(connection, [&]() -> Task<> {
        connection = Connection();
        co_return;
      }));
}

BOOST_AUTO_TEST_CASE(discarded_before_what_was_made_from_it) {
  PoolOptions options(server_options());
  Pool pool(loop, options);
  const auto body = [](Pool& lender) -> Task<> {
    Acquire acquire = lender.acquire();
    Lease lease = co_await acquire;
    const auto end = [&]() -> Task<> {
      lease.discard();
      co_return;
    };
    Task<> task = ends_first(*lease, end);
    co_await task;
  };
  run(loop, body(pool));
}

// The COMMIT has timed out, so that its end would send a ROLLBACK.
BOOST_AUTO_TEST_CASE(closed_before_the_end_of_a_transaction) {
  const auto body = [](Connection& conn) -> Task<> {
    Begin begin = conn.begin();
    Transaction tx = co_await begin;
    End end = tx.commit();
    end.timeout(0s);
    bool is_late = false;
    try {
      co_await end;
    } catch (const Error& e) {
      is_late = e.code() == Errc::timed_out;
    }
    BOOST_TEST(is_late);
    co_await conn.close();
  };
  run(loop, body(connection));
}

BOOST_AUTO_TEST_CASE(closed_before_it_is_asked_what_was_prepared) {
  const auto body = [](Connection& conn) -> Task<> {
    Preparing preparing = conn.prepare("select 1");
    co_await conn.execute("select $1", 1);  // its answer comes behind the other
    co_await conn.close();
    Prepared prepared = co_await preparing;
    BOOST_TEST(prepared.sql() == "select 1");
    BOOST_TEST(contains(error_of([&] { (void)prepared.query(); }), "closed"));
  };
  run(loop, body(connection));
}

BOOST_AUTO_TEST_CASE(closed_before_a_copy_of_rows_has_begun) {
  const auto body = [](Connection& conn) -> Task<> {
    auto opening = conn.copy_rows_in<int>("copy t from stdin (format binary)");
    auto rows = conn.copy_rows_out<int>("copy (select 1) to stdout (format binary)");
    co_await conn.close();
    int refused = 0;
    try {
      co_await opening;
    } catch (const Error& e) {
      refused += e.code() == Errc::connection_closed ? 1 : 0;
    }
    try {
      co_await rows.next();
    } catch (const Error& e) {
      refused += e.code() == Errc::connection_closed ? 1 : 0;
    }
    BOOST_TEST(refused == 2);
  };
  run(loop, body(connection));
}

BOOST_AUTO_TEST_CASE(a_transaction_is_over_when_its_connection_is_lost) {
  Connection killer = another();
  const auto body = [](Connection& conn, Connection& other) -> Task<> {
    Transaction tx = co_await conn.begin();
    BOOST_TEST(tx.is_open());
    Task<> end = terminate(other, conn.backend_pid());
    co_await end;
    bool is_lost = false;
    try {
      co_await conn.query("select 1");
    } catch (const Error& e) {
      is_lost = e.code() == Errc::connection_lost;
    }
    BOOST_TEST(is_lost);
    BOOST_TEST(!tx.is_open());
    std::string why;
    try {
      co_await tx.commit();
    } catch (const Error& e) {
      why = e.what();
    }
    BOOST_TEST(contains(why, "57P01"));
  };
  run(loop, body(connection, killer));
}

BOOST_AUTO_TEST_CASE(the_loop_goes_before_the_farewell) {
  auto short_lived = std::make_unique<UvLoop>();
  auto conn = std::make_optional(run(*short_lived, connect(*short_lived, server_options())));
  auto waiting = sleep_and_tell(*conn);
  waiting.start();
  conn.reset();
  short_lived.reset();
  BOOST_TEST(!waiting.done());
}

BOOST_AUTO_TEST_CASE(a_child_process_is_told_whose_pool_it_uses) {
  Pool pool(loop, PoolOptions(server_options()));
  const auto use = [](Pool& from) -> Task<> {
    Lease lease = co_await from.acquire();
    co_await lease->execute("select 1");
  };
  run(loop, use(pool));
  loop.run_until([&] { return pool.stats().counts.idle == 1; });
  const pid_t child = ::fork();
  if (child == 0) {
    int outcome = 1;
    Task<> using_it = use(pool);
    try {
      using_it.start();  // the loop must not be run here: what the system knows of it is shared
      if (using_it.done()) using_it.take();
    } catch (const Error& e) {
      outcome = contains(e.what(), "parent process") ? 0 : 2;
    }
    ::_exit(outcome);
  }
  int status = -1;
  BOOST_TEST(::waitpid(child, &status, 0) == child);
  BOOST_TEST(status == 0);
  run(loop, use(pool));
}

BOOST_AUTO_TEST_SUITE_END()
