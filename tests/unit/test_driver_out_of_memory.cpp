// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Memory runs out while connections are made, lost, cancelled and shared: an error of whoever wanted one, or the end
// of one; nobody waits for ever, nothing leaks, the pool goes on (R-M8, LK-7, DT-22).
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/listen.hpp"
#include "pgstride/driver/loop/uv.hpp"

#include "tests/support/call.hpp"
#include "tests/support/login.hpp"
#include "tests/support/scram_server.hpp"
#include "tests/support/shortage.hpp"
#include "tests/support/tls_server.hpp"

namespace pgstride::test {
namespace {

/// A server that encrypts, and asks for a password.
class Gate {
 public:
  Gate(Peer caller, const SelfSigned& identity) : peer_(std::move(caller)), tls_(identity) {}

  /// False: nothing was heard.
  bool serve() {
    const std::string bytes = peer_.takes();
    if (bytes.empty()) return false;
    if (!std::exchange(asked_for_tls_, true)) return peer_.says("S"), true;
    peer_.says(tls_.hears(bytes));
    const std::string plain = tls_.takes();
    if (!plain.empty()) peer_.says(tls_.says(answer(plain)));
    return true;
  }

 private:
  std::string answer(const std::string& plain) {
    switch (++heard_) {
      case 1: return sasl({"SCRAM-SHA-256"});
      case 2: return authentication(11, scram_.first(plain.substr(plain.find("n,,"))));
      case 3: return authentication(12, scram_.final(plain.substr(5))) + authentication(0) + welcome();
      default:
        if (!plain.starts_with('X')) mind_.hear(as_bytes(plain));
    }
    return std::exchange(mind_.said, {});
  }

  Peer peer_;
  TlsServer tls_;
  ScramServer scram_{"pencil", "salty", 4096};
  HonestServer mind_;
  bool asked_for_tls_ = false;
  int heard_ = 0;
};

/// Servers behind gates.
struct Gated {
  ConnectOptions connect_options() {
    ConnectOptions with;
    with.hosts.emplace_back("127.0.0.1", server.port());
    with.user = "me";
    with.password = Secret("pencil"s);
    with.tls.mode = SslMode::verify_full;
    with.tls.root_certificate = identity().file();
    with.tls.certificate_mode = SslCertMode::disable;
    with.channel_binding = BindingPolicy::disable;
    return with;
  }
  void pass(Duration time) {
    for (bool busy = true; std::exchange(busy, false);) {
      loop.run_until_idle();
      for (; server.is_called(); busy = true) gates.emplace_back(server.accepts(), identity());
      for (Gate& gate : gates) busy = gate.serve() || busy;
    }
    loop.advance(time);
  }

  FakeLoop loop;
  ScriptedServer server;
  std::deque<Gate> gates;

 private:
  static const SelfSigned& identity() {
    static const SelfSigned made("", {{AlternativeName::ip, "\x7f\0\0\x01"s}});
    return made;
  }
};

/// Servers that ask for a Kerberos ticket, and like none.
struct Kerberized {
  ConnectOptions connect_options() {
    ConnectOptions with;
    with.hosts.emplace_back("127.0.0.1", server.port());
    with.user = "me";
    with.tls.mode = SslMode::disable;
    return with;
  }
  void pass(Duration time) {
    for (bool busy = true; std::exchange(busy, false);) {
      loop.run_until_idle();
      for (; server.is_called(); busy = true) peers.push_back(server.accepts());
      for (Peer& peer : peers) {
        const std::string bytes = peer.takes();
        if (!bytes.empty()) peer.says(bytes.starts_with('p') ? error_response("28000") : authentication(7));
        busy = busy || !bytes.empty();
      }
    }
    loop.advance(time);
  }

