// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/connection.hpp"

#include <coroutine>
#include <exception>

#include "pgstride/driver/connector.hpp"
#include "pgstride/driver/worded.hpp"

namespace pgstride::inline v0 {
namespace {

[[noreturn]] void throw_closed() { throw Error(Errc::connection_closed, "the connection has been closed"); }

/// co_await connecting → the channel, or throws
class Connecting final : ConnectHandler {
 public:
  Connecting(Loop& loop, ConnectOptions options)
      : loop_(loop),
        observer_(options.observer),
        started_(loop.now()),
        connector_(loop, std::move(options), *this) {}

  auto operator co_await() noexcept {
    struct Awaiter {
      Connecting* self;
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> waiting) const {
        self->waiting_ = waiting;
        self->connector_.start();
      }
      std::unique_ptr<Channel> await_resume() const { return self->take(); }
    };
    return Awaiter{this};
  }

 private:
  void on_connected(std::unique_ptr<Channel> channel) noexcept override {
    channel_ = std::move(channel);
    observe_connect(observer_, *channel_, loop_.now() - started_);
    waiting_.resume();
  }
  void on_connect_failed(Failure failure) noexcept override {
    failure_ = std::move(failure);
    observe_connect(observer_, failure_, loop_.now() - started_);
    waiting_.resume();
  }

  // The failure's detail tells of every attempt, the last one included.
  std::unique_ptr<Channel> take() {
    if (channel_) return std::move(channel_);
    if (failure_.thrown) std::rethrow_exception(failure_.thrown);
    const std::string what = "cannot connect: " + failure_.detail;
    if (failure_.server && failure_.code == Errc::server_error) throw ServerException(failure_, what);
    throw Error(failure_, what);
  }

  Loop& loop_;
  Observer* observer_;
  TimePoint started_;
  std::coroutine_handle<> waiting_;
  std::unique_ptr<Channel> channel_;
  Failure failure_;
  Connector connector_;
};

/// co_await closing: until the channel is over, or `limit` has passed
class Closing final : ChannelEvents, TimerHandler {
 public:
  Closing(Channel& channel, Duration limit) : channel_(channel), timer_(channel.loop().timer(*this)) {
    channel_.set_events(this);
    timer_->arm(deadline_after(channel.loop().now(), limit));
  }
  ~Closing() { channel_.set_events(nullptr); }

  auto operator co_await() noexcept {
    struct Awaiter {
      Closing* self;
      bool await_ready() const noexcept { return self->channel_.is_over(); }
      void await_suspend(std::coroutine_handle<> waiting) const { self->waiting_ = waiting; }
      void await_resume() const noexcept {}
    };
    return Awaiter{this};
  }

 private:
  void on_closed() noexcept override { waiting_.resume(); }
  void on_timer() noexcept override { waiting_.resume(); }

  Channel& channel_;
  std::unique_ptr<Timer> timer_;
  std::coroutine_handle<> waiting_;
};

Task<> close_slowly(Connection connection, Duration limit) {
  Channel& channel = connection.channel();
  Closing closing(channel, limit);
  channel.terminate();
  co_await closing;
}

Task<> nothing() { co_return; }

}  // namespace

Connection::~Connection() {
  if (!channel_ || channel_->is_over()) return;
  if (channel_->session().quiescent()) {
    channel_->terminate();
    return;
  }
  channel_->abort(worded(Errc::connection_closed, "the connection was closed"));
  Channel::outlive_owner(std::move(channel_));
}

Task<> Connection::close(Duration limit) {
  return channel_ ? close_slowly(std::move(*this), limit) : nothing();
}

TransactionStatus Connection::transaction_status() const noexcept {
  return channel_ ? channel_->session().transaction() : TransactionStatus::idle;
}

std::string_view Connection::parameter(std::string_view name) const noexcept {
  return channel_ ? channel_->session().parameters().get(name) : std::string_view{};
}

std::optional<TlsInfo> Connection::tls() const {
  if (!is_encrypted()) return std::nullopt;
  return channel_->tls()->info();
}

std::int32_t Connection::backend_pid() const noexcept { return channel_ ? channel_->cancel_key().pid : 0; }

Channel& Connection::channel() const {
  if (!channel_) throw_closed();
  return *channel_;
}

StatementRef Connection::statement(std::string_view sql, const Arguments& arguments) const {
  return statement_for(channel().session(), sql, arguments.types());
}

Task<Connection> connect(Loop& loop, ConnectOptions options) {
  OptionError error;
  if (!options.complete(error)) throw ConfigurationError(error);
  Connecting connecting(loop, std::move(options));
  std::unique_ptr<Channel> channel = co_await connecting;
  co_return Connection(std::move(channel));
}

Task<Connection> connect(Loop& loop, std::string_view dsn) {
  ConnectOptions options(dsn);
  OptionError error;
  if (!options.apply_environment(error)) throw ConfigurationError(error);
  return connect(loop, std::move(options));
}

}  // namespace pgstride::inline v0
