// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The pool for coroutines, beside a real server (R-L3, R-L5, R-L6, R-L7, R-L11).
#include <array>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "pgstride/driver/coro/run.hpp"
#include "pgstride/driver/pool.hpp"

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

PoolOptions pool_options(std::size_t max_size = 1) {
  PoolOptions options{server_options()};
  options.limits.max_size = max_size;
  return options;
}

Task<std::int32_t> pid_of_any(Pool& pool) {
  Lease lease = co_await pool.acquire();
  const Result result = co_await lease->query("select pg_backend_pid()");
  co_return result.value<std::int32_t>();
}

Task<std::string> acquire_and_tell(Pool& pool, Duration limit) {
  try {
    Lease lease = co_await pool.acquire().timeout(limit);
    co_return "served";
  } catch (const Error& e) {
    co_return e.what();
  }
}

Task<> leave_behind(Pool& pool, std::string sql) {
  Lease lease = co_await pool.acquire();
  co_await lease->execute(sql);
}

Task<std::string> ask(Pool& pool, std::string sql) {
  Lease lease = co_await pool.acquire();
  const Result result = co_await lease->query(sql);
  co_return std::string(result.value<std::string_view>());
}

Task<> kill(Connection& by, std::int32_t pid) { co_await by.query("select pg_terminate_backend($1)", pid); }

/// Counts what is done away from its thread.
class CountingLoop final : public Loop {
 public:
  explicit CountingLoop(Loop& loop) : loop_(loop) {}

  std::unique_ptr<Watch> watch(int fd, FdHandler& handler) override { return loop_.watch(fd, handler); }
  std::unique_ptr<Timer> timer(TimerHandler& handler) override { return loop_.timer(handler); }
  void post(std::unique_ptr<Job> job) override { loop_.post(std::move(job)); }
  void offload(std::unique_ptr<Job> job) override {
    ++offloaded;
    loop_.offload(std::move(job));
  }
  TimePoint now() const noexcept override { return loop_.now(); }

  int offloaded = 0;

 private:
  Loop& loop_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pool, Database)

BOOST_AUTO_TEST_CASE(a_connection_is_used_again) {
  Pool pool(loop, pool_options());
  const std::int32_t first = run(loop, pid_of_any(pool));
  for (int i = 0; i < 20; ++i) BOOST_TEST(run(loop, pid_of_any(pool)) == first);
  BOOST_TEST(pool.stats().counts.opened == 1u);
  BOOST_TEST(pool.stats().counts.handed_out == 21u);
}

BOOST_AUTO_TEST_CASE(keys_are_derived_from_the_password_once) {
  PoolOptions options = pool_options(1);
  options.connect.hosts[0].name = "127.0.0.1";  // nothing to look up
  options.connect.user = "pgstride_scram";
  options.connect.password = Secret("secret");
  CountingLoop counting(loop);
  Pool pool(counting, options);
  const std::int32_t first = run(loop, pid_of_any(pool));
  run(loop, kill(connection, first));
  std::int32_t second = first;
  while (second == first) {  // until the pool has noticed
    try {
      second = run(loop, pid_of_any(pool));
    } catch (const Error&) {
    }
  }
  BOOST_TEST(counting.offloaded == 1);
}

BOOST_AUTO_TEST_CASE(nothing_is_left_for_the_next) {  // PM-4, DT-25
  Pool pool(loop, pool_options());
  const std::pair<const char*, const char*> leftovers[] = {
      {"set application_name = 'dirty'", "select (current_setting('application_name') = 'dirty')::text"},
      {"set role pg_monitor", "select (current_user = 'pg_monitor')::text"},
      {"begin; create temp table left_behind (a int)",
       "select (to_regclass('left_behind') is not null)::text"},
      {"select pg_advisory_lock(78)",
       "select (count(*) > 0)::text from pg_locks where locktype = 'advisory'"},
      {"listen c", "select (count(*) > 0)::text from pg_listening_channels()"},
  };
  const std::int32_t pid = run(loop, pid_of_any(pool));
  for (const auto& [before, left] : leftovers) {
    run(loop, leave_behind(pool, before));
    BOOST_TEST_CONTEXT(before) BOOST_TEST(run(loop, ask(pool, left)) == "false");
  }
  BOOST_TEST(run(loop, pid_of_any(pool)) == pid);
}

