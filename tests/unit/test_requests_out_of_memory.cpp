// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Memory runs out in a request of every kind: an error of that request, or the end of the connection; nobody waits for
// ever, nothing leaks (R-M8, LK-7, DT-22).
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/shortage.hpp"

namespace pgstride::test {

BOOST_AUTO_TEST_SUITE(requests_out_of_memory)

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

BOOST_AUTO_TEST_CASE(typed_rows) {
  run_out_while([](Connection& connection) -> Task<> {
    auto asking = connection.query_one<std::string>("select $1", "one value"s);
    const std::string value = co_await asking;
    demand(value == "one value");
  });
}

BOOST_AUTO_TEST_CASE(rows_that_are_only_looked_at) {
  run_out_while([](Connection& connection) -> Task<> {
    std::string seen;
    const auto look = [&](const RowView& row) { seen += row.get<std::string>(0); };
    auto looking = connection.each(look, "select $1", "seen"s);
    co_await looking;
    demand(seen == "seen");
  });
}

BOOST_AUTO_TEST_CASE(prepared_statements) {
  run_out_while([](Connection& connection) -> Task<> {
    Prepared prepared = co_await connection.prepare("select $1");
    const Result result = co_await prepared.query("an argument"s);
    demand(result.value<std::string>() == "an argument");
  });
}

BOOST_AUTO_TEST_CASE(batches) {
  run_out_while([](Connection& connection) -> Task<> {
    Batch batch = connection.batch();
    batch.add("select $1", "first"s).add("select 'and'").add("select $1", "second"s);
    BatchRun running = batch.run();
    const std::vector<Result> results = co_await running;
    demand(results.size() == 3 && results[2].value<std::string>() == "second");
  });
}

BOOST_AUTO_TEST_CASE(streams) {
  run_out_while([](Connection& connection) -> Task<> {
    Stream stream = connection.stream("select $1", "streamed"s);
    const RowView* row = co_await stream.next();
    demand(row != nullptr && row->get<std::string>(0) == "streamed");
    row = co_await stream.next();
    demand(row == nullptr);
  });
}

// This server's portals have rows without end.
BOOST_AUTO_TEST_CASE(cursors) {
  run_out_while([](Connection& connection) -> Task<> {
    Cursor cursor = connection.cursor("select $1", "fetched"s);
    cursor.batch(1);
    for (int i = 0; i < 3; ++i) {
      const RowView* row = co_await cursor.next();
      demand(row != nullptr && row->get<std::string>(0) == "fetched");
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
