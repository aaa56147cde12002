// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/exchange.hpp"

#include "pgstride/driver/loop/loop.hpp"
#include "pgstride/protocol/frontend.hpp"
#include "pgstride/pybind/src/call_arguments.hpp"
#include "pgstride/pybind/src/memory.hpp"

namespace pgstride::python {

bool Exchange::begin(PyObject* timeout) {
  if (!core().loop().admits_task()) {
    decline();
    let_go();
    return false;
  }
  Duration limit{};
  // That the connection is closed is said whatever the timeout.
  if (!core().is_closed() && !parse_timeout(timeout, core().options().command_timeout, limit)) return false;
  const Core::Claim claim = core().claim(*this);
  if (claim == Core::Claim::refused) return false;
  started_ = core().loop().now();
  if (limit <= Duration::zero()) {
    raise_failure({Errc::timed_out, {}}, query_.get());
    return false;
  }
  deadline_ = deadline_after(started_, limit);
  if (claim == Core::Claim::queued) [[unlikely]]
    return core().pipeline().wait(*this), true;
  core().follow_catalog();
  return set_out();
}

void Exchange::turn_has_come() noexcept {
  const Ref keep = Ref::borrow(self());
  const bool is_under_way = or_memory_error([&] {
    if (!core().grant(*this)) return false;
    core().follow_catalog();
    return set_out();
  });
  if (!is_under_way) fail_unsent();
}

void Exchange::has_come_too_late() noexcept {
  const Ref keep = Ref::borrow(self());
  raise_failure({Errc::timed_out, {}}, query_.get());
  fail_unsent();
}

void Exchange::fail_unsent() noexcept {
  keep_error();
  finish();
}

bool Exchange::text_of(PyObject* object, const char* what, std::string_view& text, Ref& keep) const {
  if (!PyUnicode_Check(object)) {
    PyErr_Format(PyExc_TypeError, "%s must be a str, not %.200s", what, Py_TYPE(object)->tp_name);
    return false;
  }
  if (!sql_of(object, core().encoding(), text, keep)) return false;
  if (!frontend::has_nul(text)) return true;
  PyErr_Format(PyExc_ValueError, "%s must not contain a NUL character", what);
  return false;
}

bool Exchange::send(Operation& operation) {
  // What is behind others need not hurry, and leaves together with what follows.
  const bool is_behind = core().is_pipelining() && session().awaits_reply();
  if (!channel().submit(operation, deadline_)) return false;
  reset_is_sent_ = false;
  if (is_behind) [[unlikely]] {
    channel().flush_soon();
  } else {
    channel().flush();
  }
  return true;
}

bool Exchange::send_last(Operation& operation, bool alone) {
  if (!lender_ || alone) {
    if (!send(operation)) return false;
    core().count_query();
    if (!alone) core().let_others_send(*this);
    return true;
  }
  if (!channel().submit(operation, deadline_)) return false;
  core().count_query();
  reset_is_sent_ = true;
  lender_->reset_behind(slot_);
  channel().flush();
  return true;
}

void Exchange::wake() noexcept {
  const Ref keep = Ref::borrow(self());
  if (!channel().is_open()) core().tell_of_end();
  complete(core().take_told());
}

bool Exchange::look_up_types(const Statement& statement) {
  std::vector<Oid> unknown;
  for (const Oid type : statement.parameters()) core().types().note_unknown(type, unknown);
  for (const Column& column : statement.columns()) core().types().note_unknown(column.type, unknown);
  return !unknown.empty() && look_up(std::move(unknown));
}

bool Exchange::look_up(std::vector<Oid> types) {
  lookup_ = std::make_unique<TypeLookup>(*this, std::move(types));
  return send(*lookup_);
}

void Exchange::looked_up() noexcept {
  if (lookup_->failure() || or_memory_error([&] { return learn_types(); })) return types_known();
  keep_error();
  finish();
}

bool Exchange::learn_types() {
  std::vector<TypeInfo> types = lookup_->take_types();
  if (const TextEncoding* encoding = core().encoding())
    for (TypeInfo& type : types) encoding->translate(type);
  core().types().catalog()->add(lookup_->asked, std::move(types));
  return true;
}

void Exchange::stop_looking_up() noexcept {
  if (lookup_ && lookup_->pending()) channel().cancel(*lookup_);
}

PyObject* Exchange::raise(const Failure* failure) {
  // A server's error about an earlier part of the request explains more than ours about a later one.
  if (error_ && !(failure && failure->server)) {
    restore_error(std::move(error_));
  } else if (failure && failure->server && failure->server->is_fatal()) {
    // To the request that hears of it, as to those behind it, the connection is lost.
    Failure lost = *failure;
    lost.code = make_error_code(Errc::connection_lost);
    raise_failure(lost, query_.get(), core().encoding());
  } else if (failure) {
    raise_failure(*failure, query_.get(), core().encoding());
  }
  return nullptr;
}

int Exchange::traverse(visitproc visit, void* arg) const {
  if (const int stop = core_.visit(visit, arg)) return stop;
  if (const int stop = owner_.visit(visit, arg)) return stop;
  return error_.visit(visit, arg);
}

}  // namespace pgstride::python