BOOST_AUTO_TEST_CASE(many_share_few) {
  Pool pool(loop, pool_options(4));
  std::vector<Task<std::int32_t>> tasks;
  for (int i = 0; i < 200; ++i) tasks.push_back(pid_of_any(pool));
  run(loop, when_all(std::move(tasks)));
  const PoolStats stats = pool.stats();
  BOOST_TEST(stats.counts.opened == 4u);
  BOOST_TEST(stats.counts.handed_out == 200u);
  BOOST_TEST(stats.counts.leased == 0u);
  BOOST_TEST((stats.longest_wait <= stats.waited));
}

BOOST_AUTO_TEST_CASE(every_kind_of_request_without_a_lease) {
  Pool pool(loop, pool_options());
  const auto ask = [](Pool& on) -> Task<> {
    const Result result = co_await on.query("select $1 || 'b'", "a");
    BOOST_TEST(result.value<std::string>() == "ab");
    const auto all = co_await on.query_as<int>("select generate_series(1, $1)", 3);
    BOOST_TEST(all.size() == 3u);
    const auto one = co_await on.query_one<std::tuple<int, bool>>("select 1, true");
    BOOST_TEST(std::get<0>(one) == 1);
    const auto none = co_await on.query_optional<int>("select 1 where $1", false);
    BOOST_TEST(!none.has_value());
    int sum = 0;
    const auto add = [&](const RowView& row) { sum += row.get<int>(0); };
    const Completion looked = co_await on.each(add, "select generate_series(1, 10)");
    BOOST_TEST(sum == 55);
    BOOST_TEST(looked.affected_rows() == 10);
    co_await on.execute("create table if not exists pool_request (x int); truncate pool_request");
    const Completion inserted = co_await on.execute("insert into pool_request values ($1), ($1)", 7);
    BOOST_TEST(inserted.affected_rows() == 2);
    const auto results = co_await on.query_script("table pool_request; drop table pool_request");
    BOOST_TEST(results.size() == 2u);
  };
  run(loop, ask(pool));
  const auto fail = [](Pool& on) -> Task<std::string> {
    try {
      co_await on.query("selct $1", 1);
    } catch (const ServerException& e) {
      co_return std::string(e.sqlstate());
    }
    co_return "no error";
  };
  BOOST_TEST(run(loop, fail(pool)) == "42601");
  const auto refuse = [](Pool& on) -> Task<std::string> {
    try {
      co_await on.query("select $1::int, $2::int", 1);
    } catch (const Error& e) {
      co_return e.what();
    }
    co_return "no error";
  };
  run(loop, refuse(pool));  // the server is asked, and describes it
  BOOST_TEST(contains(run(loop, refuse(pool)), "2 parameters, and 1 arguments"));
  BOOST_TEST(pool.stats().counts.opened == 1u);
  loop.run_until([&] { return pool.stats().counts.idle == 1; });
}

// What a request leaves behind is not there for the next, although its reset left before it was answered.
BOOST_AUTO_TEST_CASE(a_request_that_opens_a_transaction) {
  Pool pool(loop, pool_options());
  const auto leave = [](Pool& on, const char* script) -> Task<> { co_await on.execute(script); };
  const auto look = [](Pool& on) -> Task<std::string> {
    const Result result = co_await on.query("select current_setting('application_name')");
    co_return result.value<std::string>();
  };
  run(loop, leave(pool, "begin; set local application_name = 'dirty'"));
  BOOST_TEST(run(loop, look(pool)) != "dirty");
  run(loop, leave(pool, "set application_name = 'dirty'"));
  BOOST_TEST(run(loop, look(pool)) != "dirty");
  BOOST_TEST(pool.stats().counts.opened == 1u);
}

BOOST_AUTO_TEST_CASE(a_request_that_is_destroyed_in_the_middle) {
  Pool pool(loop, pool_options());
  const std::int32_t pid = run(loop, pid_of_any(pool));
  const auto sleep_there = [](Pool& in) -> Task<> {
    co_await in.query("select set_config('application_name', 'dirty', false), pg_sleep(60)");
  };
  for (int i = 0; i < 5; ++i) {
    auto sleeping = sleep_there(pool);
    sleeping.start();
    run(loop, until_busy(connection, pid, "select set_config"));
    sleeping = {};
    BOOST_TEST(run(loop, ask(pool, "select (current_setting('application_name') = 'dirty')::text")) ==
               "false");
  }
  BOOST_TEST(pool.stats().counts.opened == 1u);
}

