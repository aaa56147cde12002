// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// One allocation fails, each in turn, in what lies between the coroutine and the socket: an error of that request,
// or the end of the connection; nobody waits for ever, nothing leaks, the pool goes on (R-M8, LK-7, DT-22).
#include <algorithm>
#include <deque>
#include <exception>
#include <functional>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/loop/uv.hpp"
#include "pgstride/driver/pgstride.hpp"

#include "tests/support/call.hpp"
#include "tests/support/login.hpp"
#include "tests/support/pooling.hpp"
#include "tests/support/scarce_loop.hpp"
#include "tests/support/scram_server.hpp"
#include "tests/support/tls_server.hpp"

namespace pgstride::test {
namespace {

using namespace std::string_literals;

/// Looks away: it is the telling that may need memory.
struct Bystander final : Observer {};

void demand(bool holds) {
  if (!holds) throw std::logic_error("somebody was told something wrong");
}

Task<> asks(Connection& connection, std::string what) {
  const Result result = co_await connection.query("select $1", what);
  demand(result.value<std::string>() == what);
}

/// A connection on which something has failed is over, or as good as new.
Task<> goes_on(Connection& connection) {
  if (!connection.is_open()) co_return;
  co_await asks(connection, "the next question");
}

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

/// Servers that greet everybody.
struct Open : Pooling {
  ConnectOptions connect_options() { return pool_options(1).connect; }
  PoolOptions pool_options(std::size_t max_size) {
    PoolOptions with = options(max_size);
    with.connect.observer = &bystander;
    return with;
  }

  Bystander bystander;
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

/// Clients for whom one allocation fails.
template <class Servers>
struct Shortage : Servers {
  explicit Shortage(long nth) : one(nth) {}

  /// Begins what make() makes: a Task<>.
  template <class Make>
  void begin(Make make) {
    try {
      one.counting([&] {
        Task<>& life = lives.emplace_back(make());
        life.start();
      });
    } catch (const std::bad_alloc&) {
      // Whoever wanted to begin it knows.
    }
  }
  /// Until all that has begun is over. `bound_to_succeed`: memory has run out before, and does so only once.
  void live(bool bound_to_succeed = false) {
    for (int seconds = 0; seconds < 200 && !is_all_over(); ++seconds) {
      try {
        this->pass(1s);
      } catch (const std::runtime_error&) {
        // A server was speaking to somebody who had just gone.
      }
    }
    for (Task<>& life : lives) {
      BOOST_TEST_REQUIRE(life.done(), "somebody waits for ever");
      const std::string trouble = end_of(life);
      BOOST_TEST((trouble.empty() || (one.happened() && !bound_to_succeed)), trouble);
    }
    lives.clear();
  }

  OneFails one;
  ScarceLoop scarce{this->loop, one};
  std::deque<Task<>> lives;

 private:
  bool is_all_over() const {
    return std::all_of(lives.begin(), lives.end(), [](const Task<>& life) { return life.done(); });
  }
  static std::string end_of(Task<>& life) {
    try {
      life.take();
    } catch (const Error& e) {
      return e.what();
    } catch (const std::bad_alloc& e) {
      return e.what();
    }
    return "";
  }
};

/// Lives with every allocation failing, one by one.
template <class Servers>
void run_out(const std::function<void(Shortage<Servers>&)>& life) {
  for (long nth = 1;; ++nth) {
    BOOST_TEST_CONTEXT("allocation " << nth) {
      BOOST_REQUIRE(nth < 5000);
      Shortage<Servers> world(nth);
      life(world);
      if (!world.one.happened()) return;
    }
  }
}

/// One connection, used by `use`, whatever became of which it goes on.
using Use = Task<> (*)(Connection&);
Task<> connects(Loop& loop, ConnectOptions options, Use use) {
  Connection connection = co_await connect(loop, std::move(options));
  std::exception_ptr thrown;
  try {
    Task<> using_it = use(connection);
    co_await using_it;
  } catch (...) {
    thrown = std::current_exception();
  }
  co_await goes_on(connection);
  co_await connection.close();
  if (thrown) std::rethrow_exception(thrown);
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

void run_out_while(Use use) {
  run_out<Open>([use](Shortage<Open>& world) {
    world.begin([&] { return connects(world.scarce, world.connect_options(), use); });
    world.live();
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(driver_out_of_memory)

BOOST_AUTO_TEST_CASE(queries) {
  run_out_while([](Connection& connection) -> Task<> {
    auto first = connection.query("select $1", "first"s);
    auto second = connection.query_script("select 'a script whose text is longer than short strings are'");
    const Result result = co_await first;
    const std::vector<Result> results = co_await second;
    demand(result.value<std::string>() == "first" && results.size() == 1);
  });
}

BOOST_AUTO_TEST_CASE(errors_of_the_server) {
  run_out_while([](Connection& connection) -> Task<> {
    std::string sqlstate;
    try {
      co_await connection.execute("fail");
    } catch (const ServerException& e) {
      sqlstate = e.sqlstate();
    }
    demand(sqlstate == "22012");
  });
}

BOOST_AUTO_TEST_CASE(transactions) {
  run_out_while([](Connection& connection) -> Task<> {
    Transaction transaction = co_await connection.begin();
    co_await asks(connection, "inside");
    co_await transaction.commit();
  });
}

BOOST_AUTO_TEST_CASE(copying_in) {
  run_out_while([](Connection& connection) -> Task<> {
    CopyInStream stream = co_await connection.copy_in("copy in");
    co_await stream.write("a line of some length, so that it is no short string\n");
    co_await stream.write(std::string(100'000, 'x'));
    const Completion completion = co_await stream.finish();
    demand(completion.tag() == "COPY 1");
  });
}

BOOST_AUTO_TEST_CASE(copying_out) {
  run_out_while([](Connection& connection) -> Task<> {
    CopyOutStream stream = co_await connection.copy_out("copy out");
    std::string all;
    for (const Bytes* data = co_await stream.next(); data != nullptr; data = co_await stream.next())
      all += as_text(*data);
    demand(all == "copy outcopy out");
  });
}

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

BOOST_AUTO_TEST_CASE(pools) {
  run_out<Open>([](Shortage<Open>& world) {
    std::optional<Pool> pool;
    try {
      world.one.counting([&] { pool.emplace(world.scarce, world.pool_options(2)); });
    } catch (const std::bad_alloc&) {
      return;
    }
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
    const auto attempt = [&](auto step) {
      try {
        one.counting(step);
      } catch (const std::bad_alloc&) {
        BOOST_TEST(one.happened());
      }
    };
    const Wire wire;
    std::optional<UvLoop> loop;
    Call nobody;
    std::unique_ptr<Watch> watch;
    std::unique_ptr<Timer> timer;
    std::string log;
    std::unique_ptr<Job> posted = call([&] { log += 'p'; }), offloaded = call([&] { log += 'o'; });
    attempt([&] { loop.emplace(); });
    if (!loop) continue;
    attempt([&] { watch = loop->watch(wire.near.fd(), nobody); });
    attempt([&] { timer = loop->timer(nobody); });
    attempt([&] { loop->post(std::move(posted)); });
    attempt([&] { loop->offload(std::move(offloaded)); });
    loop->run();  // has an end, and nothing is left behind
    is_over = !one.happened();
    if (is_over) BOOST_TEST((watch && timer && log.size() == 2));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
