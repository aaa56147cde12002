// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What a batch does about prepared statements that the server does not know any more, or not as they were.
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/connection.hpp"

#include "tests/support/open_channel.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

Task<std::size_t> runs(Connection& connection) {
  Batch batch = connection.batch();
  batch.add("select 1").add("select 2").add("select 3");
  const std::vector<Result> results = co_await batch.run();
  co_return results.size();
}

struct Batching : OpenChannel {
  Batching() : connection(std::move(channel)) {}

  Task<std::size_t> sent(std::string_view words) {
    Task<std::size_t> run = runs(connection);
    run.start();
    BOOST_TEST(server.hears() == words);
    return run;
  }
  void answer(int queries) {
    for (int i = 0; i < queries; ++i)
      server.says(bind_complete(), data_row({"1"}), command_complete("SELECT 1"));
  }
  void prepare_all() {
    auto run = sent(
        "Parse(pgstride_1, select 1) Describe(pgstride_1) Sync Parse(pgstride_2, select 2) "
        "Describe(pgstride_2) Sync Parse(pgstride_3, select 3) Describe(pgstride_3) Sync "
        "Bind(pgstride_1) Execute Bind(pgstride_2) Execute Bind(pgstride_3) Execute Sync");
    for (int i = 0; i < 3; ++i) server.says(description({"x"}), ready_for_query());
    answer(3);
    ends_well(run);
  }
  void ends_well(Task<std::size_t>& run) {
    server.says(ready_for_query());
    loop.run_until_idle();
    BOOST_TEST(run.take() == 3U);
  }
  void fails(Task<std::size_t>& run, const std::string& error) {
    server.says(error, ready_for_query());
    loop.run_until_idle();
    BOOST_CHECK_THROW(run.take(), ServerException);
  }

  Connection connection;
};

constexpr std::string_view all_known =
    "Bind(pgstride_1) Execute Bind(pgstride_2) Execute Bind(pgstride_3) Execute Sync";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(batch, Batching)

// What has made one of them stale has mostly done so to those behind it.
BOOST_AUTO_TEST_CASE(stale_statements_are_prepared_anew) {  // R-Q1, R-Q4
  const std::string changed =
      message('E', fields({{'S', "ERROR"}, {'V', "ERROR"}, {'C', "0A000"}, {'R', "RevalidateCachedQuery"}}));
  prepare_all();
  auto failing = sent(all_known);
  answer(1);
  fails(failing, changed);
  auto healed = sent(
      "Close(pgstride_2) Close(pgstride_3) Sync Parse(pgstride_4, select 2) Describe(pgstride_4) Sync "
      "Parse(pgstride_5, select 3) Describe(pgstride_5) Sync "
      "Bind(pgstride_1) Execute Bind(pgstride_4) Execute Bind(pgstride_5) Execute Sync");
  server.says(close_complete(), close_complete(), ready_for_query());
  for (int i = 0; i < 2; ++i) server.says(description({"x"}), ready_for_query());
  answer(3);
  ends_well(healed);
}

BOOST_AUTO_TEST_CASE(other_errors_say_nothing_of_the_statements) {
  prepare_all();
  auto failing = sent(all_known);
  fails(failing, error_response("22012"));
  auto again = sent(all_known);
  answer(3);
  ends_well(again);
}

BOOST_AUTO_TEST_CASE(each_result_has_its_notices) {
  prepare_all();
  auto noticing = [](Connection& conn) -> Task<std::string> {
    Batch batch = conn.batch();
    batch.add("select 1").add("select 2").add("select 3");
    std::string heard;
    for (const Result& result : co_await batch.run()) {
      for (const Notice& notice : result.notices()) heard += std::string(notice->message()) + ' ';
      heard += "| ";
    }
    co_return heard;
  }(connection);
  noticing.start();
  server.says(notice_response("one"), bind_complete(), command_complete("SELECT 0"));
  server.says(bind_complete(), command_complete("SELECT 0"));
  server.says(bind_complete(), notice_response("three"), command_complete("SELECT 0"));
  server.says(notice_response("at the end"), ready_for_query());
  loop.run_until_idle();
  BOOST_TEST(noticing.take() == "one | | three at the end | ");
}

BOOST_AUTO_TEST_SUITE_END()
