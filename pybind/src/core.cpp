// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/core.hpp"

#include "pgstride/driver/unattended.hpp"
#include "pgstride/pybind/src/cached_statements.hpp"
#include "pgstride/pybind/src/connect.hpp"
#include "pgstride/pybind/src/core_queries.hpp"
#include "pgstride/pybind/src/failure.hpp"
#include "pgstride/pybind/src/memory.hpp"
#include "pgstride/pybind/src/type_codecs.hpp"

namespace pgstride::python {

Core::Core(std::unique_ptr<PyLoop>&& loop, std::unique_ptr<Channel>&& channel, CoreOptions options)
    : options_(std::move(options)), loop_(std::move(loop)), channel_(std::move(channel)) {
  loop_->set_end_listener(this);
  channel_->set_events(this);
  session().set_events(this);
  follow_encoding();
}

bool Core::refuse_when_closed() {
  if (!is_closed()) return false;
  Failure closed(Errc::connection_closed, {});
  if (const Failure* failure = session().failure()) closed.server = failure->server;
  raise_failure(closed, nullptr, encoding());
  return true;
}

Core::Claim Core::claim(Exchange& exchange) {
  if (refuse_when_closed()) return Claim::refused;
  const Exchange* other = busy();
  // One that is going to wait for the user's code while it has the line might wait for what that begins.
  if (is_pipelining() && !(other = pipeline_->who_waits_for_user(busy_))) [[unlikely]] {
    if (busy_ || pipeline_->anybody_waits()) return Claim::queued;
    busy_ = &exchange;
    pipeline_->granted(exchange);
    return Claim::granted;
  }
  if (!other) [[likely]] {
    busy_ = &exchange;
    return Claim::granted;
  }
  const Ref module = Ref::steal(PyImport_ImportModule("pgstride._failures"));
  const std::chrono::duration<double> running = loop_->now() - other->started();
  const Ref exception =
      module ? Ref::steal(PyObject_CallMethod(module.get(), "busy", "Od",
                                              other->query() ? other->query() : Py_None, running.count()))
             : Ref();
  if (exception) restore_error(exception);
  return Claim::refused;
}

bool Core::grant(Exchange& exchange) {
  if (refuse_when_closed()) return false;
  busy_ = &exchange;
  pipeline_->granted(exchange);
  return true;
}

// Without memory for it the exchange keeps the line until it is over.
void Core::pass_line_on(Exchange& exchange) noexcept {
  if (!or_memory_error([&] { return pipeline_->has_sent(exchange), true; })) return PyErr_Clear();
  busy_ = nullptr;
  pipeline_->go_on_soon();
}

bool Core::may_send_again(Exchange& exchange) noexcept {
  if (busy_ == &exchange) return true;
  if (busy_ || !pipeline_ || !pipeline_->takes_back(exchange)) return false;
  busy_ = &exchange;
  return true;
}

void Core::begin_pipelining() {
  if (!pipeline_) pipeline_ = std::make_unique<Pipeline>(*this);
  pipeline_->enter();
}

void Core::end_pipelining() noexcept {
  if (pipeline_) pipeline_->leave();
}

// Behind those who wait for their turn: it is about what they do.
void Core::roll_back() {
  if (pipeline_ && (busy_ || pipeline_->anybody_waits())) {
    pipeline_->roll_back();
    return pipeline_->go_on_soon();
  }
  send_rollback();
}

void Core::send_rollback() {
  rolled_back_after_ = queries_;
  send_unattended(*channel_, "ROLLBACK");
}

void Core::abort_when_free() noexcept {
  abort_when_free_ = true;
  part();
  if (!busy()) channel_->abort({Errc::connection_closed, {}});
}

void Core::share_types(Core& other) noexcept {
  types_.share(other.types_.catalog());
  generation_ = types_.catalog()->generation();
  session().statements().clear();
}

void Core::forget_types() noexcept {
  types_.catalog()->clear();
  follow_catalog();
}

void Core::tell(const Ref& callback) noexcept {
  if (!Ref::steal(PyObject_CallNoArgs(callback.get()))) PyErr_WriteUnraisable(callback.get());
}

void Core::tell_of_end() noexcept {
  const Ref callback = std::move(on_closed_callback_);
  if (!callback) return;
  told_ = true;
  tell(callback);
}

void Core::on_closed() noexcept {
  const std::vector<Ref> closing = std::move(closing_);
  if (pipeline_) pipeline_->go_on_soon();  // those who wait are told, too
  tell_of_end();
  for (const Ref& request : closing) CloseRequest::of(request.get()).closed();  // last: *this may be gone
}

void Core::on_loop_closed() noexcept {
  const KeepError keep;
  if (end_listener_) end_listener_->on_loop_closed();
  for (const Ref& request : closing_) CloseRequest::of(request.get()).let_nobody_wait();
  const Exchange* any = busy();
  const Ref keep_this = any ? Ref::borrow(any->core_object()) : Ref();
  if (busy_) busy_->let_nobody_wait();
  if (pipeline_) pipeline_->let_nobody_wait();
}

void Core::on_notification(const Notification& notification) {
  if (!on_notification_callback_) return;
  told_ = true;
  const Ref channel = make_server_text(notification.channel, encoding());
  const Ref payload = make_server_text(notification.payload, encoding());
  const Ref done = channel && payload
                       ? Ref::steal(PyObject_CallFunction(on_notification_callback_.get(), "iOO",
                                                          notification.pid, channel.get(), payload.get()))
                       : Ref();
  if (!done) PyErr_WriteUnraisable(on_notification_callback_.get());
}

void Core::on_notice(const ServerError& notice) {
  if (!on_notice_callback_) return;
  told_ = true;
  const Ref fields = fields_of(notice, encoding());
  PyObject* query = busy_ && busy_->query() ? busy_->query() : Py_None;
  const Ref done =
      fields
          ? Ref::steal(PyObject_CallFunctionObjArgs(on_notice_callback_.get(), fields.get(), query, nullptr))
          : Ref();
  if (!done) PyErr_WriteUnraisable(on_notice_callback_.get());
}

void Core::on_parameter(const ParameterStatus& status) {
  if (status.name == "client_encoding") follow_encoding();
}

// Statements that are kept are found by their text, which is sent in another way now.
void Core::follow_encoding() {
  types_.set_encoding(TextEncoding::of(session().parameters().get("client_encoding")));
  if (encoding() && encoding()->is_known()) session().accept_encoding();
  generation_ = outdated;
}

int Core::traverse(visitproc visit, void* arg) const {
  if (const int stop = options_.record_class.visit(visit, arg)) return stop;
  if (const int stop = types_.traverse(visit, arg)) return stop;
  for (const Ref& request : closing_)
    if (const int stop = request.visit(visit, arg)) return stop;
  for (const Ref* callback :
       {&on_closed_callback_, &on_notification_callback_, &on_notice_callback_, &on_first_row_callback_})
    if (const int stop = callback->visit(visit, arg)) return stop;
  return 0;
}

namespace {

PyTypeObject* core_type = nullptr;

PyObject* close(PyObject* self, PyObject* timeout) {
  CloseRequest* request = nullptr;
  Ref awaitable = Awaitable::make<CloseRequest>(core_of(self).loop(), request, self);
  if (!awaitable || !request->start(timeout)) return nullptr;
  return awaitable.release();
}

PyObject* abort(PyObject* self, PyObject*) {
  core_of(self).part();
  core_of(self).channel().abort({Errc::connection_lost, "the connection was terminated"});
  Py_RETURN_NONE;
}

PyObject* abort_when_free(PyObject* self, PyObject*) {
  core_of(self).abort_when_free();
  Py_RETURN_NONE;
}

PyObject* roll_back(PyObject* self, PyObject*) {
  core_of(self).roll_back();
  Py_RETURN_NONE;
}

PyObject* begin_pipelining(PyObject* self, PyObject*) {
  core_of(self).begin_pipelining();
  Py_RETURN_NONE;
}

PyObject* end_pipelining(PyObject* self, PyObject*) {
  core_of(self).end_pipelining();
  Py_RETURN_NONE;
}

PyObject* set_on_closed(PyObject* self, PyObject* callback) {
  core_of(self).set_on_closed(callback == Py_None ? Ref() : Ref::borrow(callback));
  Py_RETURN_NONE;
}

PyObject* set_on_first_row(PyObject* self, PyObject* callback) {
  core_of(self).set_on_first_row(callback == Py_None ? Ref() : Ref::borrow(callback));
  Py_RETURN_NONE;
}

/// set_on_server_events(on_notification, on_notice): callables or None.
PyObject* set_on_server_events(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 2, "set_on_server_events")) return nullptr;
  core_of(self).set_on_notification(args[0] == Py_None ? Ref() : Ref::borrow(args[0]));
  core_of(self).set_on_notice(args[1] == Py_None ? Ref() : Ref::borrow(args[1]));
  Py_RETURN_NONE;
}

