// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A session between two unpredictable parties: an owner who submits, abandons, holds and releases in
// any order, and a server. The input is a program of such steps.
//
// The server is honest, answering in pieces of any size, until a step makes it say arbitrary bytes.
// While it is honest the session must live, and every request gets its own rows or an error; after
// that there only remain the promises that hold with any server: an operation ends at most once, an
// abandoned one never, and with the session everything ends.
// Proves FZ-1.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "pgstride/protocol/session.hpp"

#include "tests/support/backend_writer.hpp"
#include "tests/support/honest_requests.hpp"
#include "tests/support/honest_server.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace pgstride::test::honest;

namespace {

// --- both of them -------------------------------------------------------------------------------

class Play {
 public:
  explicit Play(Bytes program) : program_(program) {
    Greeting greeting;
    require(session_.submit(greeting));
    session_.commit_write(session_.pending_write().size());
    static_cast<void>(deliver(authentication(0)));
    session_.authenticated();
    static_cast<void>(deliver(ready_for_query()));
    require(session_.next_done() == &greeting);
  }

  void run() {
    for (int steps = 0; !program_.empty() && steps < 400; ++steps) {
      step();
      if (session_.left_unread()) session_.read_on();
      finish_done();
    }
    if (!honest_) {
      session_.fail({Errc::connection_lost, {}});
      return finish_done();
    }
    session_.release();
    for (int i = 0; i < 1000 && !live_.empty(); ++i) {
      exchange();
      finish_done();
    }
    for (int i = 0; i < 1000 && !session_.quiescent(); ++i) exchange();
    require(!session_.failure());
    require(live_.empty());
    require(session_.quiescent());
  }

 private:
  unsigned take() {
    const unsigned byte = program_.empty() ? 0 : static_cast<unsigned>(program_[0]);
    if (!program_.empty()) program_ = program_.subspan(1);
    return byte;
  }

  void step() {
    switch (const unsigned verb = take() % 24; verb) {
      case 0: return submit(std::make_unique<Query>(next_id_, ""));
      case 1: {
        constexpr std::string_view verbs[] = {"fail", "begin", "commit", "discard"};
        return submit(std::make_unique<Query>(next_id_, verbs[take() % 4]));
      }
      case 2: return new_statement();
      case 3:
      case 4: return execute();
      case 5: return prepare();
      case 6: return bulk();
      case 7: {
        Query unattended(next_id_, "");
        return session_.submit_unattended(unattended);
      }
      case 8:
      case 9: return leave();
      case 10: static_cast<void>(session_.hold()); return;
      case 11: return session_.release();
      case 12:
      case 13: return send(take() * (verb == 12 ? 1 : 4096));
      case 14:
      case 15: return hear(take() * (verb == 14 ? 1 : 4096));
      case 16: return drop_statement();
      case 17: return session_.statements().resize(take() % 4);
      case 18: return expire();
      case 20: return copy_in();
      case 21: return submit(std::make_unique<CopyingOut>(next_id_, take()));
      case 22: return session_.break_off();
      case 23: return session_.read_on();
      default: return lie();
    }
  }

  static constexpr std::size_t most_live = 31;
  // A bulk operation writes its first slice when it is submitted, and waits for room with the next only.
  static constexpr std::size_t most_waiting = (most_live + 1) * (128 << 10);

