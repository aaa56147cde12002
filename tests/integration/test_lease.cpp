// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <utility>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

BOOST_FIXTURE_TEST_SUITE(lease, Database)

// The connection may be somebody else's by then.
BOOST_AUTO_TEST_CASE(one_that_has_ended_knows_no_connection) {
  Pool pool(loop, PoolOptions(server_options()));
  const auto body = [](Pool& from) -> Task<> {
    Lease first = co_await from.acquire();
    Lease second = co_await from.acquire();
    Connection* lent = second.operator->();
    Lease moved = std::move(second);
    BOOST_TEST(second.operator->() == nullptr);
    BOOST_TEST(moved.operator->() == lent);
    first.release();
    moved.discard();
    BOOST_TEST(first.operator->() == nullptr);
    BOOST_TEST(moved.operator->() == nullptr);
  };
  run(loop, body(pool));
}

// They would be in the next user's transaction, and a destructor would end that.
BOOST_AUTO_TEST_CASE(what_was_made_from_it_ends_with_it) {
  PoolOptions options(server_options());
  options.limits.max_size = 1;
  Pool pool(loop, options);
  const auto body = [](Pool& from) -> Task<> {
    Acquire acquire = from.acquire();
    Lease first = co_await acquire;
    const std::int32_t pid = first->backend_pid();
    Begin begin = first->begin();
    std::optional<Transaction> old(co_await begin);
    Begin never_taken = old->savepoint();
    Prepared prepared = co_await first->prepare("select 1");
    Batch batch = first->batch();
    first.release();

    Acquire next = from.acquire();
    Lease second = co_await next;
    BOOST_TEST(second->backend_pid() == pid);
    Begin again = second->begin();
    Transaction current = co_await again;
    BOOST_TEST(!old->is_open());
    const auto is_refused = [](auto&& use) {
      try {
        use();
      } catch (const Error& e) {
        return e.code() == Errc::connection_closed;
      }
      return false;
    };
    BOOST_TEST(is_refused([&] { (void)old->commit(); }));
    BOOST_TEST(is_refused([&] { (void)prepared.query(); }));
    BOOST_TEST(is_refused([&] { batch.add("select 1"); }));
    old.reset();
    co_await second->execute("create temp table kept (x int) on commit drop");
    BOOST_TEST((second->transaction_status() == TransactionStatus::in_block));
    co_await current.commit();
  };
  run(loop, body(pool));
}

BOOST_AUTO_TEST_SUITE_END()
