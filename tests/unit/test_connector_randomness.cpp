// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A system without randomness: statements would be called alike on all connections, so there is none.
#define OPENSSL_SUPPRESS_DEPRECATED  // libcrypto's own generator cannot be made to fail otherwise
#include <memory>

#include <boost/test/unit_test.hpp>
#include <openssl/rand.h>

#include "pgstride/driver/connector.hpp"

#include "tests/support/fake_loop.hpp"
#include "tests/support/scripted_server.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

struct NoRandomness {
  NoRandomness() { RAND_set_rand_method(&nothing); }
  NoRandomness(const NoRandomness&) = delete;
  NoRandomness& operator=(const NoRandomness&) = delete;
  ~NoRandomness() { RAND_set_rand_method(usual); }

  const RAND_METHOD* usual = RAND_get_rand_method();
  RAND_METHOD nothing{nullptr, [](unsigned char*, int) { return 0; }, nullptr, nullptr, nullptr, nullptr};
};

struct Caller final : ConnectHandler {
  void on_connected(std::unique_ptr<Channel>) noexcept override { ++connected; }
  void on_connect_failed(Failure why) noexcept override { failure = std::move(why); }

  int connected = 0;
  Failure failure;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(connector_randomness)

BOOST_AUTO_TEST_CASE(no_connection_without_it) {  // R-Q2
  FakeLoop loop;
  ScriptedServer server;
  Caller caller;
  ConnectOptions options;
  options.hosts.emplace_back("127.0.0.1", server.port());
  options.user = "me";
  options.tls.mode = SslMode::disable;
  OptionError error;
  BOOST_REQUIRE(options.complete(error));
  const NoRandomness none;
  Connector connector(loop, options, caller);
  connector.start();
  loop.run_until_idle();
  BOOST_TEST((caller.failure.code == Errc::authentication_failed));
  BOOST_TEST(caller.failure.detail.ends_with("the system has no randomness to give"));
  BOOST_TEST(!server.is_called());
}

BOOST_AUTO_TEST_SUITE_END()