BOOST_AUTO_TEST_CASE(who_waits_for_too_long_is_told_why) {
  Pool pool(loop, pool_options());
  Lease lease;
  const auto take = [](Pool& from, Lease& to) -> Task<> { to = co_await from.acquire(); };
  run(loop, take(pool, lease));
  const std::string what = run(loop, acquire_and_tell(pool, 20ms));
  BOOST_TEST(contains(what, "1 of 1 are lent, 0 more wait; one has been for"));
  BOOST_TEST(contains(what, "test_pool.cpp:"));
  BOOST_TEST_REQUIRE(pool.loans().size() == 1u);
  BOOST_TEST(pool.loans()[0].backend_pid == lease->backend_pid());
  lease.release();
  BOOST_TEST(run(loop, acquire_and_tell(pool, 20s)) == "served");
}

BOOST_AUTO_TEST_CASE(no_more_wait_than_may) {  // R-M4
  PoolOptions options = pool_options();
  options.limits.max_waiting = 1;
  Pool pool(loop, options);
  const auto take = [](Pool& from) -> Task<Lease> { co_return co_await from.acquire(); };
  Lease lease = run(loop, take(pool));
  auto waiting = pid_of_any(pool);
  waiting.start();
  const auto refused = [](Pool& from) -> Task<std::error_code> {
    try {
      Lease none = co_await from.acquire();
    } catch (const Error& e) {
      BOOST_TEST(contains(e.what(), "the pool is full: 1 connections are lent, and 1 wait for one already"));
      co_return e.code();
    }
    co_return std::error_code();
  };
  BOOST_TEST((run(loop, refused(pool)) == std::errc::resource_unavailable_try_again));
  lease.release();
  BOOST_TEST(run(loop, std::move(waiting)) != 0);
  BOOST_TEST(!run(loop, refused(pool)));
}

BOOST_AUTO_TEST_CASE(a_waiter_that_is_destroyed) {
  Pool pool(loop, pool_options());
  Lease lease;
  const auto take = [](Pool& from, Lease& to) -> Task<> { to = co_await from.acquire(); };
  run(loop, take(pool, lease));
  auto waiting = pid_of_any(pool);
  waiting.start();
  BOOST_TEST(pool.stats().counts.waiting == 1u);
  waiting = {};
  BOOST_TEST(pool.stats().counts.waiting == 0u);
  auto handed = pid_of_any(pool);
  handed.start();
  lease.release();  // untouched: handed over at once, and the waiter is resumed in the next turn
  BOOST_TEST(pool.stats().counts.leased == 1u);
  handed = {};
  BOOST_TEST(pool.stats().counts.leased == 0u);
  BOOST_TEST(run(loop, pid_of_any(pool)) != 0);
}

BOOST_AUTO_TEST_CASE(a_lease_that_is_destroyed_in_the_middle_of_a_query) {
  Pool pool(loop, pool_options());
  const std::int32_t pid = run(loop, pid_of_any(pool));
  for (int i = 0; i < 10; ++i) {
    const auto sleep_there = [](Pool& in) -> Task<> {
      Lease lease = co_await in.acquire();
      co_await lease->query("select set_config('application_name', 'dirty', false), pg_sleep(60)");
    };
    auto sleeping = sleep_there(pool);
    sleeping.start();
    run(loop, until_busy(connection, pid, "select set_config"));
    sleeping = {};
    BOOST_TEST(run(loop, ask(pool, "select (current_setting('application_name') = 'dirty')::text")) ==
               "false");
  }
  BOOST_TEST(pool.stats().counts.opened == 1u);
}

BOOST_AUTO_TEST_CASE(killed_while_idle) {  // DT-27
  Pool pool(loop, pool_options());
  const std::int32_t pid = run(loop, pid_of_any(pool));
  loop.run_until([&] { return pool.stats().counts.idle == 1; });
  run(loop, kill(connection, pid));
  loop.run_until([&] { return pool.stats().counts.size() == 0; });
  BOOST_TEST(run(loop, pid_of_any(pool)) != pid);
  BOOST_TEST(pool.stats().counts.lost == 1u);
}

