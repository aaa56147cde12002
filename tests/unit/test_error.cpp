// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <set>

#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/error.hpp"

#include "tests/support/backend_writer.hpp"

namespace pgstride::test {
namespace {

std::shared_ptr<const ServerError> parsed(const std::string& body) {
  return ServerError::parse(as_bytes(body));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(error)

BOOST_AUTO_TEST_CASE(fields_are_found_by_their_letter) {  // R-X1
  const auto error = parsed(fields({{'S', "FEHLER"},
                                    {'V', "ERROR"},
                                    {'C', "23505"},
                                    {'M', "duplicate key"},
                                    {'D', "Key (id)=(1) exists."},
                                    {'H', "Use another."},
                                    {'n', "users_pkey"}}));
  BOOST_REQUIRE(error);
  BOOST_TEST(error->severity() == "ERROR");
  BOOST_TEST(error->sqlstate() == "23505");
  BOOST_TEST(error->message() == "duplicate key");
  BOOST_TEST(error->detail() == "Key (id)=(1) exists.");
  BOOST_TEST(error->hint() == "Use another.");
  BOOST_TEST(error->field('n') == "users_pkey");
  BOOST_TEST(error->field('P') == "");
  BOOST_TEST(!error->is_fatal());
}

BOOST_AUTO_TEST_CASE(the_first_of_duplicates_counts) {
  BOOST_TEST(parsed(fields({{'C', "22012"}, {'C', "57014"}}))->sqlstate() == "22012");
}

BOOST_AUTO_TEST_CASE(old_servers_have_no_fixed_severity) {  // R-X1
  const auto error = parsed(fields({{'S', "FATAL"}, {'C', "57P01"}}));
  BOOST_TEST(error->severity() == "FATAL");
  BOOST_TEST(error->is_fatal());
  BOOST_TEST(parsed(fields({{'S', "PANIC"}}))->is_fatal());
  BOOST_TEST(parsed(fields({{'V', "FATAL"}, {'S', "FATAL ERROR, LOCALISED"}}))->is_fatal());
}

BOOST_AUTO_TEST_CASE(stale_statements) {  // R-Q1, R-Q4
  const auto of_plan = [](std::string_view sqlstate, std::string_view routine) {
    return parsed(fields({{'C', sqlstate}, {'R', routine}}))->is_stale_statement();
  };
  BOOST_TEST(parsed(fields({{'C', "26000"}}))->is_stale_statement());
  BOOST_TEST(of_plan("0A000", "RevalidateCachedQuery"));
  BOOST_TEST(!of_plan("0A000", "transformStmt"));
  BOOST_TEST(!of_plan("XX000", "RevalidateCachedQuery"));
  const auto internal = [](std::string_view text) {
    return parsed(fields({{'C', "XX000"}, {'M', text}}))->is_stale_statement();
  };
  BOOST_TEST(internal("cache lookup failed for type 16428"));
  BOOST_TEST(!internal("cache lookup failed for relation 16428"));
  BOOST_TEST(!parsed(fields({{'C', "42P05"}}))->is_stale_statement());
}

BOOST_AUTO_TEST_CASE(nothing_is_required) {
  const auto empty = parsed(std::string(1, '\0'));
  BOOST_REQUIRE(empty);
  BOOST_TEST(empty->severity() == "");
  BOOST_TEST(empty->sqlstate() == "");
  BOOST_TEST(!empty->is_stale_statement());
  BOOST_TEST(!empty->is_fatal());
  BOOST_TEST(parsed(fields({{'?', "unknown"}}))->field('?') == "unknown");
}

BOOST_AUTO_TEST_CASE(malformed_lists) {
  const std::string whole = fields({{'S', "ERROR"}, {'C', "22012"}});
  for (std::size_t size = 0; size < whole.size(); ++size) BOOST_TEST(!parsed(whole.substr(0, size)));
  BOOST_TEST(!parsed(whole + "x"));
  BOOST_TEST(parsed(whole));
}

BOOST_AUTO_TEST_CASE(fields_in_the_servers_order) {
  const std::string body = fields({{'M', "m"}, {'?', "x"}, {'C', "c"}});
  BOOST_TEST(as_text(parsed(body)->fields()) == body);
}

BOOST_AUTO_TEST_CASE(every_code_has_words_of_its_own) {
  std::set<std::string> words;
  for (int code = 0; code <= static_cast<int>(Errc::pool_timed_out); ++code) {
    const auto message = make_error_code(static_cast<Errc>(code)).message();
    BOOST_TEST(message != "unknown error");
    BOOST_TEST(words.insert(message).second);
  }
  const std::error_code code = Errc::connection_lost;
  BOOST_TEST(code.category().name() == "pgstride");
  BOOST_TEST(make_error_code(static_cast<Errc>(1000)).message() == "unknown error");
}

BOOST_AUTO_TEST_CASE(whoever_is_late_is_late) {
  const std::error_code late = Errc::timed_out, starved = Errc::pool_timed_out, cancelled = Errc::cancelled;
  BOOST_TEST((late == std::errc::timed_out));
  BOOST_TEST((starved == std::errc::timed_out));
  BOOST_TEST((late != starved));
  BOOST_TEST((cancelled != std::errc::timed_out));
  BOOST_TEST((cancelled == make_error_code(Errc::cancelled).default_error_condition()));
}

BOOST_AUTO_TEST_CASE(descriptions) {
  const auto server = parsed(fields({{'S', "FATAL"}, {'C', "57P01"}, {'M', "going down"}}));
  BOOST_TEST(describe(Failure(Errc::timed_out, {})) == "deadline passed");
  BOOST_TEST(describe(Failure(Errc::connection_closed, "by close()")) == "connection is closed: by close()");
  BOOST_TEST(describe(Failure(server)) == "FATAL: going down (SQLSTATE 57P01)");
  Failure lost(Errc::connection_lost, "the server ended the session");
  lost.server = server;
  BOOST_TEST(describe(lost) ==
             "the server ended the session; the server said: FATAL: going down (SQLSTATE 57P01)");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
