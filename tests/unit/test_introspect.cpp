// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/operations/introspect.hpp"

#include "tests/support/frontend_words.hpp"
#include "tests/support/op_test.hpp"

namespace pgstride::test {
namespace {

class Lookup final : public Witness, public Introspect {
 public:
  explicit Lookup(std::vector<Oid> wanted) : Introspect(std::move(wanted)) {}
  Operation& operation() noexcept override { return *this; }

 private:
  void on_done() noexcept override { ++ended; }
};

std::string names_array(std::initializer_list<std::string_view> names) {
  if (names.size() == 0) return int32(0) + int32(0) + int32(25);
  std::string array = int32(1) + int32(0) + int32(25) + int32(static_cast<int>(names.size())) + int32(1);
  for (const auto name : names) array += int32(static_cast<int>(name.size())) + std::string(name);
  return array;
}
std::string oids_array(std::initializer_list<Oid> oids) {
  if (oids.size() == 0) return int32(0) + int32(0) + int32(26);
  std::string array = int32(1) + int32(0) + int32(26) + int32(static_cast<int>(oids.size())) + int32(1);
  for (const auto oid : oids) array += int32(4) + int32(oid);
  return array;
}
std::string type_row(Oid oid, std::string_view name, std::string_view kind, Oid part = 0,
                     std::initializer_list<std::string_view> attributes = {},
                     std::initializer_list<Oid> types = {}) {
  return data_row(
      {int32(oid), name, "public", kind, int32(part), ",", names_array(attributes), oids_array(types)});
}
std::string begun() { return parse_complete() + bind_complete(); }
std::string step(std::string_view tag) { return begun() + command_complete(tag); }

/// The statements and what they are called with, without the long one's text.
std::string outline(std::string sent) {
  const auto from = sent.find("Parse(, WITH");
  const auto to = sent.find(")", sent.rfind("t.typnamespace"));
  return sent.replace(from, to - from, "Parse(, …");
}

void announce(OpTest& t, std::string_view version) {
  t.server_says(parameter_status("server_version", version));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(introspect)

BOOST_AUTO_TEST_CASE(what_types_consist_of) {
  play([](OpTest& t) {
    announce(t, "15.4 (Debian)");
    Lookup lookup({20'001});
    t.submit(lookup);
    const std::string sent = outline(in_words(as_bytes(t.take_sent())));
    BOOST_TEST(
        sent.starts_with("Parse(, SELECT pg_catalog.set_config('jit', 'off', true)) Bind( format 1) "
                         "Execute Parse(, …) Bind( format 1: "));
    BOOST_TEST(sent.ends_with(") Execute Sync"));
    t.server_says(begun(), data_row({"off"}), command_complete("SELECT 1"), begun(),
                  type_row(20'001, "pair", "c", 0, {"left", "right"}, {23, 20'002}),
                  type_row(20'002, "mood", "e"), command_complete("SELECT 2"), ready_for_query());
    t.done(lookup, "");
    const auto types = lookup.take_types();
    BOOST_REQUIRE(types.size() == 2U);
    BOOST_TEST(types[0].name == "pair");
    BOOST_TEST(types[0].schema == "public");
    BOOST_TEST((types[0].kind == TypeInfo::Kind::composite));
    BOOST_REQUIRE(types[0].attributes.size() == 2U);
    BOOST_TEST(types[0].attributes[1].name == "right");
    BOOST_TEST(types[0].attributes[1].type == 20'002U);
    BOOST_TEST((types[1].kind == TypeInfo::Kind::enumeration));
  });
}

BOOST_AUTO_TEST_CASE(in_a_block_a_savepoint_gives_the_setting_back) {
  play([](OpTest& t) {
    announce(t, "18beta1");
    Query begin("begin");
    t.submit(begin).sends("Query(begin)");
    t.server_says(command_complete("BEGIN"), ready_for_query('T'));
    t.done(begin, "BEGIN");
    Lookup lookup({20'001});
    t.submit(lookup);
    const std::string sent = outline(in_words(as_bytes(t.take_sent())));
    BOOST_TEST(sent.starts_with("Parse(, SAVEPOINT pgstride_introspection)"));
    BOOST_TEST(
        sent.ends_with("Parse(, ROLLBACK TO SAVEPOINT pgstride_introspection) Bind( format 1) Execute "
                       "Parse(, RELEASE SAVEPOINT pgstride_introspection) Bind( format 1) Execute Sync"));
    t.server_says(step("SAVEPOINT"), begun(), data_row({"off"}), command_complete("SELECT 1"), begun(),
                  type_row(20'001, "ints", "a", 23), command_complete("SELECT 1"), step("ROLLBACK"),
                  step("RELEASE"), ready_for_query('T'));
    t.done(lookup, "");
    const auto types = lookup.take_types();
    BOOST_REQUIRE(types.size() == 1U);
    BOOST_TEST((types[0].kind == TypeInfo::Kind::array));
    BOOST_TEST(types[0].part == 23U);
  });
}

BOOST_AUTO_TEST_CASE(a_server_without_jit_is_not_told_of_it) {
  play([](OpTest& t) {
    t.server_says(parameter_status("server_version", "13.0.0"), parameter_status("crdb_version", "v24"));
    Lookup lookup({20'001});
    t.submit(lookup);
    const std::string sent = in_words(as_bytes(t.take_sent()));
    BOOST_TEST(sent.starts_with("Parse(, WITH RECURSIVE"));
    BOOST_TEST(sent.find("rngmultitypid") == std::string::npos);  // which it does not have either
    t.server_says(begun(), command_complete("SELECT 0"), ready_for_query());
    t.done(lookup, "");
    BOOST_TEST(lookup.take_types().empty());
  });
}

BOOST_AUTO_TEST_CASE(every_kind_of_type) {
  play([](OpTest& t) {
    announce(t, "15.4");
    Lookup lookup({20'001});
    t.submit(lookup).take_sent();
    t.server_says(begun(), data_row({"off"}), command_complete("SELECT 1"), begun(),
                  type_row(20'001, "spans", "m", 20'002), type_row(20'002, "span", "r", 20'003),
                  type_row(20'003, "length", "d", 20'004), type_row(20'004, "metres", "b"),
                  type_row(20'005, "whatever", "p"), command_complete("SELECT 5"), ready_for_query());
    t.done(lookup, "");
    const auto types = lookup.take_types();
    BOOST_REQUIRE(types.size() == 5U);
    BOOST_TEST((types[0].kind == TypeInfo::Kind::multirange && types[0].part == 20'002U));
    BOOST_TEST((types[1].kind == TypeInfo::Kind::range && types[1].part == 20'003U));
    BOOST_TEST((types[2].kind == TypeInfo::Kind::domain && types[2].part == 20'004U));
    BOOST_TEST((types[3].kind == TypeInfo::Kind::base && types[3].part == 0U));
    BOOST_TEST((types[4].kind == TypeInfo::Kind::pseudo));
  });
}

BOOST_AUTO_TEST_CASE(an_error_is_the_outcome) {
  play([](OpTest& t) {
    announce(t, "15.4");
    Lookup lookup({20'001});
    t.submit(lookup).take_sent();
    t.server_says(error_response("25P02"), ready_for_query('E'));
    t.failed(lookup, "25P02");
  });
}

BOOST_AUTO_TEST_CASE(rows_that_make_no_sense_end_the_connection) {
  const std::string whole[] = {int32(1), "a", "b", "c", int32(0), ",", names_array({}), oids_array({})};
  const auto row = [&](std::size_t changed, std::string_view value) {
    std::string body = int16(8);
    for (std::size_t i = 0; i < 8; ++i) {
      const std::string_view part = i == changed ? value : std::string_view(whole[i]);
      body += int32(static_cast<int>(part.size())) + std::string(part);
    }
    return message('D', body);
  };
  const std::string rows[] = {row(0, "abc"),  row(3, "x"), row(3, ""),  row(4, ""),
                              row(5, ""),     row(6, "?"), row(7, "?"), row(7, oids_array({1})),
                              data_row({"a"})};
  for (const std::string& each : rows) {
    OpTest t;
    announce(t, "15.4");
    Lookup lookup({20'001});
    t.submit(lookup).take_sent();
    t.server_says(begun(), data_row({"off"}), command_complete("SELECT 1"), begun(), each);
    t.killed(Errc::protocol_violation);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
