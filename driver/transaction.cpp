// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/transaction.hpp"

#include "pgstride/driver/unattended.hpp"
#include "pgstride/protocol/session.hpp"

namespace pgstride::inline v0 {
namespace {

// It ended on this side only, and the connection goes on. (After other failures it is over, and may be gone.)
bool was_left_open(const Operation& request) noexcept {
  const Failure* failure = request.failure();
  return failure && (failure->code == Errc::timed_out || failure->code == Errc::cancelled ||
                     failure->code == Errc::invalid_argument);
}

// Nothing is due before it that could end the block there is: it does not begin another.
bool begins_in_a_block(const Session& session) noexcept {
  return !session.awaits_reply() && session.transaction() != TransactionStatus::idle;
}

[[noreturn]] void refuse() { throw Error(Errc::invalid_argument, "the transaction is over"); }

}  // namespace

std::string TransactionOptions::begin_statement() const {
  std::string sql = "BEGIN";
  switch (isolation) {
    case Isolation::server_default: break;
    case Isolation::read_committed: sql += " ISOLATION LEVEL READ COMMITTED"; break;
    case Isolation::repeatable_read: sql += " ISOLATION LEVEL REPEATABLE READ"; break;
    case Isolation::serializable: sql += " ISOLATION LEVEL SERIALIZABLE"; break;
  }
  switch (access) {
    case Access::server_default: break;
    case Access::read_write: sql += " READ WRITE"; break;
    case Access::read_only: sql += " READ ONLY"; break;
  }
  if (deferrable) sql += " DEFERRABLE";
  return sql;
}

// --- Transaction --------------------------------------------------------------------------------

Transaction::Level::Level(Channel& channel_, std::shared_ptr<Level> around_)
    : channel(channel_), around(std::move(around_)), rollback_statement("ROLLBACK") {
  if (!around) return;
  Level* block = around.get();
  while (block->around) block = block->around.get();
  name = "pgstride_" + std::to_string(++block->savepoints);
  rollback_statement = "ROLLBACK TO SAVEPOINT " + name + "; RELEASE SAVEPOINT " + name;
}

void Transaction::Level::roll_back_if_open() noexcept {
  if (!is_open() || !channel.get()->is_open()) return;
  open = false;
  send_unattended(*channel.get(), rollback_statement);
}

Transaction::~Transaction() {
  if (!level_) return;
  level_->forsaken = true;
  level_->roll_back_if_open();
}

bool Transaction::is_open() const noexcept {
  return level_ && level_->is_open() && level_->channel.get()->is_open();
}

const std::shared_ptr<Transaction::Level>& Transaction::open_level() const {
  if (!level_ || !level_->open) refuse();
  level_->channel.demand();
  if (!level_->is_open()) refuse();
  return level_;
}

End Transaction::commit() { return End(open_level(), End::How::commit); }
End Transaction::rollback() { return End(open_level(), End::How::rollback); }
// To the server, a second one is within the first: undoing the first would undo both.
Begin Transaction::savepoint() {
  Channel& channel = open_level()->channel.demand();
  if (const auto before = level_->within.lock(); before && before->open)
    throw Error(Errc::invalid_argument,
                "a savepoint of this transaction is open; its savepoint() makes one within it");
  return Begin(channel, level_);
}

// --- Begin --------------------------------------------------------------------------------------

Begin::Begin(Channel& channel, const TransactionOptions& options)
    : Begin(std::make_shared<Transaction::Level>(channel, nullptr), options.begin_statement()) {}

Begin::Begin(Channel& channel, std::shared_ptr<Transaction::Level> around)
    : Begin(std::make_shared<Transaction::Level>(channel, std::move(around))) {}

Begin::Begin(const std::shared_ptr<Transaction::Level>& savepoint)
    : Begin(savepoint, "SAVEPOINT " + savepoint->name) {
  savepoint->around->within = savepoint;
}

Begin::Begin(std::shared_ptr<Transaction::Level> level, const std::string& sql)
    : Waitable(level->channel.demand(), sql, static_cast<ResultSink*>(this)),
      level_(std::move(level)),
      is_refused_(!level_->is_savepoint() && begins_in_a_block(channel().session())) {
  submit(sql);
}

// A block that nobody took must not stay open; without one, ROLLBACK is a mere warning. A savepoint
// that nobody took does no harm.
Begin::~Begin() {
  if (!level_ || level_->is_savepoint() || is_refused_ || !level_->channel.get()) return;
  const bool began = pending()   ? give_up() != Session::Abandoned::withdrawn
                     : failure() ? was_left_open(*this) && failure()->outcome_unknown
                                 : true;
  if (began) send_unattended(channel(), "ROLLBACK");
}

// The server only warns, and whoever ended the inner one would end the outer one.
void Begin::on_complete(CommandTag tag) {
  completion_.add(tag);
  is_refused_ = !level_->is_savepoint() && session()->transaction() != TransactionStatus::idle;
  if (is_refused_)
    throw Error(Errc::invalid_argument, "there is a transaction already; savepoint() makes one within it");
}

Transaction Begin::take() {
  if (failure() && level_->is_savepoint()) level_->open = false;
  check(level_->is_savepoint() ? "SAVEPOINT" : "BEGIN");
  return Transaction(std::move(level_));
}

// --- End ----------------------------------------------------------------------------------------

End::End(const std::shared_ptr<Transaction::Level>& level, How how)
    : End(level, how, how == How::commit ? level->commit_statement() : level->rollback_statement) {}

End::End(std::shared_ptr<Transaction::Level> level, How how, const std::string& sql)
    : Waitable(level->channel.demand(), sql, static_cast<ResultSink*>(this)),
      how_(how),
      level_(std::move(level)) {
  if (how_ == How::rollback) insist();
  submit(sql);
  level_->open = level_->is_savepoint() && !pending();
}

// What was done within a savepoint must not stay because its end was given up before it was sent: then it is open as
// before. A block ends in any case.
End::~End() {
  if (level_->is_savepoint()) {
    if (give_up() == Session::Abandoned::withdrawn) level_->open = true;
    if (level_->forsaken) level_->roll_back_if_open();
    return;
  }
  if (!(pending() || was_left_open(*this)) || !level_->channel.get()) return;
  give_up();
  send_unattended(channel(), "ROLLBACK");
}

void End::on_done() noexcept {
  if (level_->is_savepoint() && was_left_open(*this) && !failure()->outcome_unknown) level_->open = true;
  Waitable::on_done();
}

void End::on_complete(CommandTag tag) { completion_.add(tag); }

void End::take() {
  check(level_->is_savepoint() ? (how_ == How::commit ? "RELEASE SAVEPOINT" : "ROLLBACK TO SAVEPOINT")
                               : (how_ == How::commit ? "COMMIT" : "ROLLBACK"));
  if (how_ == How::commit && completion_.tag() == "ROLLBACK")
    throw Error(Errc::transaction_rolled_back,
                "the transaction was rolled back, because a statement in it had failed");
}

}  // namespace pgstride::inline v0