PyObject* parameters(PyObject* self, PyObject*) {
  Ref result = Ref::steal(PyDict_New());
  const TextEncoding* encoding = core_of(self).encoding();
  for (const auto& [name, value] : core_of(self).session().parameters()) {
    const Ref text = make_server_text(value, encoding);
    const Ref key = make_server_text(name, encoding);
    if (!result || !text || !key || PyDict_SetItem(result.get(), key.get(), text.get()) < 0) return nullptr;
  }
  return result.release();
}

PyObject* get_closed(PyObject* self, void*) { return PyBool_FromLong(core_of(self).is_closed()); }
PyObject* get_busy(PyObject* self, void*) { return PyBool_FromLong(core_of(self).busy() != nullptr); }
PyObject* get_pipelining(PyObject* self, void*) { return PyBool_FromLong(core_of(self).is_pipelining()); }
PyObject* get_pid(PyObject* self, void*) { return PyLong_FromLong(core_of(self).channel().cancel_key().pid); }
PyObject* get_transaction(PyObject* self, void*) {
  const char status = static_cast<char>(core_of(self).session().transaction());
  return PyUnicode_FromStringAndSize(&status, 1);
}
PyObject* get_record_class(PyObject* self, void*) {
  return Py_NewRef(core_of(self).options().record_class.get());
}
PyObject* get_settled(PyObject* self, void*) { return PyBool_FromLong(core_of(self).session().quiescent()); }
PyObject* get_rolling_back(PyObject* self, void*) { return PyBool_FromLong(core_of(self).is_rolling_back()); }
PyObject* get_queries(PyObject* self, void*) { return PyLong_FromUnsignedLongLong(core_of(self).queries()); }
PyObject* get_fileno(PyObject* self, void*) { return PyLong_FromLong(core_of(self).channel().fd()); }
PyObject* get_tls(PyObject* self, void*) {
  const TlsEngine* tls = core_of(self).channel().tls();
  if (!tls) Py_RETURN_NONE;
  const TlsInfo info = tls->info();
  return Py_BuildValue("sss", info.version.c_str(), info.cipher.c_str(), info.application.c_str());
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  return core_of(self).traverse(visit, arg);
}
int clear(PyObject* self) {
  core_of(self).clear();
  return 0;
}
void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  const KeepError keep;
  delete reinterpret_cast<CoreObject*>(self)->core;
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