  FakeLoop loop;
  ScriptedServer server;
  std::deque<Peer> peers;
};

Task<> is_refused(Loop& loop, ConnectOptions options) {
  try {
    Task<Connection> connecting = connect(loop, std::move(options));
    (void)co_await connecting;
    demand(false);
  } catch (const Error& e) {
    if (e.code() == std::errc::not_enough_memory) throw;
  }
}

/// Servers that notify whoever came last, again and again.
struct Notifying : Open {
  void pass(Duration time) {
    Open::pass(time);
    if (!backends.empty()) backends.back().peer.says(notification(7, "jobs", payload));
  }
  static constexpr std::string_view payload = "a payload that is longer than short strings are";
};

Task<> listens(Loop& loop, ConnectOptions options) {
  auto events = listen(loop, std::move(options), {"jobs"});
  const ListenEvent* event = co_await events.next();
  demand(event->kind == ListenEvent::Kind::listening);
  while (event->kind != ListenEvent::Kind::notification) event = co_await events.next();
  demand(event->payload == Notifying::payload);
}

Task<> nothing(Connection&) { co_return; }

Task<> is_late(Loop& loop, ConnectOptions options) {
  Connection connection = co_await connect(loop, std::move(options));
  co_await sleep(loop, 1s);
  try {
    co_await connection.execute("sleep").timeout(2s);
  } catch (const Error& e) {
    if (e.code() != Errc::timed_out) throw;
  }
  co_await sleep(loop, 10s);  // what is cancelled ends, or the connection does
  demand(!connection.is_open());
}

Task<> opens(Loop& loop, ConnectOptions options, Connection& connection) {
  connection = co_await connect(loop, std::move(options));
}

Task<> is_left(Connection& connection) {
  try {
    co_await connection.execute("what nobody answers");
    demand(false);
  } catch (const Error& e) {
    if (e.code() != Errc::connection_closed) throw;
  }
}

/// First a request of the pool itself, then a connection of its own, not given back as it was got.
Task<> borrows(Pool& pool) {
  const Result result = co_await pool.query("select $1", "mine"s);
  demand(result.value<std::string>() == "mine");
  Lease lease = co_await pool.acquire();
  co_await lease->execute("begin");
  co_await asks(*lease, "mine, too");
}

Task<> closes(Pool& pool) {
  const std::vector<Loan> left = co_await pool.close();
  demand(left.empty());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(driver_out_of_memory)

// The server does not answer in time: a cancel request goes out on a connection of its own.
BOOST_AUTO_TEST_CASE(deadlines) {
  run_out<Open>([](Shortage<Open>& world) {
    world.begin([&] { return is_late(world.scarce, world.connect_options()); });
    world.settle();
    for (Backend& backend : world.backends) backend.mute = true;
    world.live();
  });
}

BOOST_AUTO_TEST_CASE(connections_that_end_under_those_who_wait) {
  run_out<Open>([](Shortage<Open>& world) {
    Connection shared;
    world.begin([&] { return opens(world.scarce, world.connect_options(), shared); });
    world.live();
    if (!shared.is_open()) return;
    world.backends[0].mute = true;
    world.begin([&] { return is_left(shared); });
    world.settle();
    world.one.counting([&] { Connection gone = std::move(shared); });
    world.live();
  });
}

BOOST_AUTO_TEST_CASE(logging_in_by_scram_under_tls) {
  run_out<Gated>([](Shortage<Gated>& world) {
    world.begin([&] { return connects(world.scarce, world.connect_options(), nothing); });
    world.live();
  });
}

BOOST_AUTO_TEST_CASE(logging_in_by_kerberos) {
  run_out<Kerberized>([](Shortage<Kerberized>& world) {
    world.begin([&] { return is_refused(world.scarce, world.connect_options()); });
    world.live();
  });
}

BOOST_AUTO_TEST_CASE(listening) {
  run_out<Notifying>([](Shortage<Notifying>& world) {
    world.begin([&] { return listens(world.scarce, world.connect_options()); });
    world.live();
  });
}

BOOST_AUTO_TEST_CASE(pools) {
  run_out<Open>([](Shortage<Open>& world) {
    std::optional<Pool> pool;
    if (!world.one.attempt([&] { pool.emplace(world.scarce, world.pool_options(2)); })) return;
    for (int i = 0; i < 3; ++i) world.begin([&] { return borrows(*pool); });
    world.live();
    const bool is_behind = world.one.happened();
    world.begin([&] { return borrows(*pool); });
    world.live(is_behind);
    world.begin([&] { return closes(*pool); });
    world.live();
    world.one.counting([&] { pool.reset(); });
  });
}

BOOST_AUTO_TEST_CASE(what_the_libuv_loop_is_asked_for) {
  bool is_over = false;
  for (long nth = 1; !is_over; ++nth) {
    OneFails one(nth);
    const Wire wire;
    std::optional<UvLoop> loop;
    Call nobody;
    std::unique_ptr<Watch> watch;
    std::unique_ptr<Timer> timer;
    std::string log;
    std::unique_ptr<Job> posted = call([&] { log += 'p'; }), offloaded = call([&] { log += 'o'; });
    one.attempt([&] { loop.emplace(); });
    if (!loop) continue;
    one.attempt([&] { watch = loop->watch(wire.near.fd(), nobody); });
    one.attempt([&] { timer = loop->timer(nobody); });
    one.attempt([&] { loop->post(std::move(posted)); });
    one.attempt([&] { loop->offload(std::move(offloaded)); });
    loop->run();  // has an end, and nothing is left behind
    is_over = !one.happened();
    if (is_over) BOOST_TEST((watch && timer && log.size() == 2));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
