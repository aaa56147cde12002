// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "pgstride/driver/coro/run.hpp"
#include "pgstride/driver/pool.hpp"

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

std::string text_of(Bytes bytes) { return std::string(as_text(bytes)); }

Task<std::int64_t> count(Connection& conn) {
  const Result result = co_await conn.query("select count(*) from t");
  co_return result.value<std::int64_t>();
}

struct Table : Database {
  Table() {
    go([](Connection& conn) -> Task<> { co_await conn.execute("create temp table t (id int, name text)"); });
  }
};

/// The error that the task ends with; empty when there is none.
template <class T>
Task<std::string> error_in(Task<T> task) {
  std::string error;
  try {
    co_await task;
  } catch (const Error& e) {
    error = e.what();
  }
  co_return error;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(copy, Table)

BOOST_AUTO_TEST_CASE(what_was_moved_elsewhere_is_not_used) {
  go([](Connection& conn) -> Task<> {
    const auto write = [](CopyInStream& stream) -> Task<> { co_await stream.write("1\tone\n"); };
    const auto finish = [](CopyInStream& stream) -> Task<> { co_await stream.finish(); };
    const auto read = [](CopyOutStream& stream) -> Task<> { co_await stream.next(); };
    const std::string refusal = "the stream of this COPY was moved elsewhere";
    CopyInStream in = co_await conn.copy_in("copy t from stdin");
    CopyInStream in_use = std::move(in);
    const std::string unwritten = co_await error_in(write(in));
    const std::string unfinished = co_await error_in(finish(in));
    BOOST_TEST(unwritten == refusal);
    BOOST_TEST(unfinished == refusal);
    co_await in_use.finish();
    CopyOutStream out = co_await conn.copy_out("copy t to stdout");
    CopyOutStream out_use = std::move(out);
    const std::string error = co_await error_in(read(out));
    BOOST_TEST(error == refusal);
  });
}

BOOST_AUTO_TEST_CASE(what_is_written_after_the_end_is_refused) {
  go([](Connection& conn) -> Task<> {
    const auto write = [](CopyInStream& in) -> Task<> { co_await in.write("2\ttwo\n"); };
    CopyInStream in = co_await conn.copy_in("copy t from stdin");
    co_await in.write("1\tone\n");
    co_await in.finish();
    BOOST_TEST(co_await error_in(write(in)) == "the COPY was finished before");

    const auto write_row = [](CopyRowsIn<int, std::string>& rows) -> Task<> {
      co_await rows.write(2, "two");
    };
    auto opening = conn.copy_rows_in<int, std::string>("copy t from stdin (format binary)");
    auto rows = co_await opening;
    co_await rows.finish();
    BOOST_TEST(co_await error_in(write_row(rows)) == "the COPY was finished before");
    BOOST_TEST(co_await count(conn) == 1);
  });
}

// What the stream was to do about its full buffer, it has nobody to do it with.
BOOST_AUTO_TEST_CASE(a_full_stream_is_emptied_after_the_connection_has_gone) {
  go([](Database& database) -> Task<> {
    auto conn = std::make_unique<Connection>(database.another());
    CopyOutStream out =
        co_await conn->copy_out("copy (select repeat('x', 1000) from generate_series(1, 100000)) to stdout");
    const Bytes* chunk = co_await out.next();
    BOOST_TEST(chunk != nullptr);
    co_await sleep(database.loop, 300ms);
    conn.reset();
    co_await sleep(database.loop, 10ms);
    const auto drain = [](CopyOutStream& rest) -> Task<> {
      while (co_await rest.next()) {
      }
    };
    BOOST_TEST(contains(co_await error_in(drain(out)), "the connection was closed"));
  });
}

BOOST_AUTO_TEST_CASE(in_and_out) {
  go([](Connection& conn) -> Task<> {
    CopyInStream in = co_await conn.copy_in("copy t from stdin");
    BOOST_TEST((in.response().format == Format::text));
    BOOST_TEST(in.response().columns == 2U);
    co_await in.write("1\tone\n2");
    co_await in.write("\t\\N\n");
    const Completion completion = co_await in.finish();
    BOOST_TEST(completion.tag() == "COPY 2");
    BOOST_TEST(completion.affected_rows() == 2);

    CopyOutStream out = co_await conn.copy_out("copy t to stdout (format csv)");
    std::string data;
    while (const Bytes* chunk = co_await out.next()) data += text_of(*chunk);
    BOOST_TEST(data == "1,one\n2,\n");
    BOOST_TEST(out.completion().tag() == "COPY 2");
    const Bytes* after = co_await out.next();
    BOOST_TEST(after == nullptr);
  });
}

BOOST_AUTO_TEST_CASE(more_than_the_buffers_hold) {
  go([](Connection& conn) -> Task<> {
    const std::string row = "7\t" + std::string(1000, 'x') + "\n";
    CopyInStream in = co_await conn.copy_in("copy t from stdin");
    for (int i = 0; i < 20'000; ++i) co_await in.write(row);
    const Completion completion = co_await in.finish();
    BOOST_TEST(completion.affected_rows() == 20'000);
    std::string big;
    for (int i = 0; i < 5000; ++i) big += row;
    CopyInStream at_once = co_await conn.copy_in("copy t from stdin");
    co_await at_once.write(big);
    co_await at_once.finish();

    std::size_t size = 0;
    CopyOutStream out = co_await conn.copy_out("copy t to stdout");
    while (const Bytes* chunk = co_await out.next()) size += chunk->size();
    BOOST_TEST(size == 25'000 * row.size());
  });
}

BOOST_AUTO_TEST_CASE(others_wait_behind_a_copy) {
  go([](Connection& conn) -> Task<> {
    CopyInStream in = co_await conn.copy_in("copy t from stdin");
    auto query = conn.query("select count(*) from t");
    co_await in.write("1\tone\n");
    co_await in.finish();
    const Result result = co_await query;
    BOOST_TEST(result.value<std::int64_t>() == 1);
  });
}

BOOST_AUTO_TEST_CASE(a_stream_that_is_dropped) {
  go([](Connection& conn) -> Task<> {
    for (const std::size_t size : {std::size_t{10}, std::size_t{1'000'000}}) {
      CopyInStream in = co_await conn.copy_in("copy t from stdin");
      const std::string data = "1\t" + std::string(size, 'x') + "\n";
      co_await in.write(data);
    }
    const auto rows = co_await count(conn);
    BOOST_TEST(rows == 0);
    for (const int chunks : {0, 1, 3}) {
      CopyOutStream out =
          co_await conn.copy_out("copy (select repeat('x', 1000) from generate_series(1, 50000)) to stdout");
      for (int i = 0; i < chunks; ++i) co_await out.next();
    }
    const auto again = co_await count(conn);
    BOOST_TEST(again == 0);
  });
}

BOOST_AUTO_TEST_CASE(what_the_server_refuses) {
  go([](Connection& conn) -> Task<> {
    const auto bad_data = [](Connection& c) -> Task<> {
      CopyInStream in = co_await c.copy_in("copy t from stdin");
      while (true) co_await in.write("no number\tx\n");
    };
    const auto bad_end = [](Connection& c) -> Task<> {
      CopyInStream in = co_await c.copy_in("copy t from stdin");
      co_await in.write("1");
      co_await in.finish();
    };
    const auto no_table = [](Connection& c) -> Task<> {
      (void)co_await c.copy_in("copy no_such_table from stdin");
    };
    const auto no_copy = [](Connection& c) -> Task<> { (void)co_await c.copy_out("select 1"); };
    const auto other_way = [](Connection& c) -> Task<> { (void)co_await c.copy_out("copy t from stdin"); };
    const auto nul = [](Connection& c) -> Task<> {
      (void)co_await c.copy_in(std::string_view("copy\0t", 6));
    };
    const auto fails_late = [](Connection& c) -> Task<> {
      CopyOutStream out =
          co_await c.copy_out("copy (select 1 / (5 - i) from generate_series(1, 10) i) to stdout");
      while (co_await out.next()) continue;
    };
    const std::string data = co_await error_in(bad_data(conn));
    BOOST_TEST(contains(data, "invalid input syntax for type integer"));
    const std::string end = co_await error_in(bad_end(conn));
    BOOST_TEST(contains(end, "missing data for column"));
    const std::string table = co_await error_in(no_table(conn));
    BOOST_TEST(contains(table, "no_such_table"));
    const std::string copy = co_await error_in(no_copy(conn));
    BOOST_TEST(contains(copy, "the query is no COPY"));
    const std::string way = co_await error_in(other_way(conn));
    BOOST_TEST(contains(way, "FROM STDIN"));
    const std::string text = co_await error_in(nul(conn));
    BOOST_TEST(contains(text, "NUL"));
    const std::string late = co_await error_in(fails_late(conn));
    BOOST_TEST(contains(late, "division by zero"));
    const auto rows = co_await count(conn);
    BOOST_TEST(rows == 0);
  });
}

BOOST_AUTO_TEST_CASE(timeouts) {
  go([](Connection& conn) -> Task<> {
    const auto slow_source = [](Connection& c) -> Task<> {
      CopyInStream in = co_await c.copy_in("copy t from stdin").timeout(50ms);
      co_await in.write("1\tone\n");
      co_await sleep(c.channel().loop(), 300ms);
      co_await in.finish();
    };
    const auto slow_server = [](Connection& c) -> Task<> {
      CopyOutStream out = co_await c.copy_out("copy (select pg_sleep(60)) to stdout").timeout(50ms);
      co_await out.next();
    };
    const std::string in = co_await error_in(slow_source(conn));
    BOOST_TEST(contains(in, "deadline passed"));
    const std::string out = co_await error_in(slow_server(conn));
    BOOST_TEST(contains(out, "deadline passed"));
    const auto rows = co_await count(conn);
    BOOST_TEST(rows == 0);
  });
}

BOOST_AUTO_TEST_CASE(typed_rows) {
  go([](Connection& conn) -> Task<> {
    auto in =
        co_await conn.copy_rows_in<int, std::optional<std::string_view>>("copy t from stdin (format binary)");
    co_await in.write(1, "one");
    co_await in.write(2, std::nullopt);
    const std::tuple<int, std::optional<std::string_view>> row(3, "three");
    co_await in.write(row);
    const Completion completion = co_await in.finish();
    BOOST_TEST(completion.affected_rows() == 3);

    auto rows = conn.copy_rows_out<int, std::optional<std::string>>("copy t to stdout (format binary)");
    std::string heard;
    while (auto* next = co_await rows.next()) {
      const auto& [id, name] = *next;
      heard += std::to_string(id) + "=" + name.value_or("NULL") + " ";
    }
    BOOST_TEST(heard == "1=one 2=NULL 3=three ");
  });
}

// What is sent as text elsewhere, an array of strings, is binary here.
BOOST_AUTO_TEST_CASE(typed_arrays) {
  go([](Connection& conn) -> Task<> {
    co_await conn.execute("create temp table a (words text[], more text[], numbers int[])");
    using Words = std::vector<std::optional<std::string>>;
    const std::vector<std::string> more{"d"};
    const Words words{"a", std::nullopt, "b, c"};
    auto in =
        co_await conn.copy_rows_in<std::optional<Words>, std::span<const std::string>, std::vector<int>>(
            "copy a from stdin (format binary)");
    const std::vector<int> numbers{1, 2};
    co_await in.write(words, more, numbers);
    co_await in.write(std::nullopt, more, numbers);
    co_await in.finish();
    const auto text = co_await conn.query_one<std::string>("select string_agg(a::text, ' ') from a");
    BOOST_TEST(text == R"(("{a,NULL,""b, c""}",{d},"{1,2}") (,{d},"{1,2}"))");
    auto rows = conn.copy_rows_out<Words, std::vector<std::string>, std::vector<int>>(
        "copy (select * from a limit 1) to stdout (format binary)");
    const auto* row = co_await rows.next();
    BOOST_REQUIRE(row != nullptr);
    BOOST_TEST((std::get<0>(*row) == words));
  });
}

BOOST_AUTO_TEST_CASE(many_typed_rows) {
  go([](Connection& conn) -> Task<> {
    auto in = co_await conn.copy_rows_in<int, std::string_view>("copy t from stdin (format binary)");
    for (int i = 0; i < 100'000; ++i) co_await in.write(i, "a name that is neither short nor long");
    co_await in.finish();
    std::int64_t sum = 0;
    auto rows = conn.copy_rows_out<int, std::string_view>("copy t to stdout (format binary)");
    while (auto* next = co_await rows.next())
      sum += std::get<0>(*next) + (std::get<1>(*next).size() == 37 ? 0 : 1);
    BOOST_TEST(sum == 4'999'950'000);
  });
}

BOOST_AUTO_TEST_CASE(typed_rows_that_do_not_fit) {
  go([](Connection& conn) -> Task<> {
    const auto text_format = [](Connection& c) -> Task<> {
      (void)co_await c.copy_rows_in<int, std::string_view>("copy t from stdin");
    };
    const auto too_few = [](Connection& c) -> Task<> {
      (void)co_await c.copy_rows_in<int>("copy t from stdin (format binary)");
    };
    const auto wrong_length = [](Connection& c) -> Task<> {
      auto in = co_await c.copy_rows_in<std::int64_t, std::string_view>("copy t from stdin (format binary)");
      co_await in.write(1, "one");
      co_await in.finish();
    };
    const auto null = [](Connection& c) -> Task<> {
      auto rows = c.copy_rows_out<int>("copy (select null::int) to stdout (format binary)");
      while (co_await rows.next()) continue;
    };
    const auto wrong_type = [](Connection& c) -> Task<> {
      auto rows = c.copy_rows_out<int, int>("copy (select 1, 2::int8) to stdout (format binary)");
      while (co_await rows.next()) continue;
    };
    const auto no_date = [](Connection& c) -> Task<> {
      using Date = std::chrono::year_month_day;
      auto in = co_await c.copy_rows_in<int, Date>("copy t from stdin (format binary)");
      const Date bad(std::chrono::year(2026), std::chrono::month(2), std::chrono::day(30));
      co_await in.write(1, bad);
    };
    const std::string format = co_await error_in(text_format(conn));
    BOOST_TEST(contains(format, "(FORMAT binary)"));
    const std::string columns = co_await error_in(too_few(conn));
    BOOST_TEST(contains(columns, "2 columns"));
    const std::string length = co_await error_in(wrong_length(conn));
    BOOST_TEST(contains(length, "incorrect binary data format"));
    const std::string value = co_await error_in(null(conn));
    BOOST_TEST(value ==
               "invalid value from the server: column 1 of the COPY is NULL, for which int has no room; name "
               "std::optional [copy (select null::int) to stdout (format binary)]");
    const std::string unfit = co_await error_in(wrong_type(conn));
    BOOST_TEST(contains(unfit, "column 2 of the COPY holds a value that does not fit into int ["));
    const std::string unsent = co_await error_in(no_date(conn));
    BOOST_TEST(unsent ==
               "invalid argument: column 2 of the COPY: this std::chrono::year_month_day cannot be sent");
    const auto rows = co_await count(conn);
    BOOST_TEST(rows == 0);
  });
}

// Terminate would be a mistake in the middle of the data, says a server.
BOOST_AUTO_TEST_CASE(closing_the_connection_breaks_off_what_is_copied_in) {
  go([](Connection& conn) -> Task<> {
    const auto write_and_close = [](Connection& c) -> Task<> {
      auto in = co_await c.copy_in("copy t from stdin");
      co_await in.write("1\n");
      co_await c.close();
      co_await in.finish();
    };
    const std::string told = co_await error_in(write_and_close(conn));
    BOOST_TEST(told == "connection is closed: the connection was closed [copy t from stdin]");
  });
}

// Nothing is sent behind it that the server would take for data, or for a mistake.
BOOST_AUTO_TEST_CASE(refused_by_a_pool_without_harm) {
  PoolOptions options{server_options()};
  options.limits.max_size = 1;
  Pool pool(loop, options);
  const auto ask = [](Pool& from) -> Task<> {
    const auto before = co_await from.query_one<int>("select pg_backend_pid()");
    co_await from.execute("create temp table lines (line text)");
    for (const char* sql : {"copy lines from stdin", "/* */ COPY lines FROM Stdin"}) {
      std::string told;
      try {
        co_await from.execute(sql);
      } catch (const Error& e) {
        told = e.what();
      }
      BOOST_TEST(contains(told, "needs one of the copy calls"));
    }
    const auto after = co_await from.query_one<int>("select pg_backend_pid()");
    BOOST_TEST(after == before);
  };
  run(loop, ask(pool));
}

BOOST_AUTO_TEST_SUITE_END()
