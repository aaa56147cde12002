// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>
#include <vector>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

Task<std::int64_t> rows_in(Connection& conn, const char* table) {
  const std::string sql = std::string("select count(*) from ") + table;
  co_return co_await conn.query_one<std::int64_t>(sql);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(batch, Database)

BOOST_AUTO_TEST_CASE(all_of_it_in_order) {
  go([](Connection& conn) -> Task<> {
    co_await conn.execute("create temp table b (a int unique)");
    for (int round = 0; round < 2; ++round) {  // prepared within, and prepared already
      Batch batch = conn.batch();
      batch.add("insert into b values ($1)", 10 * round).add("insert into b values ($1)", 10 * round + 1);
      batch.add("select a from b order by a").add("");
      const std::vector<Result> results = co_await batch.run();
      BOOST_REQUIRE(results.size() == 4U);
      BOOST_TEST(results[0].tag() == "INSERT 0 1");
      BOOST_TEST(results[2].size() == 2U * static_cast<unsigned>(round + 1));
      BOOST_TEST(results[2][1].get<int>("a") == 1);
      BOOST_TEST(results[3].tag() == "");
    }
  });
}

BOOST_AUTO_TEST_CASE(or_nothing) {  // R-X4
  go([](Connection& conn) -> Task<> {
    co_await conn.execute("create temp table b (a int unique)");
    std::string text;
    {
      Batch batch = conn.batch();
      batch.add("insert into b values ($1)", 1).add("select 1 / $1", 0).add("insert into b values (3)");
      try {
        co_await batch.run();
      } catch (const ServerException& e) {
        text = e.what();
        BOOST_TEST(e.sqlstate() == sqlstate::division_by_zero);
      }
    }
    BOOST_TEST(contains(text, "query 2 of 3 in the batch"));
    BOOST_TEST(contains(text, "select 1 / $1]"));
    const auto none = co_await rows_in(conn, "b");
    BOOST_TEST(none == 0);

    Batch broken = conn.batch();
    broken.add("insert into b values (5)").add("selct");
    std::string state;
    try {
      co_await broken.run();
    } catch (const ServerException& e) {
      state = e.sqlstate();
      text = e.what();
    }
    BOOST_TEST(state == sqlstate::syntax_error);
    BOOST_TEST(contains(text, "query 2 of 2"));
    const auto still_none = co_await rows_in(conn, "b");
    BOOST_TEST(still_none == 0);

    Batch late = conn.batch();
    late.add("select 1").add("select 2");
    BatchRun run = late.run();
    run.timeout(0s);
    try {
      co_await run;
    } catch (const Error& e) {
      text = e.what();
    }
    BOOST_TEST(text == "deadline passed [query 1 of 2 in the batch: select 1]");
  });
}

BOOST_AUTO_TEST_CASE(a_run_may_outlive_its_batch) {
  go([](Connection& conn) -> Task<> {
    const auto two = [](Connection& c) {
      Batch batch = c.batch();
      batch.add("select $1::text", std::string(100, 'x')).add("select 2");
      return batch.run();
    };
    BatchRun run = two(conn);
    const std::vector<Result> results = co_await run;
    BOOST_REQUIRE(results.size() == 2U);
    BOOST_TEST(results[0].value<std::string>() == std::string(100, 'x'));
    BOOST_TEST(results[1].value<int>() == 2);
  });
}

BOOST_AUTO_TEST_CASE(within_a_transaction_it_is_a_part_of_that) {
  go([](Connection& conn) -> Task<> {
    co_await conn.execute("create temp table b (a int)");
    {
      Transaction tx = co_await conn.begin();
      Batch batch = conn.batch();
      batch.add("insert into b values ($1)", 1).add("insert into b values ($1)", 2);
      co_await batch.run();
      co_await tx.rollback();
    }
    const auto none = co_await rows_in(conn, "b");
    BOOST_TEST(none == 0);
  });
}

BOOST_AUTO_TEST_CASE(without_a_cache) {
  ConnectOptions options = server_options();
  options.statement_cache_size = 0;
  Connection plain = another(options);
  const auto use = [](Connection& conn) -> Task<> {
    Batch batch = conn.batch();
    batch.add("select $1::int", 1).add("select $1::text", "two").add("select $1::int", 3);
    const std::vector<Result> results = co_await batch.run();
    BOOST_TEST(results[0].value<int>() == 1);
    BOOST_TEST(results[1].value<std::string>() == "two");
    BOOST_TEST(results[2].value<int>() == 3);
  };
  run(loop, use(plain));
}

BOOST_AUTO_TEST_CASE(bad_arguments_are_told_by_add_and_leave_the_rest) {
  go([](Connection& conn) -> Task<> {
    Batch batch = conn.batch();
    batch.add("select $1::int", 1);
    BOOST_CHECK_THROW(batch.add(std::string_view("select 1\0", 9)), Error);
    BOOST_CHECK_THROW(batch.add("select $1::date", std::chrono::sys_days::max() - std::chrono::days(1)),
                      Error);
    BOOST_TEST(batch.size() == 1U);
    const std::vector<Result> results = co_await batch.run();
    BOOST_TEST(results[0].value<int>() == 1);
  });
}

BOOST_AUTO_TEST_CASE(dropped_while_it_runs) {
  go([](Connection& conn) -> Task<> {
    {
      Batch batch = conn.batch();
      batch.add("select pg_sleep(60)").add("select 1");
      bool timed_out = false;
      try {
        co_await batch.run().timeout(20ms);
      } catch (const Error& e) {
        timed_out = e.code() == Errc::timed_out;
      }
      BOOST_TEST(timed_out);
    }
    const int after = co_await conn.query_one<int>("select 7");
    BOOST_TEST(after == 7);
  });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(transact_retries, Database)

BOOST_AUTO_TEST_CASE(commits_and_gives_the_result) {
  go([](Connection& conn) -> Task<> {
    co_await conn.execute("create temp table t (a int)");
    const auto insert = [](Connection& c) -> Task<int> {
      co_await c.execute("insert into t values ($1)", 5);
      BOOST_TEST((c.transaction_status() == TransactionStatus::in_block));
      co_return 5;
    };
    const int five = co_await transact(conn, insert);
    BOOST_TEST(five == 5);
    const auto with_savepoint = [&](Transaction& tx) -> Task<> {
      Transaction inner = co_await tx.savepoint();
      co_await inner.rollback();
    };
    co_await transact(conn, with_savepoint, Isolation::serializable);
    BOOST_TEST((conn.transaction_status() == TransactionStatus::idle));
    const auto count = co_await rows_in(conn, "t");
    BOOST_TEST(count == 1);
  });
}

BOOST_AUTO_TEST_CASE(runs_again_after_a_serialization_failure) {
  go([](Connection& conn) -> Task<> {
    int attempts = 0;
    const auto body = [&](Connection& c) -> Task<int> {
      if (++attempts < 3) co_await c.execute("do $$ begin raise exception using errcode = '40001'; end $$");
      co_return attempts;
    };
    const RetryPolicy quick(5, 1ms, 2ms);
    const int taken = co_await transact(conn, body, TransactionOptions(), quick);
    BOOST_TEST(taken == 3);

    attempts = -100;
    std::string state;
    try {
      co_await transact(conn, body, TransactionOptions(), quick);
    } catch (const ServerException& e) {
      state = e.sqlstate();
    }
    BOOST_TEST(state == sqlstate::serialization_failure);
    BOOST_TEST(attempts == -95);
    const int after = co_await conn.query_one<int>("select 7");  // behind the ROLLBACK
    BOOST_TEST(after == 7);
    BOOST_TEST((conn.transaction_status() == TransactionStatus::idle));
  });
}

BOOST_AUTO_TEST_CASE(other_errors_come_out_at_once) {
  go([](Connection& conn) -> Task<> {
    int attempts = 0;
    const auto divide = [&](Connection& c) -> Task<> {
      ++attempts;
      co_await c.query("select 1 / 0");
    };
    std::string state;
    try {
      co_await transact(conn, divide);
    } catch (const ServerException& e) {
      state = e.sqlstate();
    }
    BOOST_TEST(state == sqlstate::division_by_zero);
    BOOST_TEST(attempts == 1);
    const auto fail = [&](Transaction&) -> Task<> {
      throw std::out_of_range("enough");
      co_return;
    };
    bool thrown = false;
    try {
      co_await transact(conn, fail);
    } catch (const std::out_of_range&) {
      thrown = true;
    }
    BOOST_TEST(thrown);
    const int after = co_await conn.query_one<int>("select 7");
    BOOST_TEST(after == 7);
    BOOST_TEST((conn.transaction_status() == TransactionStatus::idle));
  });
}

BOOST_AUTO_TEST_CASE(heals_after_changes_of_tables) {  // R-Q1, R-Q4
  go([](Connection& conn) -> Task<> {
    co_await conn.execute("create temp table b (a int)");
    const char* changes[] = {"select 1", "alter table b add column c int", "deallocate all"};
    for (const char* change : changes) {
      co_await conn.execute(change);
      int failures = 0;
      for (bool done = false; !done;) {
        Batch batch = conn.batch();
        batch.add("select * from b").add("select b.* from b").add("table b");
        try {
          co_await batch.run();
          done = true;
        } catch (const ServerException&) {
          ++failures;
        }
        BOOST_REQUIRE(failures < 2);
      }
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