  void submit(std::unique_ptr<Request> request) {
    if (live_.size() == most_live) return;
    ++next_id_;
    const bool accepted = session_.submit(request->operation(), take() % 8 == 0 ? now_ + 5 : no_deadline);
    require(accepted == request->operation().pending());
    require(accepted || request->operation().failure() || !session_.failure());
    if (accepted) live_.push_back(std::move(request));
  }
  void new_statement() {
    if (statements_.size() > 8) return;
    const unsigned choice = take();
    statements_.push_back(
        session_.new_statement(choice % 4 ? std::to_string(choice % 7) : "fail", {}, choice % 5 != 0));
    if (choice > 128) session_.statements().insert(statements_.back());
  }
  StatementRef statement() {
    return statements_.empty() ? StatementRef() : statements_[take() % statements_.size()];
  }
  void execute() {
    const StatementRef chosen = statement();
    if (!chosen || (chosen->name().empty() && chosen->state() != Statement::State::fresh)) return;
    PortalStep portal;
    if (take() % 8 == 0) portal = {.portal = "c", .row_limit = 1, .close = true};
    submit(std::make_unique<Execution>(next_id_, chosen, portal));
  }
  void prepare() {
    const StatementRef chosen = statement();
    if (chosen && chosen->state() == Statement::State::fresh)
      submit(std::make_unique<Preparation>(next_id_, chosen));
  }
  void bulk() {
    const StatementRef chosen = statement();
    if (!chosen || !chosen->ready() || chosen->name().empty()) return;
    const int sets = static_cast<int>(take() % 24);
    submit(std::make_unique<Bulk>(next_id_, chosen, sets, static_cast<int>(take() % 48)));
  }
  void copy_in() {
    const bool fails = take() % 4 == 0;
    const unsigned pieces = take() % 24;
    submit(std::make_unique<CopyingIn>(next_id_, fails, pieces, take() % 4 != 0));
  }
  void drop_statement() {
    if (!statements_.empty())
      statements_.erase(statements_.begin() + take() % static_cast<unsigned>(statements_.size()));
  }

  void leave() {
    if (live_.empty()) return;
    const auto request = live_.begin() + take() % static_cast<unsigned>(live_.size());
    if (take() % 2) {
      static_cast<void>(session_.abandon((*request)->operation()));
      require(!(*request)->operation().pending());
      require((*request)->ended == 0);
    }
    live_.erase(request);
  }
  void expire() {
    now_ += take();
    while (session_.expire(now_)) finish_done();
    require(session_.next_deadline() > now_);
  }

  void send(std::size_t most) {
    while (most > 0) {
      const Bytes pending = session_.pending_write();
      if (pending.empty()) return;
      require(pending.size() < most_waiting);
      const std::size_t count = std::min(most, pending.size());
      if (honest_) server_.hear(pending.first(count));
      session_.commit_write(count);
      most -= count;
    }
  }
  void exchange() {
    send(SIZE_MAX);
    session_.read_on();
    hear(SIZE_MAX);
  }
  void hear(std::size_t most) {
    while (most > 0 && !server_.said.empty() && !session_.paused() && !session_.failure()) {
      const std::size_t count = deliver(std::string_view(server_.said).substr(0, most));
      server_.said.erase(0, count);
      most -= count;
    }
  }
  void lie() {
    honest_ = false;
    std::string lies;
    for (unsigned count = 1 + take() % 8; count > 0; --count) {
      switch (take() % 4) {
        case 0: lies += static_cast<char>(take()); break;
        case 1:
          lies += message("ZECDT12nt3sIGHdcNAS"[take() % 19],
                          std::string(take() % 12, static_cast<char>(take())));
          break;
        case 2: lies += description({"x"}) + bind_complete(); break;
        default: lies += data_row({"x"}) + command_complete("SELECT 1") + ready_for_query(); break;
      }
    }
    session_.read_on();
    for (std::size_t said = 0; said < lies.size() && !session_.failure();)
      said += deliver(std::string_view(lies).substr(said));
  }
  /// As much as there is room for.
  std::size_t deliver(std::string_view bytes) {
    const auto space = session_.prepare_read();
    require(!space.empty());
    const std::size_t count = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), count);
    session_.commit_read(count);
    require(!honest_ || !session_.failure());
    return count;
  }

  void finish_done() {
    while (Operation* operation = session_.next_awake()) operation->stir();
    while (Operation* operation = session_.next_done()) {
      const auto request = std::find_if(live_.begin(), live_.end(),
                                        [&](const auto& r) { return &r->operation() == operation; });
      require(request != live_.end());
      operation->notify();
      require(!operation->pending());
      (*request)->judge(honest_);
      live_.erase(request);
    }
    if (session_.failure()) require(live_.empty());
  }

  Bytes program_;
  HonestServer server_;
  bool honest_ = true;
  int next_id_ = 1;
  Tick now_ = 0;
  Session session_{
      SessionOptions{.max_message_size = 1 << 16, .statement_cache_size = 2, .statement_prefix = "s"}};
  std::vector<StatementRef> statements_;
  std::vector<std::unique_ptr<Request>> live_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Play(Bytes(reinterpret_cast<const std::byte*>(data), size)).run();
  return 0;
}
