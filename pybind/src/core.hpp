// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Core: the C++ half of a Python Connection. It owns the channel; the facade's coroutines call it
// and await what it returns. Its requests are in exchange.hpp and the rooms built on it.
#pragma once

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "pgstride/driver/channel.hpp"
#include "pgstride/pybind/src/loop.hpp"
#include "pgstride/pybind/src/pipeline.hpp"
#include "pgstride/pybind/src/python.hpp"
#include "pgstride/pybind/src/registry.hpp"

namespace pgstride::python {

class Exchange;

/// Whoever has to know of a connection's end before its users do.
class EndListener {
 public:
  /// Like ChannelEvents::on_ended().
  virtual void on_ended() noexcept = 0;
  /// Like LoopEndListener::on_loop_closed().
  virtual void on_loop_closed() noexcept = 0;

 protected:
  ~EndListener() = default;
};

struct CoreOptions {
  CoreOptions() = default;
  Duration command_timeout = Duration::max();
  Ref record_class;
  /// What is not kept prepared: statements of more characters than this (0: none is too long), and
  /// those that have been kept for longer than that.
  std::size_t max_cacheable_statement_size = 0;
  Duration max_cached_statement_lifetime = Duration::max();
};

class Core final : ChannelEvents, ServerEvents, LoopEndListener {
 public:
  /// Takes the channel, and the loop it stands on, when it is made.
  Core(std::unique_ptr<PyLoop>&& loop, std::unique_ptr<Channel>&& channel, CoreOptions options);

  PyLoop& loop() noexcept { return *loop_; }
  Channel& channel() noexcept { return *channel_; }
  Session& session() noexcept { return channel_->session(); }
  const CoreOptions& options() const noexcept { return options_; }
  void set_max_cached_statement_lifetime(Duration lifetime) noexcept {
    options_.max_cached_statement_lifetime = lifetime;
  }
  Registry& types() noexcept { return types_; }
  /// Without the user's codecs.
  Registry& plain_types() noexcept { return plain_types_; }
  /// How text is sent and read; null is UTF-8.
  const TextEncoding* encoding() const noexcept { return types_.encoding().get(); }
  /// Another connection may have found that what was known of the types is outdated, and with it the
  /// statements that were made with it.
  void follow_catalog() noexcept {
    if (std::exchange(generation_, types_.catalog()->generation()) != generation_)
      session().statements().clear();
  }
  /// Knows and forgets types together with another connection to the same database.
  void share_types(Core& other) noexcept;
  /// Of the catalogs nothing is known any more, by any of the connections that share what they know.
  void forget_types() noexcept;

  enum class Claim : std::uint8_t {
    refused,  // with a Python error set: it is busy or closed
    granted,
    queued,  // it has to wait for its turn: Pipeline::wait()
  };
  /// Claims the line for an exchange. asyncpg's rule is one operation at a time, unless the user pipelines.
  Claim claim(Exchange& exchange);
  /// An exchange that has waited has the line now. False with a Python error set when the connection is closed.
  bool grant(Exchange& exchange);
  /// An exchange has sent what it is sure to send: others may be sent behind it.
  void let_others_send(Exchange& exchange) noexcept {
    if (is_pipelining() && busy_ == &exchange) [[unlikely]]
      pass_line_on(exchange);
  }
  /// It is going to send something else. False: others have been sent behind it.
  bool may_send_again(Exchange& exchange) noexcept;
  void disclaim(Exchange& exchange) noexcept {
    if (busy_ == &exchange) {
      busy_ = nullptr;
    } else if (!pipeline_ || !pipeline_->forget(exchange)) {
      return;
    }
    if (pipeline_) [[unlikely]]
      pipeline_->go_on_soon();
    if (abort_when_free_) abort_when_free();
  }
  void begin_pipelining();
  void end_pipelining() noexcept;
  /// Whatever is still open of it: the connection gets another user.
  void forget_pipelining() noexcept {
    if (pipeline_) pipeline_->leave_all();
  }
  /// Where an exchange waits whose claim was queued.
  Pipeline& pipeline() noexcept { return *pipeline_; }
  bool is_pipelining() const noexcept { return pipeline_ && pipeline_->is_open(); }
  /// Something is being sent, and others may not send.
  bool has_line_taken() const noexcept { return busy_ != nullptr; }
  /// Nobody will use it any more: ends it, but lets the exchange that is under way come to its end.
  void abort_when_free() noexcept;
  /// What is under way, or the first of that.
  Exchange* busy() const noexcept { return busy_ || !pipeline_ ? busy_ : pipeline_->first(); }
  /// How much it has run: executions, however many sets of arguments each, and scripts.
  std::uint64_t queries() const noexcept { return queries_; }
  void count_query() noexcept { ++queries_; }

