// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Destructors undo what was left open, also when there is no memory for saying so (R-M8, DT-22).
#include <memory>
#include <optional>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/connection.hpp"

#include "tests/support/failing_allocations.hpp"
#include "tests/support/open_channel.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

/// An argument that ends a transaction while it is encoded.
struct LastWord {
  std::optional<Transaction>* block;
};
/// One that undoes it.
struct Undoing {
  Transaction* savepoint;
};

}  // namespace

template <>
struct pgstride::Codec<LastWord> : pgstride::BinaryType<pgstride::oid::int4> {
  static void encode(const LastWord& word, WriteBuffer& out) {
    word.block->reset();
    out.u32(0);
  }
};
template <>
struct pgstride::Codec<Undoing> : pgstride::BinaryType<pgstride::oid::int4> {
  static void encode(const Undoing& undoing, WriteBuffer& out) {
    End refused = undoing.savepoint->rollback();
    out.u32(0);
  }
};

namespace {

Task<> begins(Connection& connection, std::optional<Transaction>& block, std::optional<Transaction>& inner) {
  Transaction transaction = co_await connection.begin();
  block.emplace(std::move(transaction));
  Transaction savepoint = co_await block->savepoint();
  inner.emplace(std::move(savepoint));
}
Task<> fetches(Cursor& cursor) { co_await cursor.next(); }

struct Opened : OpenChannel {
  Opened() : connection(std::move(channel)) {}

  void check_usable() {
    auto asking = [](Connection& c) -> Task<> { co_await c.query_script("select 'probe'"); }(connection);
    asking.start();
    server.says(answer("probe"));
    loop.run_until_idle();
    BOOST_TEST(asking.done());
  }
  /// Ends something with its first allocation failing. Whether there was one.
  template <class End>
  bool runs_out(End end) {
    OneFails one(1);
    one.counting(end);
    BOOST_TEST(connection.is_open() == !one.happened());
    if (one.happened()) {
      BOOST_TEST((connection.channel().session().failure()->code == std::errc::not_enough_memory));
    }
    return one.happened();
  }

  Connection connection;
};

// The queue of requests needs memory every now and then.
constexpr int requests = 40;

void begin_both(Opened& world, std::optional<Transaction>& block, std::optional<Transaction>& inner) {
  Task<> task = begins(world.connection, block, inner);
  task.start();
  for (const char* tag : {"BEGIN", "SAVEPOINT"}) {
    world.server.says(command_complete(tag), ready_for_query('T'));
    world.loop.run_until_idle();
  }
  BOOST_REQUIRE(inner);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(unattended)

BOOST_AUTO_TEST_CASE(transactions) {
  int failed = 0;
  for (int before = 0; before < requests; ++before) {
    Opened world;
    for (int i = 0; i < before; ++i) world.check_usable();
    std::optional<Transaction> block, inner;
    begin_both(world, block, inner);
    if (world.runs_out([&] { inner.reset(); })) {
      ++failed;
    } else {
      failed += world.runs_out([&] { block.reset(); }) ? 1 : 0;
    }
  }
  BOOST_TEST(failed > 0);
}

BOOST_AUTO_TEST_CASE(transactions_that_end_in_the_middle_of_a_request) {
  Opened world;
  std::optional<Transaction> block, inner;
  begin_both(world, block, inner);
  inner.reset();
  Query query = world.connection.query("select $1", LastWord{&block});
  BOOST_TEST(!block);
  BOOST_TEST(query.failure());
  BOOST_TEST(!world.connection.is_open());  // there would still be a transaction
}

// What was done there must not stay.
BOOST_AUTO_TEST_CASE(a_savepoint_whose_end_was_refused_is_open_still) {
  Opened world;
  std::optional<Transaction> block, inner;
  begin_both(world, block, inner);
  { Query query = world.connection.query("select $1", Undoing{&*inner}); }
  BOOST_TEST(inner->is_open());
}

BOOST_AUTO_TEST_CASE(cursors) {
  int failed = 0;
  for (int before = 0; before < requests; ++before) {
    Opened world;
    for (int i = 0; i < before; ++i) world.check_usable();
    std::unique_ptr<Cursor> rows(new Cursor(world.connection.cursor("select x")));
    Task<> task = fetches(*rows);
    task.start();
    world.server.says(description({"x"}), bind_complete(), ready_for_query('T'), data_row({"1"}),
                      portal_suspended(), ready_for_query('T'));
    world.loop.run_until_idle();
    BOOST_REQUIRE(task.done());
    failed += world.runs_out([&] { rows.reset(); }) ? 1 : 0;
  }
  BOOST_TEST(failed > 0);
}

BOOST_AUTO_TEST_SUITE_END()
