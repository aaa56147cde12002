// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Servers that break the protocol, one line each. A connection that lost its footing is never used
// again: whatever is not legal ends it (kill), and with it everything that was pending. Malformed
// start-ups are in test_startup.cpp.
// Proves R-P3, R-P4, R-P7, R-P8, R-S2, R-S3, R-S4.
#include <random>

#include <boost/test/unit_test.hpp>

#include "tests/support/op_test.hpp"

namespace pgstride::test {
namespace {

/// What was asked before the server speaks.
enum class Asked {
  nothing,
  query,      // simple query
  prepare,    // Parse, Describe
  execution,  // Bind, Execute of a statement with columns a, b
  no_rows,    // the same of a statement without rows
  fresh,      // Parse, Describe, Bind, Execute
  cursor,     // Bind, Execute of a, b with a limit of two rows, Close
  bulk,       // Bind, Execute of a, b; twice
  abandoned,  // a simple query that nobody waits for
  closing,    // Close of a statement, then a simple query
};

enum class Outcome {
  kill,   // protocol_violation
  limit,  // limit_exceeded
  lost,   // connection_lost, as the server said
  error,  // the request fails as the server said; the session lives
  ok,     // the request succeeds
  wait,   // nothing yet: more must come
};

struct Line {
  const char* id;
  Asked asked;
  std::string said;
  Outcome outcome;
};

/// The request, and the operation whose end counts.
class Conversation {
 public:
  explicit Conversation(Asked asked) {
    const auto ready = [&] { return t.ready_statement("select a, b from t", {"a", "b"}); };
    switch (asked) {
      case Asked::nothing: break;
      case Asked::query: submit(std::make_unique<Query>("select a, b from t")); break;
      case Asked::prepare: submit(std::make_unique<Preparation>(t.statement("select a, b from t"))); break;
      case Asked::execution: submit(std::make_unique<Execution>(ready())); break;
      case Asked::no_rows: submit(std::make_unique<Execution>(t.ready_statement("set x = 1"))); break;
      case Asked::fresh: submit(std::make_unique<Execution>(t.statement("select a, b from t"))); break;
      case Asked::cursor:
        submit(std::make_unique<Execution>(ready(), Execution::Arguments{},
                                           PortalStep{.portal = "p", .row_limit = 2, .close = true}));
        break;
      case Asked::bulk: submit(std::make_unique<Bulk>(ready(), 2)); break;
      case Asked::abandoned:
        submit(std::make_unique<Query>("select a, b from t"));
        t.take_sent();
        t.abandon(*witness);
        witness.reset();
        break;
      case Asked::closing:
        t.ready_statement("select 1");
        submit(std::make_unique<Query>("select a, b from t"));
        break;
    }
    t.take_sent();
  }

  void expect(Outcome outcome) {
    switch (outcome) {
      case Outcome::kill: t.killed(Errc::protocol_violation); break;
      case Outcome::limit: t.killed(Errc::limit_exceeded); break;
      case Outcome::lost: t.killed(Errc::connection_lost); break;
      case Outcome::wait: t.lives().nothing_done(); break;
      case Outcome::error:
        t.lives();
        if (witness) t.failed(*witness, Errc::server_error);
        break;
      case Outcome::ok:
        t.lives();
        if (witness) t.done(*witness, std::string(witness->heard));
        break;
    }
  }

  OpTest t;
  std::unique_ptr<Witness, void (*)(Witness*)> witness{nullptr, [](Witness*) {}};

