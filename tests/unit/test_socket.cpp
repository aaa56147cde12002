// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/net/socket.hpp"

namespace {

using namespace pgstride;

std::array<std::byte, 65536> scratch;

/// A listening socket of the test's own, blocking.
class Listener {
 public:
  explicit Listener(const Address& at) : fd_(::socket(at.family(), SOCK_STREAM, 0)) {
    BOOST_TEST_REQUIRE(fd_ >= 0);
    BOOST_TEST_REQUIRE(::bind(fd_, at.data(), at.size()) == 0, at.text());
    BOOST_TEST_REQUIRE(::listen(fd_, 4) == 0);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { ::close(fd_); }

  Address address() const {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    BOOST_TEST_REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &size) == 0);
    return {reinterpret_cast<const sockaddr*>(&storage), size};
  }
  int accept() const { return ::accept(fd_, nullptr, nullptr); }

 private:
  int fd_;
};

Address literal(const std::string& host, std::uint16_t port = 0) {
  const auto address = Address::from_literal(host, port);
  BOOST_TEST_REQUIRE(address.has_value(), host);
  return *address;
}

Address path(std::string_view where) {
  std::error_code error;
  const auto address = Address::from_path(where, error);
  BOOST_TEST_REQUIRE(!error, where << ": " << error.message());
  return address;
}

