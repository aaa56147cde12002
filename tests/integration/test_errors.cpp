// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

/// The connection still works.
Task<> check_usable(Connection& conn) {
  const Result result = co_await conn.query("select 42");
  BOOST_TEST(result.value<int>() == 42);
  BOOST_TEST((conn.transaction_status() == TransactionStatus::idle));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(errors, Database)

BOOST_AUTO_TEST_CASE(server_errors_have_all_fields) {
  go([](Connection& conn) -> Task<> {
    co_await conn.execute(
        "create temp table people (id int primary key, name text not null constraint short check "
        "(length(name) < 5))");
    co_await conn.execute("insert into people values ($1, $2)", 1, "Ada");
    bool thrown = false;
    try {
      co_await conn.execute("insert into people values ($1, $2)", 1, "Eve");
    } catch (const ServerException& e) {
      thrown = true;
      BOOST_TEST(e.sqlstate() == sqlstate::unique_violation);
      BOOST_TEST(e.severity() == "ERROR");
      BOOST_TEST(e.constraint_name() == "people_pkey");
      BOOST_TEST(e.table_name() == "people");
      BOOST_TEST(e.detail() == "Key (id)=(1) already exists.");
      BOOST_TEST((e.code() == Errc::server_error));
      BOOST_TEST(!e.outcome_unknown());
      BOOST_TEST(contains(e.what(), "[insert into people values ($1, $2)]"));
    }
    BOOST_TEST(thrown);
    thrown = false;
    try {
      co_await conn.query("select\n nonsense from people");
    } catch (const ServerException& e) {
      thrown = true;
      BOOST_TEST(e.sqlstate() == sqlstate::undefined_column);
      BOOST_TEST(e.position() == 9);
      BOOST_TEST(contains(e.what(), "[select  nonsense from people]"));
    }
    BOOST_TEST(thrown);
    co_await check_usable(conn);
  });
}

BOOST_AUTO_TEST_CASE(an_error_in_the_middle_of_a_pipeline_stays_there) {
  go([](Connection& conn) -> Task<> {
    auto a = conn.query("select 1");
    auto b = conn.query("select 1 / $1", 0);
    auto c = conn.query("select nonsense");
    auto d = conn.query("select 4");
    const Result first = co_await a;
    BOOST_TEST(first.value<int>() == 1);
    std::string states;
    try {
      co_await b;
    } catch (const ServerException& e) {
      states += e.sqlstate();
    }
    try {
      co_await c;
    } catch (const ServerException& e) {
      states += e.sqlstate();
    }
    BOOST_TEST(states == "2201242703");
    const Result last = co_await d;
    BOOST_TEST(last.value<int>() == 4);
  });
}

BOOST_AUTO_TEST_CASE(awaited_in_any_order) {
  go([](Connection& conn) -> Task<> {
    auto a = conn.query("select 1");
    auto b = conn.query("select 2");
    const Result second = co_await b;
    const Result first = co_await a;
    BOOST_TEST(first.value<int>() == 1);
    BOOST_TEST(second.value<int>() == 2);
  });
}

BOOST_AUTO_TEST_CASE(requests_behind_a_failed_parse_inherit_its_error) {
  go([](Connection& conn) -> Task<> {
    auto a = conn.query("select nonsense");
    auto b = conn.query("select nonsense");
    int undefined = 0;
    try {
      co_await a;
    } catch (const ServerException& e) {
      undefined += e.sqlstate() == sqlstate::undefined_column;
    }
    try {
      co_await b;
    } catch (const ServerException& e) {
      undefined += e.sqlstate() == sqlstate::undefined_column;
    }
    BOOST_TEST(undefined == 2);
    co_await check_usable(conn);
  });
}

BOOST_AUTO_TEST_CASE(wrong_arguments) {
  go([](Connection& conn) -> Task<> {
    std::string what;
    try {
      co_await conn.query("select $1::timestamptz, $2::date", "now", std::chrono::year_month_day{});
    } catch (const Error& e) {
      BOOST_TEST((e.code() == Errc::invalid_argument));
      what = e.what();
    }
    BOOST_TEST(contains(what, "parameter $2: this std::chrono::year_month_day cannot be sent as date"));
    try {
      const char only_one = 'x';  // what is beyond the limit is not looked at
      co_await conn.query("select $1", std::string_view(&only_one, max_outgoing_message + 1));
    } catch (const Error& e) {
      what = e.what();
    }
    BOOST_TEST(what ==
               "message is too large for the protocol: parameter $1: this std::string_view exceeds what "
               "PostgreSQL accepts (1 GiB) [select $1]");
    what.clear();
    try {
      co_await conn.query("select $1::int, $2::int", 1);
    } catch (const ServerException& e) {
      what = e.sqlstate();
    }
    BOOST_TEST(what == "08P01");
    try {
      co_await conn.query("select $1::int, $2::int", 1);  // now it is known before it is sent
    } catch (const Error& e) {
      what = e.what();
    }
    BOOST_TEST(contains(what, "the query has 2 parameters, and 1 arguments were given"));
    co_await conn.query("select $1::int", 1);
    try {
      co_await conn.query("select $1::int", "one");
    } catch (const ServerException& e) {
      what = e.sqlstate();
    }
    BOOST_TEST(what == sqlstate::invalid_text_representation);
    try {
      co_await conn.query(std::string_view("select 1\0; drop table t", 23));
    } catch (const Error& e) {
      what = e.what();
    }
    BOOST_TEST(what == "the query holds a NUL character");
    try {
      co_await conn.query("select $1::text", std::string_view("a\0b", 3));
    } catch (const ServerException& e) {
      what = e.sqlstate();
    }
    BOOST_TEST(what == "22021");
    co_await check_usable(conn);
  });
}

BOOST_AUTO_TEST_CASE(copy_with_the_wrong_call) {
  go([](Connection& conn) -> Task<> {
    co_await conn.execute("create temp table c (a int)");
    int refused = 0;
    const auto refuse = [&](const Error& e) { refused += e.code() == Errc::copy_not_expected; };
    try {
      co_await conn.query("copy c from stdin");
    } catch (const Error& e) {
      refuse(e);
    }
    co_await check_usable(conn);
    try {
      co_await conn.execute("copy c from stdin");
    } catch (const Error& e) {
      refuse(e);
    }
    co_await check_usable(conn);
    try {
      co_await conn.query("copy (select generate_series(1, 1000)) to stdout");
    } catch (const Error& e) {
      refuse(e);
    }
    co_await check_usable(conn);
    try {
      co_await conn.execute("copy (select 1) to stdout; select 1");
    } catch (const Error& e) {
      refuse(e);
    }
    co_await check_usable(conn);
    BOOST_TEST(refused == 4);
  });
}

BOOST_AUTO_TEST_CASE(a_closed_connection) {
  go([](Connection& conn) -> Task<> {
    co_await conn.close();
    BOOST_TEST(!conn.is_open());
    std::string what;
    try {
      co_await conn.query("select 1");
    } catch (const Error& e) {
      BOOST_TEST((e.code() == Errc::connection_closed));
      what = e.what();
    }
    BOOST_TEST(what == "the connection has been closed");
    co_await conn.close();
  });
}

BOOST_AUTO_TEST_SUITE_END()
