// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Transactions and savepoints. Destroying an unfinished one rolls it back; the ROLLBACK is queued and not
// waited for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "pgstride/driver/channel_ref.hpp"
#include "pgstride/driver/request.hpp"
#include "pgstride/driver/result.hpp"
#include "pgstride/protocol/operations/simple_query.hpp"

namespace pgstride::inline v0 {

/// What is not set here follows the server's default_transaction_… settings.
enum class Isolation : std::uint8_t { server_default, read_committed, repeatable_read, serializable };
enum class Access : std::uint8_t { server_default, read_write, read_only };

class TransactionOptions {
 public:
  TransactionOptions() = default;
  TransactionOptions(Isolation isolation_, Access access_ = Access::server_default,
                     bool deferrable_ = false) noexcept
      : isolation(isolation_), access(access_), deferrable(deferrable_) {}
  TransactionOptions(Access access_) noexcept : access(access_) {}

  /// "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE"
  std::string begin_statement() const;

  Isolation isolation = Isolation::server_default;
  Access access = Access::server_default;
  bool deferrable = false;  // waits for a snapshot that cannot fail; serializable and read only
};

class Begin;
class End;

/// A transaction block or, within one, a savepoint. Over when the connection is closed. A savepoint stays open when its
/// commit() or rollback() is given up before it has been sent, with nothing behind it.
class [[nodiscard]] Transaction {
 public:
  Transaction(Transaction&&) noexcept = default;
  Transaction& operator=(Transaction&& other) noexcept {
    Transaction taken(std::move(other));
    std::swap(level_, taken.level_);
    return *this;
  }
  ~Transaction();

  /// co_await: makes it permanent, as far as the transaction around it is. Throws Error
  /// (Errc::transaction_rolled_back) when the server rolls it back because an earlier statement failed.
  End commit();
  /// co_await: undoes it.
  End rollback();
  /// co_await → Transaction: one within this one, that can be undone alone. One at a time: throws Error
  /// (Errc::invalid_argument) while the one before is open.
  Begin savepoint();

  /// Neither committed nor rolled back, nor is one around it, nor has the connection ended.
  bool is_open() const noexcept;

  /// Where a transaction stands; shared with those inside it.
  struct Level {
    Level(Channel& channel_, std::shared_ptr<Level> around_);
    bool is_savepoint() const noexcept { return around != nullptr; }
    bool is_open() const noexcept { return open && channel.get() && (!around || around->is_open()); }
    std::string commit_statement() const { return around ? "RELEASE SAVEPOINT " + name : "COMMIT"; }
    /// Nobody will end it any more: what was done there must not stay.
    void roll_back_if_open() noexcept;

    ChannelRef channel;
    std::shared_ptr<Level> around;   // null: the block itself
    std::weak_ptr<Level> within;     // the last savepoint directly within
    int savepoints = 0;              // so many there were, if this is the block itself
    std::string name;                // of a savepoint; no other of the block has or had it
    std::string rollback_statement;  // made in advance: a destructor needs it
    bool open = true;
    bool forsaken = false;  // its Transaction has gone; an End of it may still be there
  };

 private:
  friend Begin;
  explicit Transaction(std::shared_ptr<Level> level) noexcept : level_(std::move(level)) {}
  const std::shared_ptr<Level>& open_level() const;

  std::shared_ptr<Level> level_;
};

/// co_await → Transaction
class [[nodiscard]] Begin final : ResultSink, public Waitable<SimpleQuery>, public Request<Begin> {
 public:
  Begin(Channel& channel, const TransactionOptions& options);
  Begin(Channel& channel, std::shared_ptr<Transaction::Level> around);
  ~Begin();

  /// It is known already that it will throw: what is made behind it would not be in a transaction of its own.
  bool is_futile() const noexcept { return is_refused_ || (!pending() && failure()); }

 private:
  friend Request;
  explicit Begin(const std::shared_ptr<Transaction::Level>& savepoint);
  Begin(std::shared_ptr<Transaction::Level> level, const std::string& sql);
  bool on_row(DataRow) override { return true; }
  void on_complete(CommandTag tag) override;
  std::string_view tag() const noexcept override { return completion_.tag(); }
  Transaction take();

  std::shared_ptr<Transaction::Level> level_;  // until it is taken
  bool is_refused_;                            // the block is somebody else's
  Completion completion_;
};

/// The end of a transaction, to be awaited.
class [[nodiscard]] End final : ResultSink, public Waitable<SimpleQuery>, public Request<End> {
 public:
  enum class How : std::uint8_t { commit, rollback };
  End(const std::shared_ptr<Transaction::Level>& level, How how);
  ~End();

 private:
  friend Request;
  End(std::shared_ptr<Transaction::Level> level, How how, const std::string& sql);
  bool on_row(DataRow) override { return true; }
  void on_complete(CommandTag tag) override;
  void on_done() noexcept override;
  std::string_view tag() const noexcept override { return completion_.tag(); }
  void take();

  How how_;
  std::shared_ptr<Transaction::Level> level_;
  Completion completion_;
};

}  // namespace pgstride::inline v0
