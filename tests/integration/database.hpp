// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What the integration tests share: a loop and connections to the server that PGSTRIDE_TEST_DSN names.
#pragma once

#include <cstdlib>
#include <string>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/loop/uv.hpp"
#include "pgstride/driver/pgstride.hpp"

namespace pgstride::test {

using namespace std::chrono_literals;

/// For a test that needs what this variable tells of: it is there, or the run has not declared it absent, by this name
/// in PGSTRIDE_ABSENT (R-G4). Then the test is run, and fails.
inline bool is_expected(const char* variable, std::string_view name) {
  const char* absent = std::getenv("PGSTRIDE_ABSENT");
  return std::getenv(variable) != nullptr || absent == nullptr ||
         ("," + std::string(absent) + ",").find("," + std::string(name) + ",") == std::string::npos;
}

inline const char* expected(const char* variable) {
  const char* value = std::getenv(variable);
  BOOST_REQUIRE_MESSAGE(value != nullptr, variable << " is not set, and PGSTRIDE_ABSENT does not say why");
  return value;
}

/// In clear.
inline ConnectOptions server_options() {
  ConnectOptions options(std::getenv("PGSTRIDE_TEST_DSN"));
  options.tls.mode = SslMode::disable;
  return options;
}

/// A fixture: a loop, and a connection of the test's own.
struct Database {
  UvLoop loop;
  Connection connection = run(loop, connect(loop, server_options()));

  Connection another(ConnectOptions options = server_options()) { return run(loop, connect(loop, options)); }

  /// Runs a coroutine that takes the connection, or the whole fixture.
  template <class Body>
  auto go(Body body) {
    if constexpr (std::is_invocable_v<Body, Connection&>) {
      return run(loop, body(connection));
    } else {
      return run(loop, body(*this));
    }
  }

  /// Waits, by asking the server, until the backend is busy with a query that begins like this.
  static Task<> until_busy(Connection& watcher, std::int32_t pid, std::string begin) {
    begin += '%';
    for (bool busy = false; !busy;) {
      const Result result = co_await watcher.query(
          "select count(*) from pg_stat_activity where pid = $1 and state = 'active' and query like $2", pid,
          begin);
      busy = result.value<std::int64_t>() == 1;
    }
  }
};

/// The text of the Error that the body throws; empty when it throws none.
template <class Body>
std::string error_of(Body&& body) {
  try {
    body();
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

inline bool contains(std::string_view text, std::string_view piece) {
  return text.find(piece) != std::string_view::npos;
}

}  // namespace pgstride::test
