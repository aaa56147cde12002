// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A pool on a fake loop, and the servers behind it.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/pool.hpp"

#include "tests/support/fake_loop.hpp"
#include "tests/support/honest_server.hpp"
#include "tests/support/scripted_server.hpp"

namespace pgstride::test {

using namespace std::chrono_literals;

/// What an observer hears of a pool.
struct Diary final : Observer {
  void on_connect(const Connect& event) noexcept override {
    notes.push_back(event.failure ? "connect failed" : "connected " + std::to_string(event.backend_pid));
  }
  void on_acquire(const Acquire& event) noexcept override {
    notes.push_back(event.failure ? "refused: " + event.failure->code.message() : "acquired");
    waited = event.waited;
  }
  void on_evict(const Evict& event) noexcept override {
    notes.push_back(std::to_string(event.backend_pid) + " " + std::string(event.reason));
  }
  std::vector<std::string> take() { return std::exchange(notes, {}); }

  std::vector<std::string> notes;
  Duration waited{};
};
using Notes = std::vector<std::string>;

inline Task<> hold(Pool& pool, Lease& lease) { lease = co_await pool.acquire(); }

/// A server process, which numbers itself from 1.
struct Backend {
  Peer peer;
  HonestServer mind{};
  bool mute = false;
  bool left = false;
  std::string heard{};
};

struct Pooling {
  FakeLoop loop;
  ScriptedServer server;
  std::deque<Backend> backends;
  bool is_down = false;  // whoever comes is sent away
  int sent_away = 0;
  Diary diary;
  std::optional<Pool> pool;

  PoolOptions options(std::size_t max_size = 1) {
    ConnectOptions connect;
    connect.hosts.emplace_back("127.0.0.1", server.port());
    connect.user = "me";
    connect.tls.mode = SslMode::disable;
    connect.observer = &diary;
    PoolOptions result(connect);
    result.limits.max_size = max_size;
    return result;
  }
  Pool& open(PoolOptions with) {
    pool.emplace(loop, std::move(with));
    settle();
    return *pool;
  }

  /// Until nobody has anything to say; time stands still.
  void settle() {
    for (bool busy = true; std::exchange(busy, false);) {
      loop.run_until_idle();
      for (; server.is_called(); busy = true) welcome();
      for (Backend& backend : backends) busy = serve(backend) || busy;
    }
  }
  void pass(Duration time) {
    for (const TimePoint end = loop.now() + time; loop.now() < end;) {
      loop.advance(std::min<Duration>(end - loop.now(), 1s));
      settle();
    }
  }

 private:
  void welcome() {
    Peer caller = server.accepts();
    if (is_down) {
      ++sent_away;
      return;
    }
    loop.run_until_idle();
    if (!caller.hears().starts_with("Startup")) return;  // a cancel request, maybe given up
    Backend& fresh = backends.emplace_back(Backend{std::move(caller)});
    fresh.peer.says(authentication(0), backend_key_data(static_cast<std::int32_t>(backends.size()), "abcd"),
                    ready_for_query());
  }
  bool serve(Backend& backend) {
    std::string bytes = backend.peer.takes();
    if (bytes.empty()) return false;
    backend.left = bytes.starts_with('X');
    if (backend.left || backend.mute) return false;
    backend.heard = bytes;
    backend.mind.hear(as_bytes(bytes));
    backend.peer.says(std::exchange(backend.mind.said, {}));
    return true;
  }
};

}  // namespace pgstride::test
