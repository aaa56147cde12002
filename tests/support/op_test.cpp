// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/op_test.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <boost/test/results_collector.hpp>
#include <boost/test/unit_test.hpp>

#include "tests/support/frontend_words.hpp"

namespace pgstride::test {
namespace {

// Stands for the start-up: the server may say ReadyForQuery, and the session runs.
class Greeting final : public Operation {
 public:
  Greeting() : Operation(Flow::startup) {}

 private:
  Encoded encode(WriteBuffer& out) override { return out.u8(0), Encoded::complete; }
  bool on_frame(const Frame& frame) override { return frame.type == 'R' || frame.type == 'Z'; }
  void on_done() noexcept override {}
};

}  // namespace

// --- the owner's end ----------------------------------------------------------------------------

Witness::~Witness() {
  if (test_) test_->forget(*this);
}

void Witness::hear(std::string_view what) { heard.append(heard.empty() ? "" : " ").append(what); }

void Witness::on_columns(const Columns& columns) {
  std::string names;
  for (const Column& column : columns) names.append(names.empty() ? "" : ", ").append(column.name);
  hear("(" + names + ")");
  if (taste == Taste::throws_on_columns) throw std::runtime_error("no columns, please");
}

bool Witness::on_row(DataRow row) {
  std::string values;
  for (int i = 0; i < row.size(); ++i) {
    const Field field = row.next();
    values.append(i == 0 ? "" : ", ").append(field.null ? "NULL" : as_text(field.bytes));
  }
  hear("[" + values + "]");
  if (on_each_row) on_each_row();
  if (taste == Taste::throws_on_row) throw std::runtime_error("no rows, please");
  return taste != Taste::refuses_rows;
}

void Witness::on_complete(CommandTag tag) {
  hear(tag.text().empty() ? "-" : tag.text());
  if (taste == Taste::throws_on_complete) throw std::runtime_error("no end, please");
}

bool Execution::encode_arguments(WriteBuffer& out) {
  out.u16(0);
  out.u16(static_cast<std::uint16_t>(arguments_.size()));
  for (const auto& argument : arguments_) {
    if (!argument) {
      out.i32(-1);
      continue;
    }
    const ValueLength length(out);
    out.text(*argument);
  }
  if (while_encoding) while_encoding();
  if (refuses_to_encode) fail({Errc::invalid_argument, "an argument of the test's"});
  return !refuses_to_encode;
}

ExecuteMany::Arguments Bulk::encode_arguments(WriteBuffer& out) {
  if (while_encoding) while_encoding();
  if (written == sets_) return Arguments::end;
  out.u16(0);
  out.u16(1);
  const ValueLength length(out);
  if (fails_at == written) {
    fail({Errc::invalid_argument, "an argument of the test's"});
    return Arguments::failed;
  }
  auto number = std::to_string(written++);
  number.resize(std::max(size_, number.size()), '.');
  out.text(number);
  return Arguments::row;
}

CopyIn::Supply CopyingIn::supply(WriteBuffer& out) {
  if (while_supplying) while_supplying(out);
  if (!pieces.empty()) {
    out.text(pieces.front());
    pieces.pop_front();
    return Supply::data;
  }
  if (fails_with) return give_up(*fails_with);
  return is_all ? Supply::end : Supply::later;
}

namespace {

std::string in_words(const CopyResponse& response) {
  return std::string(response.format == Format::text ? "(text " : "(binary ") +
         std::to_string(response.columns) + ")";
}

}  // namespace

void CopyingIn::on_start(const CopyResponse& response) { hear(in_words(response)); }
void CopyingOut::on_start(const CopyResponse& response) { hear(in_words(response)); }

CopyOut::Appetite CopyingOut::on_data(CopyData& data) {
  for (Bytes message; data.next(message);) {
    hear(as_text(message));
    if (on_each_row) on_each_row();
    if (taste == Taste::throws_on_row) throw std::runtime_error("no data, please");
    if (taste == Taste::refuses_rows) return Appetite::none;
    if (is_full) return Appetite::full;
  }
  return Appetite::more;
}

// --- the conversation ---------------------------------------------------------------------------

OpTest::OpTest(Fate fate, SessionOptions options) : session(std::move(options)) {
  Greeting greeting;
  if (!session.submit(greeting)) throw std::logic_error("the session starts dead");
  session.commit_write(session.pending_write().size());
  deliver(authentication(0));
  session.authenticated();
  deliver(ready_for_query());
  if (session.next_done() != &greeting) throw std::logic_error("the session did not start");
  fate_ = fate;
}

OpTest::~OpTest() {
  for (Witness* witness : pending_) witness->test_ = nullptr;
}

StatementRef OpTest::ready_statement(std::string_view sql, std::initializer_list<std::string_view> columns) {
  StatementRef prepared = statement(sql);
  Preparation preparation(prepared);
  BOOST_REQUIRE(session.submit(preparation));
  const bool closes = in_words(session.pending_write()).starts_with("Close");  // one that was let go of
  session.commit_write(session.pending_write().size());
  if (closes) deliver(close_complete() + ready_for_query());
  deliver(description(columns) + ready_for_query(static_cast<char>(session.transaction())));
  BOOST_REQUIRE(session.next_done() == &preparation.operation());
  BOOST_REQUIRE(prepared->ready());
  return prepared;
}

OpTest& OpTest::submit(Witness& witness) {
  BOOST_REQUIRE(session.submit(witness.operation()));
  BOOST_TEST(witness.operation().pending());
  witness.test_ = this;
  witness.heard.clear();
  witness.ended = 0;
  pending_.push_back(&witness);
  return *this;
}

OpTest& OpTest::refuses(Witness& witness, Errc code) {
  BOOST_TEST(!session.submit(witness.operation()));
  BOOST_TEST(!witness.operation().pending());
  BOOST_REQUIRE(witness.operation().failure());
  BOOST_TEST(witness.operation().failure()->code == make_error_code(code));
  return *this;
}

std::string OpTest::take_sent() {
  std::string sent;
  while (true) {
    const Bytes pending = session.pending_write();
    if (pending.empty()) return sent;
    const std::size_t count = fate_.byte_by_byte ? 1 : pending.size();
    sent += as_text(pending.first(count));
    session.commit_write(count);
  }
}

OpTest& OpTest::sends(std::string_view words) {
  const std::string sent = take_sent();
  BOOST_TEST(in_words(as_bytes(sent)) == words);
  return *this;
}

OpTest& OpTest::sends_bytes(std::size_t count) {
  BOOST_REQUIRE(session.pending_write().size() >= count);
  session.commit_write(count);
  return *this;
}

void OpTest::hear(const std::string& message) {
  if (fate_.lost_before == messages_++) {
    flush();
    lose_wire();
  }
  unflushed_ += message;
}

void OpTest::flush() {
  const std::string bytes = std::exchange(unflushed_, {});
  const std::size_t begin = std::exchange(bytes_, bytes_ + bytes.size());
  if (fate_.byte_by_byte) {
    for (const char& byte : bytes) deliver({&byte, 1});
  } else if (fate_.cut_at && *fate_.cut_at > begin && *fate_.cut_at < bytes_) {
    deliver(std::string_view(bytes).substr(0, *fate_.cut_at - begin));
    deliver(std::string_view(bytes).substr(*fate_.cut_at - begin));
  } else {
    deliver(bytes);
  }
}

void OpTest::deliver(std::string_view bytes) {
  while (!bytes.empty() && !session.failure()) {
    const auto space = session.prepare_read();
    if (space.empty()) throw std::logic_error("there is no room to read into");
    const std::size_t count = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), count);
    session.commit_read(count);
    bytes.remove_prefix(count);
  }
}

