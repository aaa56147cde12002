// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;
using Kind = ListenEvent::Kind;

namespace {

ListenOptions quick() {
  ListenOptions how;
  how.first_pause = 1ms;
  how.longest_pause = 20ms;
  return how;
}

std::vector<std::string> channels(std::string one, std::string two = {}) {
  std::vector<std::string> names{std::move(one)};
  if (!two.empty()) names.push_back(std::move(two));
  return names;
}

Task<ListenEvent> next(AsyncGenerator<ListenEvent>& events) {
  const ListenEvent* event = co_await events.next();
  co_return *event;
}

Task<> notify(Connection& conn, std::string channel, std::string payload) {
  co_await conn.query("select pg_notify($1, $2)", channel, payload);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(listener, Database)

BOOST_AUTO_TEST_CASE(tells_what_is_notified) {
  auto events = listen(loop, server_options(), channels("jobs", "Odd \"name"), quick());
  BOOST_TEST((run(loop, next(events)).kind == Kind::listening));
  run(loop, notify(connection, "jobs", "1"));
  run(loop, notify(connection, "other", "not ours"));
  run(loop, notify(connection, "Odd \"name", "2"));
  const ListenEvent first = run(loop, next(events));
  BOOST_TEST((first.kind == Kind::notification));
  BOOST_TEST(first.channel == "jobs");
  BOOST_TEST(first.payload == "1");
  BOOST_TEST(first.backend_pid == connection.backend_pid());
  const ListenEvent second = run(loop, next(events));
  BOOST_TEST(second.channel == "Odd \"name");

  auto waiting = next(events);  // and one that is awaited before it comes
  waiting.start();
  run(loop, notify(connection, "jobs", "3"));
  loop.run_until([&] { return waiting.done(); });
  BOOST_TEST(waiting.take().payload == "3");
}

BOOST_AUTO_TEST_CASE(reconnects_and_says_so) {
  ConnectOptions options = server_options();
  options.application_name = "pgstride_listener";
  auto events = listen(loop, options, channels("jobs"), quick());
  BOOST_TEST((run(loop, next(events)).kind == Kind::listening));
  const auto kill = [](Connection& conn) -> Task<> {
    co_await conn.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = "
        "'pgstride_listener'");
  };
  run(loop, notify(connection, "jobs", "before"));
  run(loop, kill(connection));
  std::vector<Kind> kinds;
  while (kinds.empty() || kinds.back() != Kind::reconnected) kinds.push_back(run(loop, next(events)).kind);
  run(loop, notify(connection, "jobs", "after"));
  const ListenEvent event = run(loop, next(events));
  BOOST_TEST(event.payload == "after");
}

// As when all clients of a server that was restarted come at once.
BOOST_AUTO_TEST_CASE(reconnects_when_there_are_fewer_connections_again) {
  ConnectOptions options = server_options();
  options.user = "pgstride_listens";
  const auto ask = [](Connection& conn, std::string sql) -> Task<> { co_await conn.execute(sql); };
  run(loop, ask(connection, "drop role if exists pgstride_listens; create role pgstride_listens login"));
  {
    auto events = listen(loop, options, channels("jobs"), quick());
    BOOST_TEST((run(loop, next(events)).kind == Kind::listening));
    run(loop, ask(connection, "alter role pgstride_listens connection limit 0"));
    auto waiting = next(events);
    waiting.start();
    run(loop, ask(connection,
                  "select pg_terminate_backend(pid) from pg_stat_activity where usename = "
                  "'pgstride_listens'"));
    run(loop, ask(connection, "select pg_sleep(0.2)"));
    BOOST_TEST_REQUIRE(!waiting.done());
    run(loop, ask(connection, "alter role pgstride_listens connection limit -1"));
    BOOST_TEST((run(loop, std::move(waiting)).kind == Kind::reconnected));
  }
  run(loop, ask(connection, "drop role pgstride_listens"));
}

BOOST_AUTO_TEST_CASE(a_slow_consumer_is_told_of_the_overflow) {  // R-M4
  ListenOptions how = quick();
  how.most_waiting = 2;
  auto events = listen(loop, server_options(), channels("jobs"), how);
  run(loop, next(events));
  for (int i = 0; i < 5; ++i) run(loop, notify(connection, "jobs", std::to_string(i)));
  std::vector<Kind> kinds;
  while (kinds.empty() || kinds.back() != Kind::overflow) kinds.push_back(run(loop, next(events)).kind);
  BOOST_TEST(kinds.size() >= 3U);
}

BOOST_AUTO_TEST_CASE(fails_when_it_never_connected) {
  auto events = listen(loop, ConnectOptions("host=/nonexistent user=me"), channels("jobs"), quick());
  BOOST_CHECK_THROW(run(loop, next(events)), Error);
}

BOOST_AUTO_TEST_CASE(ends_at_once) {
  {
    auto events = listen(loop, server_options(), channels("jobs"), quick());
    run(loop, next(events));
    auto waiting = next(events);
    waiting.start();
    run(loop, notify(connection, "elsewhere", ""));
    BOOST_TEST(!waiting.done());
  }
  run(loop, notify(connection, "jobs", ""));
}

BOOST_AUTO_TEST_SUITE_END()
