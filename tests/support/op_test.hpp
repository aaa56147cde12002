// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Conversations with a server that is not there. A test writes down one conversation,
//
//     play([](OpTest& t) {
//       Query query("select 1");
//       t.submit(query).sends("Query(select 1)");
//       t.server_says(row_description({"x"}), data_row({"1"}), command_complete("SELECT 1"));
//       t.server_says(ready_for_query());
//       t.done(query, "(x) [1] SELECT 1");
//     });
//
// and play() holds it many times: as written, with the server's bytes cut in two at every position,
// byte by byte, and with the wire lost before each of the server's messages. When the wire is lost,
// every operation that is not over must end exactly once and with an error.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgstride/protocol/operations/copy_in.hpp"
#include "pgstride/protocol/operations/copy_out.hpp"
#include "pgstride/protocol/operations/execute.hpp"
#include "pgstride/protocol/operations/execute_many.hpp"
#include "pgstride/protocol/operations/prepare.hpp"
#include "pgstride/protocol/operations/simple_query.hpp"
#include "pgstride/protocol/session.hpp"

#include "tests/support/backend_writer.hpp"

namespace pgstride::test {

class OpTest;

/// The owner's end of an operation under test: what its sink heard and how often it ended.
class Witness : public ResultSink {
 public:
  enum class Taste { all, refuses_rows, throws_on_columns, throws_on_row, throws_on_complete };

  Witness() = default;
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

  virtual Operation& operation() noexcept = 0;

  std::string heard;  // "(id, name) [1, one] [2, NULL] SELECT 2"
  int ended = 0;
  Taste taste = Taste::all;
  std::function<void()> on_each_row;

  void on_columns(const Columns& columns) override;
  bool on_row(DataRow row) override;
  void on_complete(CommandTag tag) override;

 protected:
  ~Witness();
  void hear(std::string_view what);

 private:
  friend class OpTest;

  OpTest* test_ = nullptr;  // while it is pending
};

class Query final : public Witness, public SimpleQuery {
 public:
  explicit Query(std::string_view sql) : SimpleQuery(sql, this) {}
  Operation& operation() noexcept override { return *this; }

 private:
  void on_done() noexcept override { ++ended; }
};

class Preparation final : public Witness, public Prepare {
 public:
  explicit Preparation(StatementRef statement) : Prepare(std::move(statement)) {}
  Operation& operation() noexcept override { return *this; }

 private:
  void on_done() noexcept override { ++ended; }
};

class Execution final : public Witness, public Execute {
 public:
  using Arguments = std::vector<std::optional<std::string>>;
  explicit Execution(StatementRef statement, Arguments arguments = {}, PortalStep step = PortalStep())
      : Execute(std::move(statement), this, step), arguments_(std::move(arguments)) {}
  Operation& operation() noexcept override { return *this; }
  using Execute::statement;

  std::function<void()> while_encoding;
  bool refuses_to_encode = false;

 private:
  bool encode_arguments(WriteBuffer& out) override;
  void on_done() noexcept override { ++ended; }

  Arguments arguments_;
};

/// `sets` sets of one argument each, numbered from 0 and padded to `size` bytes.
class Bulk final : public Witness, public ExecuteMany {
 public:
  Bulk(StatementRef statement, std::size_t sets, std::size_t size = 1)
      : ExecuteMany(std::move(statement), this), sets_(sets), size_(size) {}
  Operation& operation() noexcept override { return *this; }

  std::size_t written = 0;
  std::optional<std::size_t> fails_at;
  std::function<void()> while_encoding;

 private:
  Arguments encode_arguments(WriteBuffer& out) override;
  void on_done() noexcept override { ++ended; }

  std::size_t sets_;
  std::size_t size_;
};

/// Supplies what it is given, piece by piece; then it waits, until told that this was all.
class CopyingIn final : public Witness, public CopyIn {
 public:
  explicit CopyingIn(std::string_view sql) : CopyIn(sql) {}
  Operation& operation() noexcept override { return *this; }

  std::deque<std::string> pieces;
  bool is_all = false;
  std::optional<std::string> fails_with;
  std::function<void(WriteBuffer&)> while_supplying;
  int stirred = 0;

 private:
  Supply supply(WriteBuffer& out) override;
  void on_start(const CopyResponse& response) override;
  void on_complete(CommandTag tag) override { Witness::on_complete(tag); }
  void on_progress() noexcept override { ++stirred; }
  void on_done() noexcept override { ++ended; }
};

/// Hears "(text 2) data data COPY 2".
class CopyingOut final : public Witness, public CopyOut {
 public:
  explicit CopyingOut(std::string_view sql) : CopyOut(sql) {}
  Operation& operation() noexcept override { return *this; }

  bool is_full = false;

 private:
  Appetite on_data(CopyData& data) override;
  void on_start(const CopyResponse& response) override;
  void on_complete(CommandTag tag) override { Witness::on_complete(tag); }
  void on_done() noexcept override { ++ended; }
};

/// What happens to the server's side of a conversation.
struct Fate {
  std::optional<std::size_t> cut_at = std::nullopt;       // byte
  std::optional<std::size_t> lost_before = std::nullopt;  // message
  bool byte_by_byte = false;
};

class OpTest {
 public:
  explicit OpTest(Fate fate = {}, SessionOptions options = {.statement_prefix = "s"});
  OpTest(const OpTest&) = delete;
  OpTest& operator=(const OpTest&) = delete;
  ~OpTest();

  Session session;  // running, idle; its statements are called s1, s2, …

  StatementRef statement(std::string_view sql) { return session.new_statement(sql); }
  /// One that the server knows and described with these columns.
  StatementRef ready_statement(std::string_view sql, std::initializer_list<std::string_view> columns = {});

  OpTest& submit(Witness& witness);
  /// submit() answers false; the failure is `code`.
  OpTest& refuses(Witness& witness, Errc code);
  /// The only thing that leaves; in_words().
  OpTest& sends(std::string_view words);
  OpTest& sends_nothing() { return sends(""); }
  /// Takes all that may leave.
  std::string take_sent();
  /// Lets only so many bytes leave.
  OpTest& sends_bytes(std::size_t count);

  template <class... Messages>
  OpTest& server_says(const Messages&... messages) {
    (hear(messages), ...);
    flush();
    return *this;
  }

  /// The next operation that is over is this one: with success, with an error of the server, with
  /// an error of ours.
  OpTest& done(Witness& witness, std::string_view heard);
  OpTest& failed(Witness& witness, std::string_view sqlstate);
  OpTest& failed(Witness& witness, Errc code);
  OpTest& nothing_done();
  /// The session has died of this, and took all that was pending with it.
  OpTest& killed(Errc code);
  OpTest& lives();

  Session::Abandoned abandon(Witness& witness);

  std::size_t bytes_heard() const noexcept { return bytes_; }
  std::size_t messages_heard() const noexcept { return messages_; }

 private:
  friend class Witness;
  friend void play(const std::function<void(OpTest&)>& script);
  struct WireLost {};

  void hear(const std::string& message);
  void flush();
  void deliver(std::string_view bytes);
  void lose_wire();
  Witness& next_done();
  Witness& take_note(Operation& operation);
  void forget(Witness& witness) noexcept;

  Fate fate_;
  std::string unflushed_;
  std::size_t bytes_ = 0;
  std::size_t messages_ = 0;
  std::vector<Witness*> pending_;
};

/// Holds the conversation with every fate.
void play(const std::function<void(OpTest&)>& script);

}  // namespace pgstride::test