 private:
  template <class Request>
  void submit(std::unique_ptr<Request> request) {
    witness = {request.release(), [](Witness* w) { delete static_cast<Request*>(w); }};
    t.submit(*witness);
  }
};

void hold(const Line& line) {
  BOOST_TEST_CONTEXT(line.id << ", asked " << static_cast<int>(line.asked)) {
    for (const bool byte_by_byte : {false, true}) {
      if (byte_by_byte && line.said.size() > 4096) continue;
      Conversation conversation(line.asked);
      if (byte_by_byte) {
        for (const char byte : line.said) conversation.t.server_says(std::string(1, byte));
      } else {
        conversation.t.server_says(line.said);
      }
      conversation.expect(line.outcome);
    }
  }
}

std::string columns(std::initializer_list<std::string> list, std::int64_t count) {
  std::string body = int16(count);
  for (const std::string& each : list) body += each;
  return message('T', body);
}

const std::string Z = ready_for_query();
const std::string T = row_description({"a", "b"});
const std::string D = data_row({"1", null});
const std::string C = command_complete("SELECT 1");
const std::string one = parse_complete();
const std::string two = bind_complete();
const std::string E = error_response("22012");
const std::string describes = description({"a", "b"});

std::string row(std::int64_t count, const std::string& values) { return message('D', int16(count) + values); }
std::string value(std::string_view text) {
  return int32(static_cast<std::int64_t>(text.size())) + std::string(text);
}

using enum Asked;
using enum Outcome;

const Line framing[] = {
    {"HS-070", query, lying_message('D', 0), kill},
    {"HS-070", query, lying_message('D', 3), kill},
    {"HS-070", query, lying_message('N', 3), kill},
    {"HS-071", query, lying_message('D', -1), kill},
    {"HS-071", query, lying_message('Z', -5), kill},
    {"HS-071", query, lying_message('d', INT32_MIN), kill},
    {"HS-073", query, T + lying_message('D', (1 << 30) - 1, std::string(1024, 'x')), wait},
    {"HS-074", query, lying_message('D', 1 << 30), limit},
    {"HS-074", query, lying_message('d', INT32_MAX), limit},
    {"HS-076", query, message('Q', cstring("select 1")), kill},
    {"HS-076", query, message('P', cstring("") + cstring("") + int16(0)), kill},
    {"HS-076", query, message('B'), kill},
    {"HS-078", query, T + D + "D", wait},
    {"HS-080", nothing, "HTTP/1.1 400 Bad Request\r\n\r\n", kill},
    {"HS-080", nothing, "SSH-2.0-OpenSSH_9.2\r\n", kill},
    {"HS-080", nothing, std::string("\x15\x03\x01\x00\x02\x02\x28", 7), kill},
};

const Line results[] = {
    {"HS-085", query, T + row(2, value("1") + int32(-2)), kill},
    {"HS-085", execution, two + row(2, int32(INT32_MIN) + value("1")), kill},
    {"HS-086", query, T + row(2, value("1") + int32(100)), kill},
    {"HS-086", query, T + row(2, value("1") + value("2") + "x"), kill},
    {"HS-086", query, T + row(2, value("1") + int16(0)), kill},
    {"HS-087", query, T + row(0, ""), kill},
    {"HS-087", query, T + row(1, value("1")), kill},
    {"HS-087", query, T + row(3, value("1") + value("2") + value("3")), kill},
    {"HS-087", execution, two + row(-1, value("1") + value("2")), kill},
    {"HS-087", bulk, two + row(32768, value("1") + value("2")), kill},
    {"HS-088", query, D, kill},
    {"HS-088", query, C + D, kill},
    {"HS-088", query, T + D + C + D, kill},
    {"HS-088", execution, D, kill},
    {"HS-088", execution, two + C + D, kill},
    {"HS-088", no_rows, two + row(0, ""), kill},
    {"HS-088", fresh, one + parameter_description({}) + no_data() + two + row(0, ""), kill},
    {"HS-089", query, columns({}, -1), kill},
    {"HS-089", query, columns({column("a")}, 65535), kill},
    {"HS-089", query, message('T', int16(1) + "unterminated and long enough"), kill},
    {"HS-089", query, columns({column("a", 25, 2)}, 1), kill},
    {"HS-089", prepare, one + parameter_description({}) + columns({column("a"), column("b"), "x"}, 2), kill},
    {"HS-090", execution, two + T, kill},
    {"HS-090", execution, T + two, kill},
    {"HS-090", query, T + D + T, kill},
    {"HS-091", prepare, one + message('t', int16(2) + int32(23)), kill},
    {"HS-091", prepare, one + message('t', int16(7499) + std::string(4 * 7499, '\1')) + no_data() + Z, ok},
    {"HS-091", prepare, one + message('t', int16(65535) + std::string(4 * 65535, '\1')) + no_data() + Z, ok},
    {"HS-092", query, T + D + C, wait},
    {"HS-093", nothing, Z, kill},
    {"HS-093", query, Z, kill},
    {"HS-093", query, T + D + Z, kill},
    {"HS-093", query, T + C + Z + Z, kill},
    {"HS-093", execution, Z, kill},
    {"HS-093", execution, two + Z, kill},
    {"HS-093", prepare, one + Z, kill},
    {"HS-093", bulk, two + C + Z, kill},
    {"HS-093", closing, Z, kill},
    {"HS-094", query, C + message('Z', "X"), kill},
    {"HS-094", query, C + message('Z', std::string(1, '\0')), kill},
    {"HS-094", query, C + message('Z', "II"), kill},
    {"HS-095", query, command_complete("BEGIN") + ready_for_query('I'), ok},
    {"HS-095", query, command_complete("COMMIT") + ready_for_query('T'), ok},
    {"HS-096", query, message('C', "SELECT 1"), kill},
    {"HS-096", query, command_complete("") + Z, ok},
    {"HS-096", query, command_complete("SELECT 99999999999999999999") + Z, ok},
    {"HS-096", query, command_complete(std::string(1 << 20, 'x')), kill},
    {"HS-097", execution, two + C + C, kill},
    {"HS-097", no_rows, two + C + empty_query_response(), kill},
    {"HS-097", cursor, two + D + D + portal_suspended() + C, kill},
    {"HS-097", bulk, two + C + C, kill},
    {"HS-098", fresh, describes.substr(one.size()), kill},
    {"HS-098", fresh, one + one, kill},
    {"HS-098", fresh, one + T, kill},
    {"HS-098", fresh, one + parameter_description({}) + parameter_description({}), kill},
    {"HS-098", fresh, describes + T, kill},
    {"HS-098", fresh, one + two, kill},
    {"HS-098", fresh, two, kill},
    {"HS-098", execution, one, kill},
    {"HS-098", execution, two + two, kill},
    {"HS-098", execution, C, kill},
    {"HS-098", execution, two + C + close_complete(), kill},
    {"HS-098", cursor, two + C + Z, kill},
    {"HS-098", cursor, two + close_complete(), kill},
    {"HS-098", bulk, two + C + two + two, kill},
    {"HS-098", bulk, two + C + two + C + two, kill},
    {"HS-098", query, one, kill},
    {"HS-098", query, two, kill},
    {"HS-098", query, no_data(), kill},
    {"HS-098", closing, one, kill},
    {"HS-098", closing, close_complete() + C, kill},
    {"HS-099", execution, two + portal_suspended(), kill},
    {"HS-099", query, T + portal_suspended(), kill},
    {"HS-099", cursor, two + D + D + D, kill},
    {"HS-100", execution, two + empty_query_response() + Z, ok},
};

const Line errors[] = {
    {"HS-101", query, message('E'), kill},
    {"HS-101", query, message('E', "Cxxxxx"), kill},
    {"HS-101", query, message('E', cstring("C22012")), kill},
    {"HS-101", query, message('E', std::string("\0more", 5)), kill},
    {"HS-101", query, message('E', std::string(1, '\0')) + Z, error},
    {"HS-101", query, message('E', fields({{'y', "?"}, {'z', "!"}})) + Z, error},
    {"HS-101", query, message('E', fields({{'C', "22012"}, {'C', "57014"}})) + Z, error},
    {"HS-101", query, error_response("22012", "ERROR", std::string(60 << 20, 'x')) + Z, error},
    {"HS-101", query, lying_message('E', (64 << 20) + 1), kill},
    {"HS-101", query, message('E', fields({{'M', "\xff\xfe"}, {'P', "-1"}})) + Z, error},
    {"HS-101", query, message('N', "Mno end"), kill},
    {"HS-102", query, error_response("") + Z, error},
    {"HS-102", query, error_response("220123\n") + Z, error},
    {"HS-103", query, T + E + D, kill},
    {"HS-103", query, E + C, kill},
    {"HS-103", fresh, E + one, kill},
    {"HS-103", execution, two + E + C, kill},
    {"HS-103", bulk, two + C + E + two, kill},
    {"HS-103", abandoned, E + C, kill},
    {"HS-104", query, E + E, kill},
    {"HS-104", query, E + error_response("57P01", "FATAL"), lost},
    {"HS-105", nothing, error_response("57P01", "FATAL"), lost},
    {"HS-105", query, T + D + error_response("57P01", "FATAL") + D + C + Z, lost},
    {"HS-105", query, message('E', fields({{'S', "PANIC"}, {'C', "XX000"}})), lost},
    {"HS-106", nothing, E, kill},
    {"HS-108", nothing, notification(1, "never listened to", std::string((1 << 20) - 4096, 'x')), ok},
    {"HS-108", nothing, lying_message('A', (1 << 20) + 1), kill},
    {"HS-108", nothing, message('A', int32(1) + cstring("channel") + "no end"), kill},
    {"HS-109", query, T + parameter_status("TimeZone", "Mars/Olympus") + D + C + Z, ok},
    {"HS-109", query, T + message('S', cstring("TimeZone")), kill},
    {"HS-109", query, message('S', cstring("") + cstring("x")), kill},
    {"HS-112", query, message('V', int32(-1)), kill},
    {"HS-112", query, copy_response('W'), kill},
    {"HS-112", query, copy_data("nobody copies"), kill},
    {"HS-112", query, copy_done(), kill},
    {"R-S1", nothing, authentication(0), kill},
    {"R-S1", nothing, backend_key_data(1, "1234"), kill},
    {"R-S1", abandoned, T + D + C + Z, ok},
    {"R-S1", abandoned, Z, kill},
    {"R-S1", abandoned, T + D + C + Z + Z, kill},
    {"R-S1", abandoned, T + D + C + Z + D, kill},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(hostile_server)

BOOST_AUTO_TEST_CASE(framing_rows) {
  for (const Line& line : framing) hold(line);
}

BOOST_AUTO_TEST_CASE(result_rows) {
  for (const Line& line : results) hold(line);
}

BOOST_AUTO_TEST_CASE(error_rows) {
  for (const Line& line : errors) hold(line);
}

BOOST_AUTO_TEST_CASE(replies_in_the_wrong_order) {  // HS-110, HS-111
  OpTest t;
  const StatementRef statement = t.ready_statement("select a, b from t", {"a", "b"});
  Execution first(statement);
  Query second("select a, b from t");
  t.submit(first).submit(second).take_sent();
  t.server_says(T).killed(Errc::protocol_violation);

  OpTest u;
  Query a("a"), b("b");
  u.submit(a).submit(b).take_sent();
  u.server_says(E, T).killed(Errc::protocol_violation);
}

// HS-072, HS-077: the lengths that a type cannot have are refused at the header.
BOOST_AUTO_TEST_CASE(impossible_lengths) {
  struct Fixed {
    char type;
    std::int64_t length;
  };
  for (const auto& [type, length] : {Fixed{'Z', 5}, Fixed{'1', 4}, Fixed{'2', 4}, Fixed{'3', 4},
                                     Fixed{'n', 4}, Fixed{'s', 4}, Fixed{'I', 4}, Fixed{'c', 4}}) {
    for (const std::int64_t wrong : {length - 1, length + 1, std::int64_t{INT32_MAX}})
      hold({"HS-072", query, lying_message(type, wrong), kill});
  }
  for (const char type : std::string_view("TtCEGHWNAS"))
    hold({"HS-072", query, lying_message(type, INT32_MAX), kill});
  for (const std::string& legal : {T, C, E, parameter_status("a", "b"), notification(1, "a", "b")}) {
    const std::string body = legal.substr(5);
    hold({"HS-077", query, message(legal[0], body.substr(0, body.size() - 1)), kill});
    hold({"HS-077", query, message(legal[0], body + "x"), kill});
  }
}

BOOST_AUTO_TEST_CASE(each_of_256_types_in_each_state) {  // HS-075
  std::mt19937 random(7);
  for (const Asked asked :
       {nothing, query, prepare, execution, no_rows, fresh, cursor, bulk, abandoned, closing}) {
    for (int type = 0; type < 256; ++type) {
      std::string noise(random() % 40, '\0');
      for (char& byte : noise) byte = static_cast<char>(random());
      for (const std::string& body : {std::string(), noise}) {
        Conversation conversation(asked);
        conversation.t.server_says(message(static_cast<char>(type), body));
        if (!conversation.t.session.failure()) conversation.t.lives().nothing_done();
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(noise) {  // HS-079
  std::mt19937 random(11);
  for (int round = 0; round < 20; ++round) {
    std::string megabyte(1 << 20, '\0');
    for (char& byte : megabyte) byte = static_cast<char>(random());
    Conversation conversation(round % 2 ? query : abandoned);
    conversation.t.server_says(megabyte);
    BOOST_TEST(conversation.t.session.failure());
  }
}

BOOST_AUTO_TEST_CASE(a_million_notices) {  // HS-107
  Conversation conversation(query);
  std::string notices;
  for (int i = 0; i < 1000; ++i) notices += notice_response("hello");
  for (int i = 0; i < 1000; ++i) conversation.t.server_says(notices);
  conversation.t.server_says(C + Z);
  conversation.expect(ok);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
