// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What code of the user's throws comes out where it is waited for, and leaves the connection as usable as
// it was. Functions that look at rows are in test_query.cpp, credentials in test_connector.cpp; observers
// cannot throw, as their functions are noexcept.
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

/// An int4 whose codec does not like 13, in either direction.
struct Superstitious {
  int value = 0;
};

struct Unlucky : std::runtime_error {
  Unlucky() : std::runtime_error("13") {}
};

struct House {
  Superstitious number;
  std::string street;
};

}  // namespace

template <>
struct pgstride::Codec<Superstitious> : pgstride::BinaryType<pgstride::oid::int4> {
  static void encode(const Superstitious& number, WriteBuffer& out) {
    out.u8(0);  // so that something has been written by then
    if (number.value == 13) throw Unlucky();
    out.u8(0);
    out.u16(static_cast<std::uint16_t>(number.value));
  }
  static bool decode(Oid type, Bytes bytes, Superstitious& number) {
    if (!Codec<int>::decode(type, bytes, number.value)) return false;
    if (number.value == 13) throw Unlucky();
    return true;
  }
};

namespace {

const Superstitious unlucky{13};

/// Out of what `make` makes comes Unlucky, when it is awaited.
template <class Make>
Task<> expect_unlucky(const Make& make) {
  bool thrown = false;
  try {
    auto&& request = make();
    co_await request;
  } catch (const Unlucky&) {
    thrown = true;
  }
  BOOST_TEST(thrown);
}

/// The same of a stream, cursor or generator, with one of its rows.
template <class Make>
Task<> expect_unlucky_row(const Make& make) {
  bool thrown = false;
  try {
    auto rows = make();
    while (co_await rows.next()) {
    }
  } catch (const Unlucky&) {
    thrown = true;
  }
  BOOST_TEST(thrown);
}

Task<> check_usable(Connection& conn, TransactionStatus status = TransactionStatus::idle) {
  const int answer = co_await conn.query_one<int>("select 42");
  BOOST_TEST(answer == 42);
  BOOST_TEST((conn.transaction_status() == status));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(user_exceptions, Database)

BOOST_AUTO_TEST_CASE(from_an_encoder) {
  go([](Connection& conn) -> Task<> {
    const auto look = [](const RowView&) {};
    const auto query = [&] { return conn.query("select $1", unlucky); };
    const auto typed = [&] { return conn.query_as<int>("select $1", unlucky); };
    const auto command = [&] { return conn.execute("select $1", unlucky); };
    const auto each = [&] { return conn.each(look, "select $1", unlucky); };
    const auto batch = [&] {
      Batch several = conn.batch();
      several.add("select 1").add("select $1", unlucky);
      return conn.query("select 1");
    };
    co_await expect_unlucky(query);
    co_await expect_unlucky(typed);
    co_await expect_unlucky(command);
    co_await expect_unlucky(each);
    co_await expect_unlucky(batch);
    const auto stream = [&] { return conn.stream("select $1", unlucky); };
    co_await expect_unlucky_row(stream);
    Prepared prepared = co_await conn.prepare<Superstitious>("select $1");
    const auto again = [&] { return prepared.query(unlucky); };
    co_await expect_unlucky(again);
    co_await check_usable(conn);

    Transaction tx = co_await conn.begin();
    const auto cursor = [&] { return conn.cursor("select $1", unlucky); };
    co_await expect_unlucky_row(cursor);
    co_await check_usable(conn, TransactionStatus::in_block);  // it was never sent
  });
}

BOOST_AUTO_TEST_CASE(from_a_decoder) {
  go([](Connection& conn) -> Task<> {
    const std::string numbers = "select generate_series(1, 100) as number, 'Elm Street' as street";
    const auto look = [](const House&) {};
    const auto all = [&] { return conn.query_as<House>(numbers); };
    const auto one = [&] { return conn.query_one<Superstitious>("select 13"); };
    const auto each = [&] { return conn.each<House>(look, numbers); };
    auto before = conn.query("select 1");
    auto failing = conn.query_optional<Superstitious>("select 13");
    auto after = conn.query("select 2");
    const auto in_between = [&]() -> auto& { return failing; };
    co_await expect_unlucky(all);
    co_await expect_unlucky(one);
    co_await expect_unlucky(each);
    const Result one_before = co_await before;
    const Result one_after = co_await after;
    BOOST_TEST(one_before.value<int>() + one_after.value<int>() == 3);
    co_await expect_unlucky(in_between);

    const auto stream = [&] { return conn.stream_as<House>(numbers); };
    co_await expect_unlucky_row(stream);
    const auto copy = [&] {
      return conn.copy_rows_out<Superstitious>(
          "copy (select generate_series(1, 100)) to stdout (format binary)");
    };
    co_await expect_unlucky_row(copy);
    const Result kept = co_await conn.query("select 13");
    BOOST_CHECK_THROW((void)kept.value<Superstitious>(), Unlucky);
    co_await check_usable(conn);

    Transaction tx = co_await conn.begin();
    co_await expect_unlucky(all);
    co_await check_usable(conn, TransactionStatus::in_block);  // the server has seen nothing wrong
  });
}

BOOST_AUTO_TEST_CASE(while_rows_are_copied_in) {
  go([](Connection& conn) -> Task<> {
    co_await conn.execute("create temp table houses (number int, street text)");
    const std::string copy = "copy houses from stdin (format binary)";
    {
      auto rows = co_await conn.copy_rows_in<Superstitious, std::string>(copy);
      for (int number = 11; number < 16; ++number) {
        try {
          co_await rows.write(Superstitious{number}, "Elm Street");
        } catch (const Unlucky&) {  // this row is not sent, nor a part of it
        }
      }
      const Completion done = co_await rows.finish();
      BOOST_TEST(done.affected_rows() == 4);
    }
    try {
      auto rows = co_await conn.copy_rows_in<Superstitious, std::string>(copy);
      co_await rows.write(Superstitious{1}, "Elm Street");
      throw Unlucky();  // whoever has the rows: nothing of the COPY has happened
    } catch (const Unlucky&) {
    }
    const auto count = co_await conn.query_one<std::int64_t>("select count(*) from houses");
    BOOST_TEST(count == 4);
    co_await check_usable(conn);
  });
}

BOOST_AUTO_TEST_CASE(on_a_pool) {
  PoolOptions options{server_options()};
  options.limits.max_size = 1;
  Pool pool(loop, options);
  const auto use = [](Pool& in) -> Task<> {
    const auto encoding = [&] { return in.query("select $1", unlucky); };
    const auto decoding = [&] { return in.query_one<Superstitious>("select 13"); };
    const auto look = [](const RowView&) { throw Unlucky(); };
    const auto looking = [&] { return in.each(look, "select 1"); };
    const auto body = [](Connection& c) -> Task<> {
      co_await c.query("select 1");
      throw Unlucky();
    };
    const auto transaction = [&] { return transact(in, body); };
    co_await expect_unlucky(encoding);
    co_await expect_unlucky(decoding);
    co_await expect_unlucky(looking);
    co_await expect_unlucky(transaction);
    const int answer = co_await in.query_one<int>("select 42");
    BOOST_TEST(answer == 42);
  };
  run(loop, use(pool));
  BOOST_TEST(pool.stats().counts.opened == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
