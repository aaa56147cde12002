// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A prepared statement of one connection, and what is known of it.
//
// Statements are shared: by the cache, by the operations that run them, by the user's handle. The
// count is intrusive and not atomic because a connection lives on one thread. When the last holder
// lets go, the server is told to forget the statement too.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pgstride/protocol/error.hpp"
#include "pgstride/protocol/framing.hpp"
#include "pgstride/protocol/row.hpp"

namespace pgstride::inline v0 {

class Session;
class StatementRef;

class Statement {
 public:
  enum class State : std::uint8_t {
    fresh,      // the server has not been told of it
    in_flight,  // Parse is on its way; later requests may already rely on the name
    ready,      // parsed and described
    failed,     // the server refused it; failure() says why
    closed,     // retired, or the connection is gone
  };

  /// What a head attaches to a statement once it is described: decoders, encoders, record layout.
  class Attachment {
   public:
    virtual ~Attachment() = default;
  };

  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  State state() const noexcept { return state_; }
  bool ready() const noexcept { return state_ == State::ready; }
  /// Empty for the unnamed statement.
  const std::string& name() const noexcept { return name_; }
  const std::string& sql() const noexcept { return sql_; }
  /// Parameter types asked for in Parse (0: the server shall infer); part of the cache's key.
  std::span<const Oid> asked_types() const noexcept { return asked_types_; }

  // Meaningful once ready().
  const std::vector<Oid>& parameters() const noexcept { return parameters_; }
  const Columns& columns() const noexcept { return columns_; }
  /// False for statements without a result set; a result set may have zero columns.
  bool returns_rows() const noexcept { return returns_rows_; }

  const std::shared_ptr<const ServerError>& failure() const noexcept { return failure_; }
  /// The server has said this of a request with it, and means this statement: it is to be prepared anew.
  bool is_made_stale_by(const ServerError& error) const noexcept;

  Attachment* attachment() const noexcept { return attachment_.get(); }
  void attach(std::unique_ptr<Attachment> a) noexcept { attachment_ = std::move(a); }

  /// ParseComplete, ParameterDescription, RowDescription or NoData: the replies to Parse+Describe.
  /// False: not legal now.
  bool on_frame(const Frame&);

 private:
  friend class Session;
  friend class StatementRef;

  Statement(Session& session, std::string name, std::string_view sql, std::span<const Oid> types);
  ~Statement() = default;
  void let_go() noexcept;

  Session* session_;  // null once the session is gone
  Statement* previous_ = nullptr;
  Statement* next_ = nullptr;
  std::uint32_t holders_ = 0;
  State state_ = State::fresh;
  bool dropped_ = false;    // by the server, on its own
  bool parsed_ = false;     // ParseComplete has come
  bool described_ = false;  // ParameterDescription has come
  bool returns_rows_ = false;
  std::string name_;
  std::string sql_;
  std::vector<Oid> asked_types_;
  std::vector<Oid> parameters_;
  Columns columns_;
  std::shared_ptr<const ServerError> failure_;
  std::unique_ptr<Attachment> attachment_;
};

/// A holder of a Statement.
class StatementRef {
 public:
  StatementRef() = default;
  explicit StatementRef(Statement* statement) noexcept : statement_(statement) {
    if (statement_) ++statement_->holders_;
  }
  StatementRef(const StatementRef& other) noexcept : StatementRef(other.statement_) {}
  StatementRef(StatementRef&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  StatementRef& operator=(StatementRef other) noexcept {
    std::swap(statement_, other.statement_);
    return *this;
  }
  ~StatementRef() {
    if (statement_ && --statement_->holders_ == 0) statement_->let_go();
  }

  Statement* get() const noexcept { return statement_; }
  Statement* operator->() const noexcept { return statement_; }
  Statement& operator*() const noexcept { return *statement_; }
  explicit operator bool() const noexcept { return statement_ != nullptr; }

 private:
  Statement* statement_ = nullptr;
};

}  // namespace pgstride::inline v0
