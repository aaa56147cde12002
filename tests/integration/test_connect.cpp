// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

/// A port of this machine where nobody listens, or where one is heard and never answered.
class Port {
 public:
  explicit Port(bool listens) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    BOOST_REQUIRE(::bind(fd_, any, size) == 0);
    BOOST_REQUIRE(::getsockname(fd_, any, &size) == 0);
    if (listens) BOOST_REQUIRE(::listen(fd_, 8) == 0);
    number_ = ntohs(address.sin_port);
  }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  ~Port() { ::close(fd_); }

  std::uint16_t number() const { return number_; }

 private:
  int fd_;
  std::uint16_t number_;
};

ConnectOptions at(const std::string& host, std::uint16_t port) {
  ConnectOptions options = server_options();
  options.ports.clear();
  options.hosts = {Host(host, port)};
  return options;
}

template <class Made>
std::string refusal(UvLoop& loop, Made&& made) {
  return error_of([&] { const Connection conn = run(loop, made()); });
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(connect_to_server, Database)

BOOST_AUTO_TEST_CASE(knows_its_server) {
  BOOST_TEST(connection.is_open());
  BOOST_TEST(connection.parameter("server_version") != "");
  BOOST_TEST(connection.parameter("client_encoding") == "UTF8");
  BOOST_TEST(connection.parameter("no_such_parameter") == "");
  BOOST_TEST(connection.backend_pid() != 0);
  BOOST_TEST((connection.transaction_status() == TransactionStatus::idle));
}

BOOST_AUTO_TEST_CASE(by_connection_string) {
  Connection conn = run(loop, connect(loop, std::getenv("PGSTRIDE_TEST_DSN")));
  BOOST_TEST(conn.is_open());
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_a_connection_string) {
  const auto reason = [&](const char* dsn) -> std::string {
    try {
      const Connection conn = run(loop, connect(loop, dsn));
    } catch (const ConfigurationError& e) {
      return e.what();
    }
    return {};
  };
  BOOST_TEST(contains(reason("host=localhost prot=5432"), "prot"));
  BOOST_TEST(contains(reason("postgres://user:sesame@localhost:port/db"), "port"));
  for (const char* dsn : {"postgres://user:sesame@localhost:99999/db", "host=localhost password='sesame",
                          "port=x password=sesame"}) {
    BOOST_TEST(reason(dsn) != "");
    BOOST_TEST(!contains(reason(dsn), "sesame"));
  }
}

BOOST_AUTO_TEST_CASE(no_such_database) {
  ConnectOptions options = server_options();
  options.database = "no_such_database";
  bool thrown = false;
  try {
    const Connection conn = another(options);
  } catch (const ServerException& e) {
    thrown = true;
    BOOST_TEST(e.sqlstate() == sqlstate::invalid_catalog_name);
    BOOST_TEST(contains(e.what(), "cannot connect: "));
    BOOST_TEST(contains(e.what(), "no_such_database"));
  }
  BOOST_TEST(thrown);
}

BOOST_AUTO_TEST_CASE(the_newest_protocol_that_both_speak) {
  ConnectOptions options = server_options();
  options.max_protocol = frontend::protocol_3_2;
  const Connection newest = another(options);
  const bool is_long = newest.channel().cancel_key().key.reveal().size() > 4;
  const std::string version(newest.parameter("server_version"));
  BOOST_TEST(is_long == (std::stoi(version) >= 18), version);
}

BOOST_AUTO_TEST_CASE(whose_server_it_is) {
  const char* directory = std::getenv("PGSTRIDE_TEST_SOCKET");
  if (!directory) return;
  ConnectOptions options = server_options();
  OptionError error;
  BOOST_REQUIRE(options.complete(error));
  options.hosts[0].name = directory;
  struct stat socket {};
  BOOST_REQUIRE(::stat(directory, &socket) == 0);
  options.required_peer = ::getpwuid(socket.st_uid)->pw_name;
  BOOST_TEST(another(options).is_open());
  options.required_peer = "no_such_user";
  BOOST_TEST(contains(refusal(loop, [&] { return connect(loop, options); }),
                      "requirepeer asks for a server of the user \"no_such_user\""));
  options.hosts[0].name = "127.0.0.1";  // there is nobody to see
  BOOST_TEST(another(options).is_open());
}

BOOST_AUTO_TEST_CASE(refused) {
  const Port closed(false);
  const auto what = refusal(loop, [&] { return connect(loop, at("127.0.0.1", closed.number())); });
  BOOST_TEST(what == "cannot connect: 127.0.0.1:" + std::to_string(closed.number()) + ": Connection refused");
}

BOOST_AUTO_TEST_CASE(no_socket_there) {
  const auto what = refusal(loop, [&] { return connect(loop, at("/no/such/directory", 5432)); });
  BOOST_TEST(what == "cannot connect: /no/such/directory/.s.PGSQL.5432: No such file or directory");
}

BOOST_AUTO_TEST_CASE(unresolvable) {
  ConnectOptions options = at("no-such-host.invalid", 5432);
  options.connect_timeout = 10s;
  const auto what = refusal(loop, [&] { return connect(loop, options); });
  BOOST_TEST(contains(what, "cannot connect: no-such-host.invalid:5432: "));
}

BOOST_AUTO_TEST_CASE(silent) {
  const Port unanswered(true);
  ConnectOptions options = at("127.0.0.1", unanswered.number());
  options.connect_timeout = 100ms;
  const auto begin = Clock::now();
  const auto what = refusal(loop, [&] { return connect(loop, options); });
  BOOST_TEST(what ==
             "cannot connect: 127.0.0.1:" + std::to_string(unanswered.number()) + ": no answer in time");
  BOOST_TEST((Clock::now() - begin < 5s));
}

BOOST_AUTO_TEST_CASE(the_next_host_may_do) {
  const Port closed(false);
  ConnectOptions options = server_options();
  OptionError error;
  BOOST_REQUIRE(options.complete(error));
  options.hosts.insert(options.hosts.begin(), Host("127.0.0.1", closed.number()));
  Connection conn = another(options);
  BOOST_TEST(conn.is_open());
}

BOOST_AUTO_TEST_CASE(destroyed_while_it_connects) {
  const Port unanswered(true);
  auto connecting = connect(loop, at("127.0.0.1", unanswered.number()));
  connecting.start();
  loop.run_once();
  connecting = Task<Connection>();
  auto resolving = connect(loop, at("no-such-host.invalid", 5432));
  resolving.start();
}

BOOST_AUTO_TEST_CASE(close_waits_for_what_is_under_way) {
  const auto body = [](Connection& conn) -> Task<> {
    auto query = conn.query("select 3");
    co_await conn.close();
    const Result result = co_await query;
    BOOST_TEST(result.value<int>() == 3);
  };
  run(loop, body(connection));
  BOOST_TEST(!connection.is_open());
  BOOST_TEST(connection.backend_pid() == 0);
}

BOOST_AUTO_TEST_CASE(close_is_bounded) {
  const auto begin = Clock::now();
  const auto body = [](Connection& conn) -> Task<std::string> {
    auto query = conn.query("select pg_sleep(60)");
    co_await conn.close(50ms);
    try {
      co_await query;
    } catch (const Error& e) {
      co_return e.what();
    }
    co_return "";
  };
  BOOST_TEST(contains(run(loop, body(connection)), "connection is closed"));
  BOOST_TEST((Clock::now() - begin < 5s));
}

BOOST_AUTO_TEST_CASE(moves) {
  Connection other = std::move(connection);
  BOOST_TEST(!connection.is_open());
  BOOST_TEST(other.is_open());
  connection = std::move(other);
  BOOST_TEST(connection.is_open());
}

BOOST_AUTO_TEST_SUITE_END()
