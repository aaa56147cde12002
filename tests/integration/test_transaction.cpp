// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>
#include <utility>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

Task<> make_table(Connection& conn) { co_await conn.execute("create temp table t (a int)"); }
Task<> insert(Connection& conn, int a) { co_await conn.execute("insert into t values ($1)", a); }
Task<std::string> content(Connection& conn) {
  const Result result =
      co_await conn.query("select coalesce(string_agg(a::text, ',' order by a), '') from t");
  co_return result.value<std::string>();
}

Task<> begin_and_wait(Connection& conn) {
  Transaction tx = co_await conn.begin();
  co_await insert(conn, 1);
  co_await conn.query("select pg_sleep(60)");
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(transaction, Database)

BOOST_AUTO_TEST_CASE(commit_and_rollback) {
  go([](Connection& conn) -> Task<> {
    co_await make_table(conn);
    {
      Transaction tx = co_await conn.begin();
      BOOST_TEST((conn.transaction_status() == TransactionStatus::in_block));
      co_await insert(conn, 1);
      co_await tx.commit();
      BOOST_TEST(!tx.is_open());
    }
    BOOST_TEST((conn.transaction_status() == TransactionStatus::idle));
    {
      Transaction tx = co_await conn.begin();
      co_await insert(conn, 2);
      co_await tx.rollback();
    }
    const std::string rows = co_await content(conn);
    BOOST_TEST(rows == "1");
  });
}

BOOST_AUTO_TEST_CASE(an_unfinished_one_is_rolled_back) {
  go([](Connection& conn) -> Task<> {
    co_await make_table(conn);
    {
      Transaction tx = co_await conn.begin();
      co_await insert(conn, 1);
    }
    const std::string rows = co_await content(conn);
    BOOST_TEST(rows == "");
    BOOST_TEST((conn.transaction_status() == TransactionStatus::idle));
    try {
      Transaction tx = co_await conn.begin();
      co_await insert(conn, 2);
      throw std::runtime_error("changed my mind");
    } catch (const std::runtime_error&) {
    }
    const std::string still = co_await content(conn);
    BOOST_TEST(still == "");
  });
}

BOOST_AUTO_TEST_CASE(begin_travels_with_the_first_query) {
  go([](Connection& conn) -> Task<> {
    co_await make_table(conn);
    auto begin = conn.begin();
    auto first = conn.execute("insert into t values ($1)", 7);
    Transaction tx = co_await begin;
    co_await first;
    co_await tx.commit();
    const std::string rows = co_await content(conn);
    BOOST_TEST(rows == "7");
  });
}

BOOST_AUTO_TEST_CASE(options) {
  go([](Connection& conn) -> Task<> {
    Transaction tx =
        co_await conn.begin(TransactionOptions(Isolation::serializable, Access::read_only, true));
    const Result result = co_await conn.query(
        "select current_setting('transaction_isolation') || current_setting('transaction_read_only') || "
        "current_setting('transaction_deferrable')");
    BOOST_TEST(result.value<std::string>() == "serializableonon");
    std::string state;
    try {
      co_await conn.execute("create table never (a int)");
    } catch (const ServerException& e) {
      state = e.sqlstate();
    }
    BOOST_TEST(state == sqlstate::read_only_sql_transaction);
  });
  BOOST_TEST(TransactionOptions().begin_statement() == "BEGIN");
  BOOST_TEST(TransactionOptions(Access::read_write).begin_statement() == "BEGIN READ WRITE");
  BOOST_TEST(TransactionOptions(Isolation::repeatable_read).begin_statement() ==
             "BEGIN ISOLATION LEVEL REPEATABLE READ");
}

BOOST_AUTO_TEST_CASE(savepoints) {
  go([](Connection& conn) -> Task<> {
    co_await make_table(conn);
    Transaction tx = co_await conn.begin();
    co_await insert(conn, 1);
    {
      Transaction inner = co_await tx.savepoint();
      co_await insert(conn, 2);
      co_await inner.rollback();
    }
    {
      Transaction inner = co_await tx.savepoint();
      co_await insert(conn, 3);
      Transaction innermost = co_await inner.savepoint();
      co_await insert(conn, 4);
      co_await innermost.rollback();
      co_await inner.commit();
    }
    {
      Transaction forgotten = co_await tx.savepoint();
      co_await insert(conn, 5);
    }
    co_await tx.commit();
    const std::string rows = co_await content(conn);
    BOOST_TEST(rows == "1,3");
  });
}

BOOST_AUTO_TEST_CASE(a_savepoint_saves_the_transaction_from_an_error) {
  go([](Connection& conn) -> Task<> {
    co_await make_table(conn);
    Transaction tx = co_await conn.begin();
    co_await insert(conn, 1);
    try {
      Transaction risky = co_await tx.savepoint();
      co_await conn.query("select 1/0");
    } catch (const ServerException& e) {
      BOOST_TEST(e.sqlstate() == sqlstate::division_by_zero);
    }
    co_await insert(conn, 2);
    co_await tx.commit();
    const std::string rows = co_await content(conn);
    BOOST_TEST(rows == "1,2");
  });
}

BOOST_AUTO_TEST_CASE(committing_what_has_failed_is_an_error) {
  go([](Connection& conn) -> Task<> {
    co_await make_table(conn);
    Transaction tx = co_await conn.begin();
    co_await insert(conn, 1);
    try {
      co_await conn.query("select 1/0");
    } catch (const ServerException&) {
    }
    BOOST_TEST((conn.transaction_status() == TransactionStatus::failed));
    bool told = false;
    try {
      co_await tx.commit();
    } catch (const Error& e) {
      told = e.code() == Errc::transaction_rolled_back;
    }
    BOOST_TEST(told);
    const std::string rows = co_await content(conn);
    BOOST_TEST(rows == "");
  });
}

BOOST_AUTO_TEST_CASE(is_over_only_once) {
  go([](Connection& conn) -> Task<> {
    Transaction tx = co_await conn.begin();
    Transaction inner = co_await tx.savepoint();
    co_await tx.commit();
    BOOST_TEST(!inner.is_open());
    std::string what;
    try {
      co_await inner.commit();
    } catch (const Error& e) {
      what = e.what();
    }
    BOOST_TEST(what == "the transaction is over");
    Transaction next = co_await conn.begin();
    inner = std::move(next);  // `next` now holds the old one, whose end must not touch the new one
    BOOST_TEST(inner.is_open());
    co_await conn.query("select 1");
    co_await inner.commit();
  });
}

// The server only warns. Had it been taken for a transaction, its end would have been the outer one's.
BOOST_AUTO_TEST_CASE(another_one_inside_a_transaction_is_refused) {
  go([](Connection& conn) -> Task<> {
    co_await make_table(conn);
    co_await conn.execute("set client_min_messages = error");
    {
      Transaction tx = co_await conn.begin();
      co_await insert(conn, 1);
      std::string what;
      try {
        Transaction inner = co_await conn.begin();
      } catch (const Error& e) {
        what = e.what();
      }
      BOOST_TEST(what == "there is a transaction already; savepoint() makes one within it");
      BOOST_TEST(tx.is_open());
      co_await insert(conn, 2);
      const std::string rows = co_await content(conn);
      BOOST_TEST(rows == "1,2");
    }
    const std::string rows = co_await content(conn);
    BOOST_TEST(rows == "");
    co_await conn.execute("begin");
    auto ended = conn.execute("commit");
    Transaction after = co_await conn.begin();  // by the time it comes there is none any more
    co_await after.commit();
  });
}

BOOST_AUTO_TEST_CASE(destroying_a_coroutine_inside_one) {
  Connection watcher = another();
  run(loop, make_table(connection));
  auto waiting = begin_and_wait(connection);
  waiting.start();
  run(loop, until_busy(watcher, connection.backend_pid(), "select pg_sleep"));
  waiting = Task<>();
  BOOST_TEST(run(loop, content(connection)) == "");
  BOOST_TEST((connection.transaction_status() == TransactionStatus::idle));
}

BOOST_AUTO_TEST_CASE(a_begin_that_nobody_took_does_not_stay) {
  go([](Connection& conn) -> Task<> {
    co_await make_table(conn);
    { auto unsent = conn.begin(); }
    {
      auto untaken = conn.begin();
      co_await insert(conn, 1);
    }
    const std::string rows = co_await content(conn);
    BOOST_TEST(rows == "");
    BOOST_TEST((conn.transaction_status() == TransactionStatus::idle));
  });
}

BOOST_AUTO_TEST_CASE(a_commit_that_times_out_leaves_no_block) {
  Connection holder = another();
  const auto body = [](Connection& conn, Connection& other) -> Task<> {
    co_await other.execute(
        "drop table if exists pgstride_deferred; create table pgstride_deferred (a int primary key "
        "deferrable initially deferred)");
    Transaction theirs = co_await other.begin();
    co_await other.execute("insert into pgstride_deferred values (1)");
    bool timed_out = false;
    {
      Transaction ours = co_await conn.begin();
      auto insertion = conn.execute("insert into pgstride_deferred values ($1)", 1);
      co_await insertion.timeout(10s);
      try {
        co_await ours.commit().timeout(50ms);  // waits for what becomes of theirs
      } catch (const Error& e) {
        timed_out = e.code() == Errc::timed_out && e.outcome_unknown();
      }
    }
    BOOST_TEST(timed_out);
    const Result after = co_await conn.query("select 1");
    BOOST_TEST(after.value<int>() == 1);
    BOOST_TEST((conn.transaction_status() == TransactionStatus::idle));
    co_await theirs.rollback();
    co_await other.execute("drop table pgstride_deferred");
  };
  run(loop, body(connection, holder));
}

// To the server it would be within the first, and undoing the first would undo both, or the wrong one.
BOOST_AUTO_TEST_CASE(savepoints_beside_each_other_come_one_after_the_other) {
  go([](Connection& conn) -> Task<> {
    co_await make_table(conn);
    Transaction tx = co_await conn.begin();
    Transaction step = co_await tx.savepoint();
    co_await insert(conn, 1);
    std::string told;
    try {
      step = co_await tx.savepoint();
    } catch (const Error& e) {
      told = e.what();
    }
    BOOST_TEST(told == "a savepoint of this transaction is open; its savepoint() makes one within it");
    BOOST_TEST(step.is_open());
    co_await step.commit();
    step = co_await tx.savepoint();
    co_await insert(conn, 2);
    End undone = step.rollback();
    Begin behind = tx.savepoint();  // though nothing has been answered
    co_await undone;
    step = co_await behind;
    co_await insert(conn, 3);
    co_await step.commit();
    co_await tx.commit();
    const std::string kept = co_await content(conn);
    BOOST_TEST(kept == "1,3");
  });
}

BOOST_AUTO_TEST_CASE(a_savepoint_that_failed_is_none) {
  go([](Connection& conn) -> Task<> {
    Transaction tx = co_await conn.begin();
    {
      Transaction risky = co_await tx.savepoint();
      bool is_told = false;
      try {
        co_await conn.execute("select 1/0");
      } catch (const ServerException&) {
      }
      Begin failed = risky.savepoint();
      try {
        co_await failed;
      } catch (const ServerException& e) {
        is_told = e.sqlstate() == sqlstate::in_failed_sql_transaction;
      }
      BOOST_TEST(is_told);
      Begin again = risky.savepoint();  // refused by the server, not by us
      is_told = false;
      try {
        co_await again;
      } catch (const ServerException&) {
        is_told = true;
      }
      BOOST_TEST(is_told);
      co_await risky.rollback();
    }
    co_await tx.commit();
  });
}

// It must not stay what was done there, as if it had been committed.
BOOST_AUTO_TEST_CASE(a_savepoint_whose_end_is_given_up_before_it_is_sent_is_open_still) {
  go([](Connection& conn) -> Task<> {
    co_await make_table(conn);
    std::stop_source stopped;
    stopped.request_stop();
    Transaction tx = co_await conn.begin();
    co_await insert(conn, 1);
    {
      Transaction inner = co_await tx.savepoint();
      co_await insert(conn, 2);
      { End dropped = inner.rollback(); }
      BOOST_TEST(inner.is_open());
    }
    {
      Transaction inner = co_await tx.savepoint();
      co_await insert(conn, 3);
      bool is_told = false;
      try {
        co_await inner.rollback().stop(stopped.get_token());
      } catch (const Error& e) {
        is_told = e.code() == Errc::cancelled && !e.outcome_unknown();
      }
      BOOST_TEST(is_told);
      BOOST_TEST(inner.is_open());
    }
    {
      Transaction inner = co_await tx.savepoint();
      co_await insert(conn, 4);
      try {
        co_await inner.commit().stop(stopped.get_token());
      } catch (const Error&) {
      }
      BOOST_TEST(inner.is_open());
      co_await inner.commit();  // again
    }
    co_await tx.commit();
    const std::string kept = co_await content(conn);
    BOOST_TEST(kept == "1,4");
  });
}

BOOST_AUTO_TEST_SUITE_END()
