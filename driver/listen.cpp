// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/listen.hpp"

#include <coroutine>
#include <deque>
#include <optional>
#include <utility>

#include "pgstride/driver/connection.hpp"
#include "pgstride/driver/coro/run.hpp"
#include "pgstride/driver/transact.hpp"

namespace pgstride::inline v0 {
namespace {

/// What has come over one connection and was not consumed. co_await inbox.news(): until something has, or
/// the connection is over.
class Inbox final : ServerEvents, ChannelEvents {
 public:
  Inbox(Channel& channel, std::size_t most) : channel_(channel), most_(most) {
    channel_.session().set_events(this);
    channel_.set_events(this);
  }
  ~Inbox() {
    if (wake_) wake_->inbox_ = nullptr;
    channel_.session().set_events(nullptr);
    channel_.set_events(nullptr);
  }
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  bool next(ListenEvent& event) {
    if (waiting_events_.empty()) return false;
    event = std::move(waiting_events_.front());
    waiting_events_.pop_front();
    return true;
  }
  bool is_over() const noexcept { return channel_.is_over(); }

  auto news() noexcept {
    struct Awaiter {
      Inbox* inbox;
      bool await_ready() const noexcept { return !inbox->waiting_events_.empty() || inbox->is_over(); }
      void await_suspend(std::coroutine_handle<> waiting) const noexcept { inbox->waiting_ = waiting; }
      void await_resume() const noexcept {}
    };
    return Awaiter{this};
  }

 private:
  /// Resumes whoever waits, after the parser has returned.
  class Wake final : public Job {
   public:
    explicit Wake(Inbox& inbox) noexcept : inbox_(&inbox) { inbox.wake_ = this; }
    ~Wake() override {
      if (inbox_) inbox_->wake_ = nullptr;
    }
    void done() noexcept override {
      if (!inbox_) return;
      Inbox& inbox = *std::exchange(inbox_, nullptr);
      inbox.wake_ = nullptr;
      inbox.resume();
    }

   private:
    friend Inbox;
    Inbox* inbox_;
  };

  void on_notification(const Notification& notification) override {
    ListenEvent event;
    if (waiting_events_.size() == most_) {
      event.kind = ListenEvent::Kind::overflow;
    } else if (waiting_events_.size() < most_) {
      event.channel = notification.channel;
      event.payload = notification.payload;
      event.backend_pid = notification.pid;
    } else {
      return;
    }
    waiting_events_.push_back(std::move(event));
    if (waiting_ && !wake_) channel_.loop().post(std::make_unique<Wake>(*this));
  }
  void on_closed() noexcept override { resume(); }

  void resume() {
    if (waiting_) std::exchange(waiting_, nullptr).resume();
  }

  Channel& channel_;
  std::size_t most_;
  std::deque<ListenEvent> waiting_events_;
  std::coroutine_handle<> waiting_;
  Wake* wake_ = nullptr;
};

std::string listen_to(const std::vector<std::string>& channels) {
  std::string script;
  for (const std::string& channel : channels) {
    script += "LISTEN \"";
    for (const char c : channel) script.append(c == '"' ? 2 : 1, c);
    script += "\";";
  }
  return script;
}

bool is_lost(const Error& error) noexcept {
  const auto* refused = dynamic_cast<const ServerException*>(&error);
  if (refused == nullptr) return true;
  const std::string_view state = refused->sqlstate();
  return state.starts_with("57P") ||  // shutting down, starting up
         state.starts_with("53") ||   // too many connections, no memory
         state.starts_with("08");     // a pooler's, whose server cannot be reached
}

}  // namespace

AsyncGenerator<ListenEvent> listen(Loop& loop, ConnectOptions options, std::vector<std::string> channels,
                                   ListenOptions how) {
  const std::string script = listen_to(channels);
  const RetryPolicy pauses(0, how.first_pause, how.longest_pause);
  ListenEvent event;
  event.kind = ListenEvent::Kind::listening;
  for (int attempt = 0;; ++attempt) {
    if (attempt > 0) {
      Sleep pause = sleep(loop, retry_pause(attempt, pauses));
      co_await pause;
    }
    Connection connection;
    std::optional<Inbox> inbox;
    try {
      Task<Connection> connecting = connect(loop, options);
      connection = co_await connecting;
      // Before it is asked for anything: the first notification may come right behind the answer to LISTEN.
      inbox.emplace(connection.channel(), how.most_waiting);
      if (!script.empty()) co_await connection.execute(script);
    } catch (const Error& error) {
      if (event.kind == ListenEvent::Kind::listening || !is_lost(error)) throw;
      inbox.reset();
      connection = Connection();
    }
    if (!connection.is_open()) continue;
    const TimePoint since = loop.now();
    co_yield event;
    while (!inbox->is_over()) {
      while (inbox->next(event)) co_yield event;
      co_await inbox->news();
    }
    while (inbox->next(event)) co_yield event;
    if (loop.now() - since >= how.longest_pause)
      attempt = 0;  // unlike a proxy's that has no server behind it
    event = ListenEvent();
    event.kind = ListenEvent::Kind::reconnected;
  }
}

}  // namespace pgstride::inline v0
