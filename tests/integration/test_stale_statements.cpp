// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Statements that were kept prepared while somebody changed what they are about (R-Q1, R-Q4).
#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

struct Retries final : Observer {
  void on_retry(const Retry& event) noexcept override {
    BOOST_TEST(event.attempt == 1);
    BOOST_TEST((event.pause == 0s));
    states.emplace_back(event.sqlstate);
  }
  std::vector<std::string> take() { return std::exchange(states, {}); }

  std::vector<std::string> states;
};
using States = std::vector<std::string>;

struct Item {
  std::int64_t a;
};

/// A pool of one connection, and a table that others change.
struct Changing : Database {
  Changing() {
    alter("drop table if exists changing; create table changing (a int); insert into changing values (7)");
    PoolOptions options{server_options()};
    options.connect.observer = &retries;
    options.limits.max_size = 1;
    pool.emplace(loop, options);
  }
  ~Changing() { alter("drop table changing"); }

  void alter(const char* script) {
    const auto change = [](Connection& conn, const char* how) -> Task<> { co_await conn.execute(how); };
    run(loop, change(connection, script));
  }
  /// Runs the body before and after the column has got another type, and once more.
  template <class Body>
  void before_and_after(Body body) {
    run(loop, body(*pool));
    alter("alter table changing alter a type bigint");
    run(loop, body(*pool));
    BOOST_TEST(retries.take() == States{"0A000"}, boost::test_tools::per_element());
    run(loop, body(*pool));
    BOOST_TEST(retries.take().empty());
    BOOST_TEST(pool->stats().counts.opened == 1U);
    loop.run_until([&] { return pool->stats().counts.idle == 1; });
  }

  Retries retries;
  std::optional<Pool> pool;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(stale_statements, Changing)

BOOST_AUTO_TEST_CASE(a_query) {  // DT-30
  before_and_after([](Pool& in) -> Task<> {
    const Result result = co_await in.query("select * from changing where a = $1", "7");
    BOOST_TEST(result.value<std::int64_t>() == 7);
  });
}

BOOST_AUTO_TEST_CASE(typed_queries) {
  before_and_after([](Pool& in) -> Task<> {
    const auto all = co_await in.query_as<Item>("select * from changing");
    BOOST_TEST(all.at(0).a == 7);
  });
  alter("alter table changing alter a type int");
  before_and_after([](Pool& in) -> Task<> {
    const auto [one] = co_await in.query_one<std::tuple<std::int64_t>>("select * from changing limit 1");
    BOOST_TEST(one == 7);
  });
  alter("alter table changing alter a type int");
  before_and_after([](Pool& in) -> Task<> {
    const auto one = co_await in.query_optional<std::int64_t>("select * from changing limit 2");
    BOOST_TEST(one.value_or(0) == 7);
  });
}

// The function is the one that was given, with what it has come to know.
BOOST_AUTO_TEST_CASE(rows_that_are_looked_at) {
  before_and_after([](Pool& in) -> Task<> {
    std::int64_t sum = 0;
    auto add = [&sum, seen = std::vector<std::int64_t>()](const Item& item) mutable {
      seen.push_back(item.a);
      sum = 10 * static_cast<std::int64_t>(seen.size()) + item.a;
    };
    co_await in.each<Item>(add, "select * from changing");
    BOOST_TEST(sum == 17);
    co_await in.each([&](const RowView& row) { sum += row.get<std::int64_t>(0); }, "select 1::bigint");
    BOOST_TEST(sum == 18);
  });
}

// What had effects is not done twice.
BOOST_AUTO_TEST_CASE(a_command) {  // DT-30
  alter("drop sequence if exists changing_calls; create sequence changing_calls");
  before_and_after([](Pool& in) -> Task<> {
    co_await in.execute("insert into changing select nextval('changing_calls') where $1 returning *", true);
  });
  const auto count = [](Pool& in) -> Task<std::int64_t> {
    co_return co_await in.query_one<std::int64_t>("select nextval('changing_calls')");
  };
  BOOST_TEST(run(loop, count(*pool)) == 4);
  alter("drop sequence changing_calls");
}

BOOST_AUTO_TEST_CASE(all_were_forgotten) {
  const auto ask = [](Pool& in) -> Task<int> { co_return co_await in.query_one<int>("select $1::int", 7); };
  const auto forget = [](Pool& in) -> Task<> {
    co_await in.execute("do $$ begin execute 'deallocate all'; end $$");  // the driver is not told
  };
  BOOST_TEST(run(loop, ask(*pool)) == 7);
  run(loop, forget(*pool));
  BOOST_TEST(run(loop, ask(*pool)) == 7);
  BOOST_TEST(retries.take() == States{"26000"}, boost::test_tools::per_element());
}

// Its number was the old one's.
BOOST_AUTO_TEST_CASE(a_type_that_was_made_anew) {
  const char* const make_type = "drop type if exists mood; create type mood as enum ('glad')";
  alter(make_type);
  const auto ask = [](Pool& in) -> Task<std::string> {
    co_return co_await in.query_one<std::string>("select ($1::mood)::text", "glad");
  };
  BOOST_TEST(run(loop, ask(*pool)) == "glad");
  alter(make_type);
  BOOST_TEST(run(loop, ask(*pool)) == "glad");
  BOOST_TEST(retries.take() == States{"XX000"}, boost::test_tools::per_element());
  alter("drop type mood");
}

// The SQL names one that is not ours.
BOOST_AUTO_TEST_CASE(what_the_sql_names_is_not_prepared_anew) {
  const auto ask = [](Pool& in) -> Task<std::string> {
    try {
      co_await in.query("execute nobody_knows_this");
    } catch (const ServerException& e) {
      co_return std::string(e.sqlstate());
    }
    co_return "no error";
  };
  for (int i = 0; i < 3; ++i) BOOST_TEST(run(loop, ask(*pool)) == sqlstate::invalid_sql_statement_name);
  BOOST_TEST(retries.take().empty());
}

// What was executed is not repeated, whatever it says.
BOOST_AUTO_TEST_CASE(what_was_executed_is_not_repeated) {
  alter(
      "create or replace function changing_fails() returns int language plpgsql as $$ begin "
      "execute 'select * from changing'; execute 'prepare changing_inner as select * from changing'; "
      "alter table changing add b int; execute 'execute changing_inner'; return 1; end $$");
  const auto ask = [](Pool& in) -> Task<std::string> {
    try {
      co_await in.query("select changing_fails() where $1", true);
    } catch (const ServerException& e) {
      co_return std::string(e.server()->field('R'));
    }
    co_return "no error";
  };
  BOOST_TEST(run(loop, ask(*pool)) == "RevalidateCachedQuery");
  BOOST_TEST(retries.take().empty());
  alter("drop function changing_fails");
}

BOOST_AUTO_TEST_SUITE_END()
