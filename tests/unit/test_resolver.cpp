// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/loop/uv.hpp"
#include "pgstride/driver/net/resolver.hpp"

#include "tests/support/fake_loop.hpp"

namespace {

using namespace pgstride;
using test::FakeLoop;

struct Answer final : ResolveHandler {
  void on_resolved(std::vector<Address> found, Failure why) noexcept override {
    ++calls;
    addresses = std::move(found);
    failure = std::move(why);
    if (drop != nullptr) drop->reset();
  }

  int calls = 0;
  std::vector<Address> addresses;
  Failure failure;
  std::unique_ptr<Resolver>* drop = nullptr;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(resolver)

BOOST_AUTO_TEST_CASE(a_literal_needs_no_helper_thread) {
  FakeLoop loop;
  loop.hold_offloaded();
  Answer answer;
  Resolver resolver(loop);
  resolver.resolve("::1", 5433, answer);
  BOOST_TEST(loop.offloaded() == 0U);
  BOOST_TEST(answer.calls == 0);  // never from inside the call
  loop.run_until_idle();
  BOOST_TEST(answer.calls == 1);
  BOOST_TEST(!answer.failure.code);
  BOOST_TEST_REQUIRE(answer.addresses.size() == 1U);
  BOOST_TEST(answer.addresses[0].text() == "[::1]:5433");
}

BOOST_AUTO_TEST_CASE(a_name_is_offloaded) {  // NF-10
  FakeLoop loop;
  Answer answer;
  Resolver resolver(loop);
  resolver.resolve("localhost", 5433, answer);
  BOOST_TEST(loop.offloaded() == 1U);
  loop.run_until_idle();
  BOOST_TEST(answer.calls == 1);
  BOOST_TEST_REQUIRE(!answer.addresses.empty(), answer.failure.detail);
  for (const auto& address : answer.addresses) {
    BOOST_TEST(address.is_local());
    BOOST_TEST(address.text().ends_with(":5433"));
  }
}

BOOST_AUTO_TEST_CASE(a_failure) {  // NF-10
  FakeLoop loop;
  Answer answer;
  Resolver resolver(loop);
  resolver.resolve("no such host", 5432, answer);  // blanks: refused without asking anybody
  loop.run_until_idle();
  BOOST_TEST(answer.addresses.empty());
  BOOST_TEST((answer.failure.code == Errc::host_not_found));
  BOOST_TEST(answer.failure.detail != "");

  resolver.resolve(std::string("localhost\0.evil", 15), 5432, answer);
  loop.run_until_idle();
  BOOST_TEST(answer.calls == 2);
  BOOST_TEST((answer.failure.code == Errc::host_not_found));
}

BOOST_AUTO_TEST_CASE(destroying_it_forgets_the_lookup) {
  FakeLoop loop;
  Answer answer;
  {
    Resolver resolver(loop);
    resolver.resolve("localhost", 1, answer);
  }
  {
    Resolver resolver(loop);
    resolver.resolve("127.0.0.1", 1, answer);
  }
  BOOST_TEST(loop.offloaded() == 1U);
  loop.run_until_idle();
  BOOST_TEST(answer.calls == 0);
}

BOOST_AUTO_TEST_CASE(a_second_lookup_replaces_the_first) {
  FakeLoop loop;
  Answer first;
  Answer second;
  Resolver resolver(loop);
  resolver.resolve("localhost", 1, first);
  resolver.resolve("127.0.0.1", 2, second);
  loop.run_until_idle();
  BOOST_TEST(first.calls == 0);
  BOOST_TEST(second.calls == 1);
  resolver.resolve("127.0.0.1", 3, second);  // and it can be used again
  loop.run_until_idle();
  BOOST_TEST(second.calls == 2);
}

BOOST_AUTO_TEST_CASE(the_handler_may_destroy_it) {
  FakeLoop loop;
  Answer answer;
  auto resolver = std::make_unique<Resolver>(loop);
  answer.drop = &resolver;
  resolver->resolve("127.0.0.1", 1, answer);
  loop.run_until_idle();
  BOOST_TEST(answer.calls == 1);
  BOOST_TEST(resolver == nullptr);
}

BOOST_AUTO_TEST_CASE(a_loop_that_drops_the_job_leaves_it_usable) {
  Answer answer;
  auto loop = std::make_unique<FakeLoop>();
  Resolver resolver(*loop);
  loop->hold_offloaded();
  resolver.resolve("localhost", 1, answer);
  loop.reset();
  resolver.cancel();
  BOOST_TEST(answer.calls == 0);
}

BOOST_AUTO_TEST_CASE(on_real_threads) {
  UvLoop loop;
  Answer kept;
  Answer dropped;
  Resolver resolver(loop);
  std::optional<Resolver> gone(std::in_place, loop);
  resolver.resolve("localhost", 1, kept);
  gone->resolve("localhost", 2, dropped);
  gone.reset();
  loop.run();
  BOOST_TEST(kept.calls == 1);
  BOOST_TEST(!kept.addresses.empty());
  BOOST_TEST(dropped.calls == 0);
}

BOOST_AUTO_TEST_SUITE_END()
