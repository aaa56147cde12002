// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/backend.hpp"

#include "tests/support/backend_writer.hpp"

namespace pgstride::test {
namespace {

using namespace std::literals;

/// A parser accepts its message, and nothing that is shorter or longer.
template <class Parser>
void only_whole(const std::string& message, Parser parse) {
  const std::string body = message.substr(5);
  BOOST_TEST(parse(as_bytes(body)).has_value());
  for (std::size_t size = 0; size < body.size(); ++size)
    BOOST_TEST(!parse(as_bytes(std::string_view(body).substr(0, size))).has_value());
  BOOST_TEST(!parse(as_bytes(body + 'x')).has_value());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(backend)

BOOST_AUTO_TEST_CASE(row_descriptions) {
  const std::string body = int16(2) + "id\0"s + int32(16384) + int16(1) + int32(23) + int16(4) + int32(-1) +
                           int16(0) + "\0"s + int32(0) + int16(0) + int32(4294967295) + int16(-1) +
                           int32(20) + int16(1);
  const auto columns = parse_row_description(as_bytes(body));
  BOOST_REQUIRE(columns);
  BOOST_REQUIRE(columns->size() == 2u);
  const Column& id = (*columns)[0];
  BOOST_TEST(id.name == "id");
  BOOST_TEST(id.table == 16384u);
  BOOST_TEST(id.attribute == 1);
  BOOST_TEST(id.type == 23u);
  BOOST_TEST(id.type_size == 4);
  BOOST_TEST(id.type_modifier == -1);
  const Column& unnamed = (*columns)[1];
  BOOST_TEST(unnamed.name == "");
  BOOST_TEST(unnamed.type == 4294967295u);
  BOOST_TEST(unnamed.type_size == -1);
  BOOST_TEST(unnamed.type_modifier == 20);

  BOOST_TEST(parse_row_description(as_bytes("\0\0"sv))->empty());
  only_whole(row_description({"a", "b"}), parse_row_description);
  BOOST_TEST(!parse_row_description(as_bytes(int16(1) + column("a", 25, 2))));
}

BOOST_AUTO_TEST_CASE(parameter_descriptions) {
  const auto types =
      parse_parameter_description(as_bytes(parameter_description({23, 0, 4294967295}).substr(5)));
  BOOST_REQUIRE(types);
  BOOST_TEST(*types == (std::vector<Oid>{23, 0, 4294967295}));
  only_whole(parameter_description({23, 25}), parse_parameter_description);
  BOOST_TEST(parse_parameter_description(as_bytes(int16(65535) + std::string(4 * 65535, 'x')))->size() ==
             65535u);
}

BOOST_AUTO_TEST_CASE(command_tags) {
  struct Case {
    std::string_view tag, command;
    std::int64_t rows;
  };
  for (const auto& [tag, command, rows] :
       {Case{"SELECT 3", "SELECT", 3}, Case{"INSERT 0 5", "INSERT", 5},
        Case{"CREATE TABLE", "CREATE TABLE", -1}, Case{"BEGIN", "BEGIN", -1}, Case{"", "", -1},
        Case{"COPY 9223372036854775807", "COPY", INT64_MAX},
        Case{"SELECT 99999999999999999999", "SELECT", -1}, Case{"SELECT -1", "SELECT -", -1},
        Case{"SELECT 1x", "SELECT", -1}, Case{"SELECT ", "SELECT", -1}}) {
    const CommandTag parsed(tag);
    BOOST_TEST(parsed.text() == tag);
    BOOST_TEST(parsed.command() == command);
    BOOST_TEST(parsed.rows() == rows);
    BOOST_TEST(!parsed.drops_statements());
  }
  BOOST_TEST(CommandTag("DISCARD ALL").drops_statements());
  BOOST_TEST(CommandTag("DEALLOCATE ALL").drops_statements());
  BOOST_TEST(!CommandTag("DISCARD PLANS").drops_statements());
  only_whole(command_complete("SELECT 1"), parse_command_complete);
}

BOOST_AUTO_TEST_CASE(ready_for_query_has_three_statuses) {
  int known = 0;
  for (int byte = 0; byte < 256; ++byte) {
    const char status = static_cast<char>(byte);
    if (parse_ready_for_query(as_bytes({&status, 1}))) ++known;
  }
  BOOST_TEST(known == 3);
  BOOST_TEST((parse_ready_for_query(as_bytes("T"sv)) == TransactionStatus::in_block));
  only_whole(ready_for_query('E'), parse_ready_for_query);
}

BOOST_AUTO_TEST_CASE(parameter_statuses) {
  const std::string body = parameter_status("TimeZone", "UTC").substr(5);
  const auto status = parse_parameter_status(as_bytes(body));
  BOOST_TEST(status->name == "TimeZone");
  BOOST_TEST(status->value == "UTC");
  only_whole(parameter_status("TimeZone", ""), parse_parameter_status);
  BOOST_TEST(!parse_parameter_status(as_bytes("\0value\0"sv)));
}

BOOST_AUTO_TEST_CASE(notifications) {
  const std::string body = notification(-7, "ch", "pay").substr(5);
  const auto heard = parse_notification(as_bytes(body));
  BOOST_TEST(heard->pid == -7);
  BOOST_TEST(heard->channel == "ch");
  BOOST_TEST(heard->payload == "pay");
  only_whole(notification(1, "", ""), parse_notification);
}

BOOST_AUTO_TEST_CASE(key_data_and_authentication) {
  const std::string body = backend_key_data(-1, "four").substr(5);
  const auto key = parse_backend_key_data(as_bytes(body));
  BOOST_TEST(key->pid == -1);
  BOOST_TEST(as_text(key->key) == "four");
  BOOST_TEST(!parse_backend_key_data(as_bytes(backend_key_data(1, "abc").substr(5))));

  const std::string md5 = authentication(5, "salt").substr(5);
  const auto request = parse_authentication(as_bytes(md5));
  BOOST_TEST((request->kind == AuthenticationKind::md5_password));
  BOOST_TEST(as_text(request->data) == "salt");
  BOOST_TEST(!parse_authentication(as_bytes("\0\0\0"sv)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
