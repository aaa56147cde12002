// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A loop and what lives on it belong to one thread, and may end in either order. (R-B4, DT-35)
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "tests/integration/database.hpp"

namespace pgstride::test {
namespace {

#ifndef NDEBUG
/// What a child process says that does this on another thread, and dies of it by SIGABRT; else empty.
template <class Misuse>
std::string last_words(Misuse misuse) {
  int pipe[2];
  BOOST_TEST_REQUIRE(::pipe(pipe) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);
    ::dup2(pipe[1], STDERR_FILENO);
    std::thread(misuse).join();
    ::_exit(0);
  }
  ::close(pipe[1]);
  std::string said;
  char piece[512];
  for (ssize_t got = 0; (got = ::read(pipe[0], piece, sizeof piece)) > 0;)
    said.append(piece, static_cast<std::size_t>(got));
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? said : "";
}

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

class Nothing final : public Job {
  void done() noexcept override {}
};

Task<> borrow(Pool& pool) { const Lease lease = co_await pool.acquire(); }
#endif

Task<int> twice(Connection& connection, int number) {
  co_return co_await connection.query_one<int>("select 2 * $1::int4", number);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(threads)

#ifndef NDEBUG
BOOST_AUTO_TEST_CASE(use_on_another_thread_ends_a_debug_build) {
  UvLoop loop;
  Pool pool(loop, PoolOptions(server_options()));
  Connection connection = run(loop, connect(loop, server_options()));
  BOOST_TEST(holds(last_words([&] { loop.run_once(); }), "a loop is run on another thread than before"));
  BOOST_TEST(
      holds(last_words([&] { loop.post(std::make_unique<Nothing>()); }), "a job is posted from a thread"));
  BOOST_TEST(
      holds(last_words([&] { (void)connection.query("select 1"); }), "a connection is used on a thread"));
  BOOST_TEST(holds(last_words([&] { spawn(borrow(pool), [](std::exception_ptr) {}); }),
                   "a pool is used on a thread"));
}
#endif

BOOST_AUTO_TEST_CASE(a_loop_may_be_made_here_and_run_there) {
  UvLoop loop;
  int result = 0;
  std::thread([&] {
    Connection connection = run(loop, connect(loop, server_options()));
    result = run(loop, twice(connection, 21));
  }).join();
  BOOST_TEST(result == 42);
  BOOST_TEST(!loop.is_here());
}

BOOST_AUTO_TEST_CASE(two_loops_in_two_threads) {
  std::atomic<int> sum = 0;
  const auto work = [&] {
    Database database;
    for (int i = 0; i < 20; ++i) sum += run(database.loop, twice(database.connection, i));
  };
  std::thread one(work), two(work);
  one.join();
  two.join();
  BOOST_TEST(sum == 2 * 2 * 190);
}

BOOST_AUTO_TEST_CASE(the_client_may_outlive_its_loop) {
  std::optional<UvLoop> loop(std::in_place);
  Connection idle = run(*loop, connect(*loop, server_options()));
  Connection busy = run(*loop, connect(*loop, server_options()));
  Query under_way = busy.query("select pg_sleep(10)");
  loop.reset();
  BOOST_TEST(idle.is_open());
}

BOOST_AUTO_TEST_CASE(the_loop_may_outlive_its_client) {
  UvLoop loop;
  {
    Connection connection = run(loop, connect(loop, server_options()));
    Query under_way = connection.query("select 1");
  }
  loop.run();  // there is nothing left to wait for
  Connection next = run(loop, connect(loop, server_options()));
  BOOST_TEST(run(loop, twice(next, 1)) == 2);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