// One has died: the others are asked before they are handed out.
BOOST_AUTO_TEST_CASE(the_others_are_suspected) {
  Pool pool(loop, pool_options(2));
  const auto two = [](Pool& in) -> Task<std::array<std::int32_t, 2>> {
    Lease one = co_await in.acquire();
    Lease other = co_await in.acquire();
    std::array<std::int32_t, 2> pids{one->backend_pid(), other->backend_pid()};
    co_return pids;
  };
  const auto pids = run(loop, two(pool));
  run(loop, kill(connection, pids[0]));
  loop.run_until([&] { return pool.stats().counts.size() == 1; });
  const auto query_of = [](Connection& by, std::int32_t pid) -> Task<std::string> {
    const Result result = co_await by.query("select query from pg_stat_activity where pid = $1", pid);
    co_return std::string(result.value<std::string_view>());
  };
  BOOST_TEST(run(loop, acquire_and_tell(pool, 20s)) == "served");
  BOOST_TEST(run(loop, query_of(connection, pids[1])) == "");  // the check is an empty query
}

BOOST_AUTO_TEST_CASE(the_floor_and_the_ages) {
  PoolOptions options = pool_options(3);
  options.limits.min_size = 2;
  options.limits.max_idle = 50ms;
  Pool pool(loop, options);
  loop.run_until([&] { return pool.stats().counts.idle == 2; });
  const auto three = [](Pool& in) -> Task<> {
    Lease one = co_await in.acquire();
    Lease two = co_await in.acquire();
    Lease last = co_await in.acquire();
    BOOST_TEST(in.stats().counts.leased == 3u);
  };
  run(loop, three(pool));
  loop.run_until([&] { return pool.stats().counts.size() == 2; });
  pool.expire();
  const auto discard = [](Pool& in) -> Task<> {
    Lease lease = co_await in.acquire();
    lease.discard();
  };
  run(loop, discard(pool));
  loop.run_until([&] { return pool.stats().counts.idle == 2; });
}

BOOST_AUTO_TEST_CASE(what_is_wrong_for_good_is_told_at_once) {  // FO-6, DT-13
  PoolOptions options = pool_options(2);
  options.connect.database = "there_is_no_such_database";
  Pool pool(loop, options);
  BOOST_TEST(contains(run(loop, acquire_and_tell(pool, 60s)), "cannot connect: "));
}

BOOST_AUTO_TEST_CASE(what_may_pass_is_tried_again) {  // FO-6
  PoolOptions options = pool_options();
  options.connect.hosts = {Host("127.0.0.1", 1)};
  options.connect.ports.clear();
  Pool pool(loop, options);
  const std::string what = run(loop, acquire_and_tell(pool, 300ms));
  BOOST_TEST(contains(what, "connecting failed: "));
  BOOST_TEST(pool.stats().counts.failed >= 1u);
  BOOST_TEST(pool.stats().counts.failed < 50u);
}

BOOST_AUTO_TEST_CASE(closing_waits_for_leases) {
  Pool pool(loop, pool_options(2));
  Lease lease;
  const auto take = [](Pool& from, Lease& to) -> Task<> { to = co_await from.acquire(); };
  run(loop, take(pool, lease));
  auto closing = pool.close(20s);
  BOOST_TEST(contains(run(loop, acquire_and_tell(pool, 20s)), "the pool is closed"));  // from the call on
  closing.start();
  BOOST_TEST(!closing.done());
  BOOST_TEST(lease->is_open());
  lease.release();
  loop.run_until([&] { return closing.done(); });
  BOOST_TEST(closing.take().empty());
}

BOOST_AUTO_TEST_CASE(closing_does_not_wait_for_ever) {
  Pool pool(loop, pool_options(2));
  Lease lease;
  const auto take = [](Pool& from, Lease& to) -> Task<> { to = co_await from.acquire(); };
  run(loop, take(pool, lease));
  const std::vector<Loan> left = run(loop, pool.close(20ms));
  BOOST_TEST_REQUIRE(left.size() == 1u);
  BOOST_TEST(contains(left[0].where.file_name(), "test_pool.cpp"));
  BOOST_TEST(!lease->is_open());
}

BOOST_AUTO_TEST_CASE(a_lease_may_outlive_the_pool) {
  Lease lease;
  auto waiting = Task<std::string>();
  {
    Pool pool(loop, pool_options(1));
    const auto take = [](Pool& from, Lease& to) -> Task<> { to = co_await from.acquire(); };
    run(loop, take(pool, lease));
    waiting = acquire_and_tell(pool, 60s);
    waiting.start();
  }
  loop.run_until([&] { return waiting.done(); });
  BOOST_TEST(contains(waiting.take(), "the pool is closed"));
  BOOST_TEST(!lease->is_open());
}

BOOST_AUTO_TEST_SUITE_END()