std::error_code connect(Socket& socket, const Address& to, const Keepalive& keepalive = {}) {
  auto error = socket.connect_start(to, keepalive);
  if (error != std::errc::operation_in_progress) return error;
  pollfd question{socket.fd(), POLLOUT, 0};
  BOOST_TEST_REQUIRE(::poll(&question, 1, 10'000) == 1);
  return socket.connect_finish();
}

int option(const Socket& socket, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  BOOST_TEST_REQUIRE(::getsockopt(socket.fd(), level, name, &value, &size) == 0);
  return value;
}

/// A connected pair over the given kind of address; ours first.
struct Connection {
  explicit Connection(const Address& at, const Keepalive& keepalive = {}) : listener(at) {
    const auto error = connect(ours, listener.address(), keepalive);
    BOOST_TEST_REQUIRE(!error, error.message());
    theirs = Socket(listener.accept());
    BOOST_TEST_REQUIRE(theirs.is_open());
  }
  Listener listener;
  Socket ours;
  Socket theirs;
};

void exchange_bytes(Connection& connection) {
  BOOST_TEST(connection.ours.read_some(scratch).would_block);
  BOOST_TEST(connection.ours.write_some(std::span(scratch).first(5)).bytes == 5U);
  pollfd question{connection.theirs.fd(), POLLIN, 0};
  BOOST_TEST_REQUIRE(::poll(&question, 1, 10'000) == 1);
  BOOST_TEST(connection.theirs.read_some(scratch).bytes == 5U);
  connection.ours.close();
  BOOST_TEST_REQUIRE(::poll(&question, 1, 10'000) == 1);
  const auto end = connection.theirs.read_some(scratch);
  BOOST_TEST(end.eof);
  BOOST_TEST(!end.error);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(net_address)

BOOST_AUTO_TEST_CASE(literals) {
  BOOST_TEST(literal("10.1.2.3", 5432).text() == "10.1.2.3:5432");
  BOOST_TEST(literal("::1", 1).text() == "[::1]:1");
  BOOST_TEST(literal("2001:db8::A", 1).text() == "[2001:db8::a]:1");
  for (const auto* name : {"", "localhost", "1.2.3.4.5", "::g", "[::1]", "a b", "/tmp"}) {
    BOOST_TEST(!Address::from_literal(name, 1).has_value(), name);
  }
  BOOST_TEST(!Address::from_literal(std::string("127.0.0.1\0x", 11), 1).has_value());
  BOOST_TEST((literal("127.0.0.1", 1) == literal("127.0.0.1", 1)));
  BOOST_TEST(!(literal("127.0.0.1", 1) == literal("127.0.0.1", 2)));
}

BOOST_AUTO_TEST_CASE(what_is_local) {
  for (const auto* host : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) {
    BOOST_TEST(literal(host).is_local(), host);
  }
  for (const auto* host : {"10.0.0.1", "0.0.0.0", "128.0.0.1", "::", "::ffff:10.0.0.1", "fe80::1"}) {
    BOOST_TEST(!literal(host).is_local(), host);
  }
  BOOST_TEST(path("/tmp/x").is_local());
  BOOST_TEST(!Address().is_local());
}

BOOST_AUTO_TEST_CASE(socket_paths) {  // NF-11
  BOOST_TEST(path("/tmp/.s.PGSQL.5432").text() == "/tmp/.s.PGSQL.5432");
  BOOST_TEST(path("/tmp/.s.PGSQL.5432").is_unix());
#ifdef __linux__
  BOOST_TEST(path("@abstract/.s.PGSQL.5432").text() == "@abstract/.s.PGSQL.5432");
#endif
  const auto room = sizeof(sockaddr_un{}.sun_path) - 1;
  const std::string longest = "/" + std::string(room - 1, 'x');
  BOOST_TEST(path(longest).text() == longest);
  std::error_code error;
  Address::from_path(longest + "x", error);
  BOOST_TEST((error == std::errc::filename_too_long));
  Address::from_path("", error);
  BOOST_TEST((error == std::errc::invalid_argument));
  Address::from_path(std::string_view("/a\0b", 4), error);
  BOOST_TEST((error == std::errc::invalid_argument));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(net_socket)

BOOST_AUTO_TEST_CASE(tcp_both_versions) {
  for (const auto* host : {"127.0.0.1", "::1"}) {
    const int probe = ::socket(literal(host).family(), SOCK_STREAM, 0);
    const auto at = literal(host);
    const bool exists = probe >= 0 && ::bind(probe, at.data(), at.size()) == 0;
    if (probe >= 0) ::close(probe);
    if (!exists) {
      BOOST_TEST_MESSAGE("this machine has no " << host);
      continue;
    }
    Connection connection(at);
    BOOST_TEST((connection.ours.peer() == connection.listener.address()));
    exchange_bytes(connection);
  }
}

BOOST_AUTO_TEST_CASE(unix_sockets) {
  std::string directory = "/tmp/pgstride-XXXXXX";
  BOOST_TEST_REQUIRE(::mkdtemp(directory.data()) != nullptr);
  const auto file = directory + "/.s.PGSQL.5432";
  {
    Connection connection(path(file));
    exchange_bytes(connection);
  }
  Socket refused;
  BOOST_TEST((connect(refused, path(file)) == std::errc::connection_refused));
  BOOST_TEST(!refused.is_open());
  ::unlink(file.c_str());
  BOOST_TEST((connect(refused, path(file)) == std::errc::no_such_file_or_directory));
  ::rmdir(directory.c_str());
}

#ifdef __linux__
BOOST_AUTO_TEST_CASE(abstract_sockets) {  // NF-11
  Connection connection(path("@pgstride-test-" + std::to_string(::getpid())));
  exchange_bytes(connection);
}
#endif

BOOST_AUTO_TEST_CASE(options_of_tcp) {  // R-T11, DT-09
  Keepalive keepalive;
  keepalive.idle = 33;
  keepalive.interval = 5;
  keepalive.count = 4;
  keepalive.user_timeout = 12'345;
  const Connection connection(literal("127.0.0.1"), keepalive);
  BOOST_TEST(option(connection.ours, IPPROTO_TCP, TCP_NODELAY) == 1);
  BOOST_TEST(option(connection.ours, SOL_SOCKET, SO_KEEPALIVE) == 1);
#ifdef __linux__
  BOOST_TEST(option(connection.ours, IPPROTO_TCP, TCP_KEEPIDLE) == 33);
  BOOST_TEST(option(connection.ours, IPPROTO_TCP, TCP_KEEPINTVL) == 5);
  BOOST_TEST(option(connection.ours, IPPROTO_TCP, TCP_KEEPCNT) == 4);
  BOOST_TEST(option(connection.ours, IPPROTO_TCP, TCP_USER_TIMEOUT) == 12'345);
#endif
  keepalive.enabled = false;
  const Connection plain(literal("127.0.0.1"), keepalive);
  BOOST_TEST(option(plain.ours, SOL_SOCKET, SO_KEEPALIVE) == 0);
}

BOOST_AUTO_TEST_CASE(flags_of_the_descriptor) {  // R-T11
  const Connection connection(literal("127.0.0.1"));
  for (const auto* socket : {&connection.ours, &connection.theirs}) {  // opened, and taken over
    BOOST_TEST((::fcntl(socket->fd(), F_GETFL) & O_NONBLOCK) != 0);
    BOOST_TEST((::fcntl(socket->fd(), F_GETFD) & FD_CLOEXEC) != 0);
  }
}

BOOST_AUTO_TEST_CASE(refused) {
  std::optional<Listener> listener(std::in_place, literal("127.0.0.1"));
  const auto address = listener->address();
  listener.reset();
  Socket socket;
  BOOST_TEST((connect(socket, address) == std::errc::connection_refused));
}

BOOST_AUTO_TEST_CASE(an_attempt_under_way_is_not_connected) {
  // As one that never began: no error pending, and no peer.
  Socket fresh(::socket(AF_INET, SOCK_STREAM, 0));
  BOOST_TEST((fresh.connect_finish() == std::errc::operation_in_progress));
}

BOOST_AUTO_TEST_CASE(a_full_socket_would_block) {
  Connection connection(literal("127.0.0.1"));
  std::size_t sent = 0;
  while (true) {
    const auto result = connection.ours.write_some(scratch);
    sent += result.bytes;
    BOOST_TEST_REQUIRE(!result.error);
    if (result.would_block) break;
    BOOST_TEST_REQUIRE(result.bytes > 0U);
  }
  BOOST_TEST(sent > 0U);
}

BOOST_AUTO_TEST_CASE(writing_to_a_dead_peer_is_an_error_not_a_signal) {  // R-T11
  BOOST_TEST_REQUIRE((std::signal(SIGPIPE, SIG_DFL) != SIG_ERR));        // it would end this program
  int fds[2];
  BOOST_TEST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  Socket ours(fds[0]);
  Socket(fds[1]).close();
  BOOST_TEST((ours.write_some(scratch).error == EPIPE));
}

BOOST_AUTO_TEST_CASE(a_reset_is_an_error) {
  Connection connection(literal("127.0.0.1"));
  const linger at_once{1, 0};
  ::setsockopt(connection.theirs.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  connection.theirs.close();
  pollfd question{connection.ours.fd(), POLLIN, 0};
  BOOST_TEST_REQUIRE(::poll(&question, 1, 10'000) == 1);
  BOOST_TEST((connection.ours.read_some(scratch).error == ECONNRESET));
}

BOOST_AUTO_TEST_CASE(one_owner) {
  Connection connection(literal("127.0.0.1"));
  const int fd = connection.ours.fd();
  Socket moved(std::move(connection.ours));
  BOOST_TEST(moved.fd() == fd);
  BOOST_TEST(!connection.ours.is_open());
  connection.theirs = std::move(moved);  // closes the one it had
  BOOST_TEST(connection.theirs.fd() == fd);
  auto& same = connection.theirs;
  connection.theirs = std::move(same);
  BOOST_TEST(connection.theirs.fd() == fd);
  connection.theirs.close();
  BOOST_TEST(::fcntl(fd, F_GETFD) == -1);
}

BOOST_AUTO_TEST_CASE(nothing_to_read_into_or_write) {
  Connection connection(literal("127.0.0.1"));
  connection.theirs.close();
  const auto result = connection.ours.read_some({});
  BOOST_TEST(!result.eof);  // not taken for the end of the stream
  BOOST_TEST(connection.ours.write_some({}).bytes == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