  /// Nothing has run since an unattended ROLLBACK was sent. What is known of the transaction may be older.
  bool is_rolling_back() const noexcept { return rolled_back_after_ == queries_; }
  void roll_back();
  void send_rollback();

  /// `request` is a CloseRequest's awaitable: it hears of the connection's end.
  void wait_for_close(PyObject* request) {
    closing_.push_back(Ref::borrow(request));
    part();
  }
  void stop_waiting_for_close(PyObject* request) noexcept {
    std::erase_if(closing_, [&](const Ref& r) { return r.get() == request; });
  }
  /// It has ended, or good-bye has been said: nothing may follow that.
  bool is_closed() const noexcept {
    return !channel_->is_open() || channel_->is_inherited() || !closing_.empty();
  }
  /// Its user ends it, unless it has ended already.
  void part() noexcept { parted_ = parted_ || channel_->is_open(); }
  /// It has ended, and not because its user wanted that.
  bool is_lost() const noexcept { return !channel_->is_open() && !parted_; }
  void set_end_listener(EndListener* listener) noexcept { end_listener_ = listener; }
  /// Called once when the connection has ended, whoever ended it; a Python callable or null.
  void set_on_closed(Ref callback) { on_closed_callback_ = std::move(callback); }
  /// Now, and not when everybody who waits has been told of it.
  void tell_of_end() noexcept;
  /// Callables or null: called with (pid, channel, payload) of each notification and (fields, query) of
  /// each notice, from inside the parser: they may only take a note.
  void set_on_notification(Ref callback) { on_notification_callback_ = std::move(callback); }
  void set_on_notice(Ref callback) { on_notice_callback_ = std::move(callback); }
  /// Whether any of these was called since this was last asked. What they have noted is done by the loop.
  bool take_told() noexcept { return std::exchange(told_, false); }
  /// A callable or null: called when the first row of the exchange that is under way has come, likewise.
  void set_on_first_row(Ref callback) { on_first_row_callback_ = std::move(callback); }
  void tell_first_row() noexcept {
    if (on_first_row_callback_) [[unlikely]]
      tell(on_first_row_callback_);
  }
  int traverse(visitproc visit, void* arg) const;
  void clear() {
    types_.clear();
    on_closed_callback_.clear();
    on_notification_callback_.clear();
    on_notice_callback_.clear();
    on_first_row_callback_.clear();
    closing_.clear();
  }

 private:
  static constexpr auto outdated = std::numeric_limits<std::uint64_t>::max();

  bool refuse_when_closed();
  void pass_line_on(Exchange& exchange) noexcept;
  static void tell(const Ref& callback) noexcept;
  void on_ended() noexcept override {
    if (end_listener_) end_listener_->on_ended();
  }
  void on_closed() noexcept override;
  void on_loop_closed() noexcept override;
  void on_notification(const Notification& notification) override;
  void on_notice(const ServerError& notice) override;
  void on_parameter(const ParameterStatus& status) override;
  void follow_encoding();

  CoreOptions options_;
  Registry plain_types_;  // statements' plans refer to both
  Registry types_{&plain_types_};
  std::uint64_t generation_ = 0;  // of the catalog when the statements were prepared, or outdated
  Exchange* busy_ = nullptr;      // has the line
  std::uint64_t queries_ = 0;
  std::uint64_t rolled_back_after_ = ~std::uint64_t{0};  // so many of them
  bool abort_when_free_ = false;
  bool parted_ = false;
  bool told_ = false;
  std::vector<Ref> closing_;
  EndListener* end_listener_ = nullptr;
  Ref on_closed_callback_;
  Ref on_notification_callback_;
  Ref on_notice_callback_;
  Ref on_first_row_callback_;
  std::unique_ptr<PyLoop> loop_;
  std::unique_ptr<Channel> channel_;    // after its loop
  std::unique_ptr<Pipeline> pipeline_;  // when the user has asked for one
};

struct CoreObject {
  PyObject_HEAD Core* core;
};
inline Core& core_of(PyObject* object) noexcept { return *reinterpret_cast<CoreObject*>(object)->core; }

/// The Python object around a Core. None with a Python error set.
Ref make_core(std::unique_ptr<Core> core);
bool is_core(PyObject* object) noexcept;
bool add_core_type(PyObject* module);

}  // namespace pgstride::python
