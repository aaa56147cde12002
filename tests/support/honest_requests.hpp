// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What an owner may ask of an HonestServer: requests that each know their own answer.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pgstride/protocol/operations/copy_in.hpp"
#include "pgstride/protocol/operations/copy_out.hpp"
#include "pgstride/protocol/operations/execute.hpp"
#include "pgstride/protocol/operations/execute_many.hpp"
#include "pgstride/protocol/operations/prepare.hpp"
#include "pgstride/protocol/operations/simple_query.hpp"

#include "tests/support/require.hpp"

namespace pgstride::test::honest {

/// In the place of logging in.
class Greeting final : public Operation {
 public:
  Greeting() : Operation(Flow::startup) {}

 private:
  Encoded encode(WriteBuffer& out) override { return out.u8(0), Encoded::complete; }
  bool on_frame(const Frame&) override { return true; }
  void on_done() noexcept override {}
};

/// Every row it hears must begin with its id.
class Request : public ResultSink {
 public:
  explicit Request(int id) : id_(std::to_string(id) + ".") {}
  virtual ~Request() = default;
  virtual Operation& operation() noexcept = 0;

  bool on_row(DataRow row) override {
    const Field field = row.next();
    rows_.emplace_back(as_text(field.bytes).substr(0, id_.size()));
    return true;
  }
  void judge(bool honest) const {
    require(ended == 1);
    if (!honest) return;
    for (const std::string& row : rows_) require(row == id_);
  }

  int ended = 0;

 protected:
  std::string id_;
  std::vector<std::string> rows_;
};

/// What a Query needs before its base is made.
struct Text {
  std::string sql;
};

class Query final : public Request, private Text, public SimpleQuery {
 public:
  Query(int id, std::string_view verb)
      : Request(id), Text{verb.empty() ? id_ : std::string(verb)}, SimpleQuery(Text::sql, this) {}
  Operation& operation() noexcept override { return *this; }

 private:
  void on_done() noexcept override { ++ended; }
};

class Preparation final : public Request, public Prepare {
 public:
  Preparation(int id, StatementRef statement) : Request(id), Prepare(std::move(statement)) {}
  Operation& operation() noexcept override { return *this; }

 private:
  void on_done() noexcept override { ++ended; }
};

class Execution final : public Request, public Execute {
 public:
  Execution(int id, StatementRef statement, PortalStep step)
      : Request(id), Execute(std::move(statement), this, step) {}
  Operation& operation() noexcept override { return *this; }

 private:
  bool encode_arguments(WriteBuffer& out) override {
    out.u16(0);
    out.u16(1);
    const ValueLength length(out);
    out.text(id_);
    return true;
  }
  void on_done() noexcept override { ++ended; }
};

class Bulk final : public Request, public ExecuteMany {
 public:
  Bulk(int id, StatementRef statement, int sets, int fails_at)
      : Request(id), ExecuteMany(std::move(statement), this), sets_(sets), fails_at_(fails_at) {}
  Operation& operation() noexcept override { return *this; }

 private:
  Arguments encode_arguments(WriteBuffer& out) override {
    if (written_ == sets_) return Arguments::end;
    if (written_++ == fails_at_) return Arguments::failed;
    out.u16(0);
    out.u16(1);
    const ValueLength length(out);
    out.text(id_ + std::string(sets_ > 4 ? 9000 : 1, 'x'));
    return Arguments::row;
  }
  void on_done() noexcept override { ++ended; }

  int sets_;
  int fails_at_;
  int written_ = 0;
};

/// Some pieces of data, with pauses between, then the end or an excuse.
class CopyingIn final : public Request, private Text, public CopyIn {
 public:
  CopyingIn(int id, bool fails, unsigned pieces, bool ends_well)
      : Request(id),
        Text{"copy in " + id_ + (fails ? "fail" : "")},
        CopyIn(Text::sql),
        pieces_(pieces),
        ends_well_(ends_well) {}
  Operation& operation() noexcept override { return *this; }

 private:
  Supply supply(WriteBuffer& out) override {
    if (pieces_ == 0) return ends_well_ ? Supply::end : give_up("no more");
    const unsigned kind = pieces_-- % 3;
    if (kind == 0) return Supply::later;
    out.text(std::string(kind == 1 ? 1 : 9000, 'x'));
    return Supply::data;
  }
  void on_done() noexcept override { ++ended; }

  unsigned pieces_;
  bool ends_well_;
};

/// Takes everything, or is full or sated after its first data.
class CopyingOut final : public Request, private Text, public CopyOut {
 public:
  CopyingOut(int id, unsigned appetite)
      : Request(id), Text{"copy out " + id_}, CopyOut(Text::sql), appetite_(appetite) {}
  Operation& operation() noexcept override { return *this; }

 private:
  Appetite on_data(CopyData& data) override {
    constexpr std::size_t verb = std::string_view("copy out ").size();
    for (Bytes message; data.next(message);) {
      rows_.emplace_back(as_text(message).substr(std::min(verb, message.size()), id_.size()));
      if (appetite_ % 3 != 0) return appetite_ % 3 == 1 ? Appetite::full : Appetite::none;
    }
    return Appetite::more;
  }
  void on_done() noexcept override { ++ended; }

  unsigned appetite_;
};

}  // namespace pgstride::test::honest