void OpTest::lose_wire() {
  // What was over before stays as it was.
  while (Operation* operation = session.next_done()) take_note(*operation);
  session.fail({Errc::connection_lost, "the test lost the wire"});
  const auto code = static_cast<Errc>(session.failure()->code.value());
  killed(code);
  Query late("select 'too late'");
  refuses(late, code);
  throw WireLost{};
}

Witness& OpTest::next_done() {
  Operation* operation = session.next_done();
  BOOST_REQUIRE_MESSAGE(operation, "nothing is done");
  return take_note(*operation);
}

Witness& OpTest::take_note(Operation& operation) {
  const auto found = std::find_if(pending_.begin(), pending_.end(),
                                  [&](Witness* w) { return &w->operation() == &operation; });
  BOOST_REQUIRE_MESSAGE(found != pending_.end(), "an operation is done that nobody waits for");
  Witness& witness = **found;
  witness.test_ = nullptr;
  pending_.erase(found);
  operation.notify();
  BOOST_TEST(witness.ended == 1);
  BOOST_TEST(!operation.pending());
  return witness;
}

OpTest& OpTest::done(Witness& witness, std::string_view heard) {
  BOOST_REQUIRE(&next_done() == &witness);
  const Failure* failure = witness.operation().failure();
  BOOST_TEST(!failure, (failure ? describe(*failure) : ""));
  BOOST_TEST(witness.heard == heard);
  return *this;
}