PyMethodDef methods[] = {
    {"fetch", guarded<fetch>(), METH_FASTCALL, nullptr},
    {"fetchrow", guarded<fetchrow>(), METH_FASTCALL, nullptr},
    {"fetchval", guarded<fetchval>(), METH_FASTCALL, nullptr},
    {"execute", guarded<execute>(), METH_FASTCALL, nullptr},
    {"many", guarded<many>(), METH_FASTCALL, nullptr},
    {"report", guarded<report>(), METH_FASTCALL, nullptr},
    {"portal", guarded<portal>(), METH_FASTCALL, nullptr},
    {"close_portal", guarded<close_portal>(), METH_FASTCALL, nullptr},
    {"script", guarded<script>(), METH_FASTCALL, nullptr},
    {"prepare", guarded<prepare>(), METH_FASTCALL, nullptr},
    {"cached_statements", guarded<cached_statements>(), METH_NOARGS, nullptr},
    {"has_cached", guarded<has_cached>(), METH_O, nullptr},
    {"closing_statements", guarded<closing_statements>(), METH_NOARGS, nullptr},
    {"set_statement_cache", guarded<set_statement_cache>(), METH_FASTCALL, nullptr},
    {"keep_statement", guarded<keep_statement>(), METH_O, nullptr},
    {"clear_statement_cache", guarded<clear_statement_cache>(), METH_NOARGS, nullptr},
    {"fetch_plain", guarded<fetch_plain>(), METH_FASTCALL, nullptr},
    {"look_up_types", guarded<look_up_types>(), METH_FASTCALL, nullptr},
    {"set_type_codec", guarded<set_type_codec>(), METH_FASTCALL, nullptr},
    {"set_type_alias", guarded<set_type_alias>(), METH_FASTCALL, nullptr},
    {"reset_type_codec", guarded<reset_type_codec>(), METH_O, nullptr},
    {"known_type", guarded<known_type>(), METH_O, nullptr},
    {"share_types", guarded<share_types>(), METH_O, nullptr},
    {"forget_types", guarded<forget_types>(), METH_NOARGS, nullptr},
    {"close", guarded<close>(), METH_O, nullptr},
    {"abort", guarded<abort>(), METH_NOARGS, nullptr},
    {"abort_when_free", guarded<abort_when_free>(), METH_NOARGS, nullptr},
    {"roll_back", guarded<roll_back>(), METH_NOARGS, nullptr},
    {"begin_pipelining", guarded<begin_pipelining>(), METH_NOARGS, nullptr},
    {"end_pipelining", guarded<end_pipelining>(), METH_NOARGS, nullptr},
    {"set_on_closed", guarded<set_on_closed>(), METH_O, nullptr},
    {"set_on_first_row", guarded<set_on_first_row>(), METH_O, nullptr},
    {"set_on_server_events", guarded<set_on_server_events>(), METH_FASTCALL, nullptr},
    {"parameters", guarded<parameters>(), METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};
PyGetSetDef getset[] = {
    {"closed", get_closed, nullptr, nullptr, nullptr},
    {"busy", get_busy, nullptr, nullptr, nullptr},
    {"pipelining", get_pipelining, nullptr, nullptr, nullptr},
    {"pid", get_pid, nullptr, nullptr, nullptr},
    {"transaction", get_transaction, nullptr, nullptr, nullptr},
    {"record_class", get_record_class, nullptr, nullptr, nullptr},
    {"settled", get_settled, nullptr, nullptr, nullptr},
    {"rolling_back", get_rolling_back, nullptr, nullptr, nullptr},
    {"queries", get_queries, nullptr, nullptr, nullptr},
    {"fileno", get_fileno, nullptr, nullptr, nullptr},
    {"tls", Guarded<get_tls>::call, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyType_Slot slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(clear)},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {0, nullptr},
};
PyType_Spec spec = {"pgstride._core.Core", sizeof(CoreObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                    slots};

}  // namespace

Ref make_core(std::unique_ptr<Core> core) {
  auto* self = PyObject_GC_New(CoreObject, core_type);
  if (!self) return {};
  self->core = core.release();
  PyObject_GC_Track(self);
  return Ref::steal(reinterpret_cast<PyObject*>(self));
}

bool is_core(PyObject* object) noexcept { return Py_IS_TYPE(object, core_type); }

bool add_core_type(PyObject* module) {
  core_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return core_type && PyModule_AddObjectRef(module, "Core", reinterpret_cast<PyObject*>(core_type)) == 0;
}

}  // namespace pgstride::python
