// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Exchange: a request that has the connection to itself from its first message to its last reply, or, in a pipeline,
// to its last message.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "pgstride/protocol/operations/introspect.hpp"
#include "pgstride/pybind/src/awaitable.hpp"
#include "pgstride/pybind/src/core.hpp"
#include "pgstride/pybind/src/failure.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

/// Has lent a connection for one exchange.
class Lender {
 public:
  /// Submits what makes the connection fit for the next one, behind what has just been submitted.
  virtual void reset_behind(std::uint32_t slot) noexcept = 0;
  /// The exchange is over. `is_reset`: reset_behind() was called, and nothing was submitted since.
  virtual void give_back(std::uint32_t slot, bool is_reset) noexcept = 0;

 protected:
  ~Lender() = default;
};

class Exchange : public Request {
 public:
  /// The connection is borrowed: it is given back as soon as this is over. `lender` lives in `owner`.
  void borrow(PyObject* owner, Lender& lender, std::uint32_t slot) {
    owner_ = Ref::borrow(owner);
    lender_ = &lender;
    slot_ = slot;
  }
  /// It has waited for its turn in a pipeline. From the loop.
  void turn_has_come() noexcept;
  /// Its deadline has passed while it waited. From the loop.
  void has_come_too_late() noexcept;
  /// While it has the line it waits for code of the user's, which may want to use the connection.
  virtual bool waits_for_user() const noexcept { return false; }
  PyObject* core_object() const noexcept { return core_.get(); }
  TimePoint deadline() const noexcept { return deadline_; }
  /// The statement's text, for error messages; may be null.
  PyObject* query() const noexcept { return query_.get(); }
  TimePoint started() const noexcept { return started_; }

 protected:
  Exchange(PyObject* core, PyObject* query) noexcept : core_(Ref::borrow(core)), query_(Ref::borrow(query)) {}
  ~Exchange() override { let_go(); }

  Core& core() const noexcept { return core_of(core_.get()); }
  Channel& channel() const noexcept { return core().channel(); }
  Session& session() const noexcept { return core().session(); }

  /// Claims the connection, sets the deadline from a timeout argument (seconds or None), and sets out, now or when
  /// its turn has come. False with a Python error set, or without when it declines.
  bool begin(PyObject* timeout);
  /// The connection is there for it: submits its first operation, or finishes. False with a Python error set.
  virtual bool set_out() = 0;
  /// A str as it is sent, without NUL; `what` it is. `keep` holds it, unless that is UTF-8. False with a
  /// Python error set.
  bool text_of(PyObject* object, const char* what, std::string_view& text, Ref& keep) const;
  bool query_text(std::string_view& text) { return text_of(query_.get(), "query", text, encoded_query_); }

  /// Submits and sends one operation of this exchange. False: it failed at once and `error` or the
  /// operation's failure tells why.
  bool send(Operation& operation);
  /// The same for the one that the exchange is there for, most likely its last. With it leaves the reset
  /// of a borrowed connection, unless `alone`.
  bool send_last(Operation& operation, bool alone = false);

  /// Asks the server for those of the statement's types that nobody knows yet; types_known() follows.
  /// False: there are none, or it failed at once (lookup_failure() tells).
  bool look_up_types(const Statement& statement);
  /// The same for types that were met in values.
  bool look_up(std::vector<Oid> types);
  virtual void types_known() noexcept {}
  const Failure* lookup_failure() const noexcept { return lookup_ ? lookup_->failure() : nullptr; }

  /// The exchange is over: lets the connection go, wakes whoever waits.
  void finish() noexcept {
    let_go();
    wake();
  }
  /// Wakes whoever waits. Listeners hear of what the server has said meanwhile before that, as in asyncpg.
  void wake() noexcept;
  void let_go() noexcept {
    core().disclaim(*this);
    if (Lender* lender = std::exchange(lender_, nullptr)) lender->give_back(slot_, reset_is_sent_);
  }

  /// Keeps the Python error that is set as the outcome, unless there is one already.
  void keep_error() {
    Ref taken = take_error();
    if (!error_) error_ = std::move(taken);
  }
  bool has_error() const noexcept { return static_cast<bool>(error_); }
  /// Sets the outcome's Python error: our own, or the operation's failure.
  PyObject* raise(const Failure* failure);

  int traverse(visitproc visit, void* arg) const override;

  /// For on_progress(): more has come than may be kept, and the server need not send the rest.
  void give_up_rest(Operation& operation) noexcept {
    if (operation.failure()) channel().dismiss(operation, {Errc::cancelled, {}});  // the first failure stays
  }

  /// For give_up(): cancels the look-up if there is one under way.
  void stop_looking_up() noexcept;

 private:
  class TypeLookup final : public Introspect {
   public:
    TypeLookup(Exchange& owner, std::vector<Oid> types)
        : Introspect(types), asked(std::move(types)), owner_(owner) {}
    const std::vector<Oid> asked;

   private:
    void on_done() noexcept override { owner_.looked_up(); }
    Exchange& owner_;
  };

  friend class Pipeline;
  enum class Place : std::uint8_t { elsewhere, waiting, sent };  // in the Pipeline

  void fail_unsent() noexcept;
  void looked_up() noexcept;
  bool learn_types();

  Ref core_;
  Ref owner_;  // of the lender
  Ref query_;
  Ref encoded_query_;  // bytes, when it is not sent as UTF-8
  Ref error_;
  TimePoint deadline_ = never;
  TimePoint started_{};
  std::unique_ptr<TypeLookup> lookup_;  // rare
  Lender* lender_ = nullptr;
  std::uint32_t slot_ = 0;
  bool reset_is_sent_ = false;
  Place place_ = Place::elsewhere;
};

}  // namespace pgstride::python