OpTest& OpTest::failed(Witness& witness, std::string_view sqlstate) {
  failed(witness, Errc::server_error);
  BOOST_REQUIRE(witness.operation().failure()->server);
  BOOST_TEST(witness.operation().failure()->server->sqlstate() == sqlstate);
  return *this;
}

OpTest& OpTest::failed(Witness& witness, Errc code) {
  BOOST_REQUIRE(&next_done() == &witness);
  BOOST_REQUIRE(witness.operation().failure());
  BOOST_TEST(witness.operation().failure()->code == make_error_code(code));
  return *this;
}

OpTest& OpTest::nothing_done() {
  BOOST_TEST(!session.next_done());
  return *this;
}

OpTest& OpTest::killed(Errc code) {
  BOOST_REQUIRE(session.failure());
  BOOST_TEST(session.failure()->code == make_error_code(code));
  bool failing = false;  // what was over before may be a success
  while (!pending_.empty()) {
    const bool failed = next_done().operation().failure() != nullptr;
    BOOST_TEST((failed || !failing));
    failing = failing || failed;
  }
  return nothing_done();
}

OpTest& OpTest::lives() {
  const Failure* failure = session.failure();
  BOOST_TEST(!failure, (failure ? describe(*failure) : ""));
  return *this;
}

Session::Abandoned OpTest::abandon(Witness& witness) {
  forget(witness);
  witness.test_ = nullptr;
  return session.abandon(witness.operation());
}

void OpTest::forget(Witness& witness) noexcept { std::erase(pending_, &witness); }

void play(const std::function<void(OpTest&)>& script) {
  const auto hold = [&](Fate fate) {
    OpTest test(fate);
    try {
      script(test);
      BOOST_TEST(test.pending_.empty(), "the conversation leaves operations behind");
      test.nothing_done();
    } catch (const OpTest::WireLost&) {
      BOOST_TEST(fate.lost_before.has_value());
    }
    return std::pair(test.bytes_heard(), test.messages_heard());
  };

  const auto [bytes, messages] = hold({});
  const auto test_case = boost::unit_test::framework::current_test_case().p_id;
  if (!boost::unit_test::results_collector.results(test_case).passed()) return;  // once is enough to see why
  BOOST_TEST_CONTEXT("byte by byte") { hold({.byte_by_byte = true}); }
  for (std::size_t cut = 1; cut < bytes; ++cut) {
    BOOST_TEST_CONTEXT("cut at byte " << cut) { hold({.cut_at = cut}); }
  }
  for (std::size_t message = 0; message < messages; ++message) {
    BOOST_TEST_CONTEXT("wire lost before message " << message) { hold({.lost_before = message}); }
  }
}

}  // namespace pgstride::test
