// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A channel that has logged in, on a fake loop, with its server in the test's hands.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/channel.hpp"
#include "pgstride/protocol/operations/simple_query.hpp"
#include "pgstride/protocol/operations/startup.hpp"

#include "tests/support/backend_writer.hpp"
#include "tests/support/fake_loop.hpp"
#include "tests/support/scripted_server.hpp"

namespace pgstride::test {

/// One simple query and what became of it.
class Request final : public SimpleQuery, ResultSink {
 public:
  /// `sql` outlives the request.
  explicit Request(std::string_view sql) : SimpleQuery(sql, this) {}
  template <std::same_as<std::string> Temporary>
  explicit Request(Temporary&&) = delete;

  /// "[1] [2] SELECT 2", or "57014 canceling", or "timed out".
  std::string outcome() const {
    const Failure* f = failure();
    if (!f) return heard_;
    return f->code == Errc::server_error ? std::string(f->server->sqlstate()) : f->code.message();
  }
  std::size_t rows = 0;
  int ended = 0;
  std::function<void()> on_end;

 private:
  bool on_row(DataRow row) override {
    ++rows;
    if (rows < 10) heard_.append("[").append(as_text(row.next().bytes)).append("] ");
    return true;
  }
  void on_complete(CommandTag tag) override { heard_ += tag.text(); }
  void on_done() noexcept override {
    ++ended;
    if (on_end) on_end();
  }

  std::string heard_;
};

/// The whole answer to a query with one row.
inline std::string answer(std::string_view value, char status = 'I') {
  return row_description({"x"}) + data_row({value}) + command_complete("SELECT 1") + ready_for_query(status);
}

class OpenChannel : ChannelEvents {
 public:
  explicit OpenChannel(std::string_view key = "abcd", Duration cancel_grace = std::chrono::seconds(5)) {
    Wire wire;
    server = std::move(wire.far);
    ChannelOptions how;
    how.cancel_grace = cancel_grace;
    channel = std::make_unique<Channel>(loop, std::move(wire.near), cancels.address(), how);
    channel->set_events(this);
    StartupOptions options;
    options.user = options.database = "me";
    Login login(options);
    BOOST_REQUIRE(channel->submit(login));
    channel->flush();
    BOOST_TEST(server.hears().starts_with("Startup(3.0: user=me, database=me"));
    server.says(authentication(0));
    if (!key.empty()) {
      server.says(backend_key_data(7, key));
      CancelKey known;
      known.pid = 7;
      known.key = Secret(std::string(key));
      channel->set_cancel_key(std::move(known));
    }
    server.says(ready_for_query());
    loop.run_until_idle();
    BOOST_REQUIRE(!login.pending());
  }

  /// Submits and sends.
  void ask(Request& request, Duration timeout = Duration::max()) {
    BOOST_REQUIRE(channel->submit(request, timeout == Duration::max() ? never : loop.now() + timeout));
    channel->flush();
  }
  void check_usable() {
    Request probe("select 'probe'");
    ask(probe);
    BOOST_TEST(server.hears() == "Query(select 'probe')");
    server.says(answer("probe"));
    loop.run_until_idle();
    BOOST_TEST(probe.outcome() == "[probe] SELECT 1");
  }

  FakeLoop loop;
  ScriptedServer cancels;  // where cancel requests go
  Peer server;
  std::unique_ptr<Channel> channel;
  int closed = 0;

 private:
  class Login final : public Startup {
   public:
    explicit Login(const StartupOptions& options) : Startup(options) {}

   private:
    void on_derivation(Derivation) override {}
    void on_gss(std::string) override {}
    void on_done() noexcept override {}
  };

  void on_closed() noexcept override { ++closed; }
};

}  // namespace pgstride::test
