// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/connect.hpp"

#include <string_view>

#include "pgstride/driver/option_table.hpp"
#include "pgstride/pybind/src/call_arguments.hpp"
#include "pgstride/pybind/src/exchange.hpp"
#include "pgstride/pybind/src/failure.hpp"
#include "pgstride/pybind/src/tls.hpp"

namespace pgstride::python {
namespace {

PyObject* refuse(const OptionError& error) {
  const Ref module = Ref::steal(PyImport_ImportModule("pgstride._failures"));
  if (!module) return nullptr;
  const std::string text = error.message();
  const Ref exception = Ref::steal(PyObject_CallMethod(module.get(), "bad_option", "s#", text.data(),
                                                       static_cast<Py_ssize_t>(text.size())));
  if (exception) restore_error(exception);
  return nullptr;
}

bool as_view(PyObject* object, std::string_view& view) {
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(object, &size);
  if (text) view = {text, static_cast<std::size_t>(size)};
  return text != nullptr;
}

/// Calls `take(key, value)` for each (str, str) of a sequence of pairs. False with a Python error set.
template <class Take>
bool for_each_pair(PyObject* pairs, Take take) {
  const Ref sequence = Ref::steal(PySequence_Fast(pairs, "expected a sequence of pairs"));
  if (!sequence) return false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence.get()); ++i) {
    PyObject *key = nullptr, *value = nullptr;
    std::string_view key_text, value_text;
    if (!PyArg_ParseTuple(PySequence_Fast_GET_ITEM(sequence.get(), i), "UU", &key, &value)) return false;
    if (!as_view(key, key_text) || !as_view(value, value_text) || !take(key_text, value_text)) return false;
  }
  return true;
}

/// A host and port, or the path of a socket. False with a Python error set.
bool parse_address(PyObject* address, ConnectOptions& result) {
  std::string_view name;
  if (PyUnicode_Check(address)) {
    if (!as_view(address, name)) return false;
    result.hosts = {Host(std::string(name))};
    return true;
  }
  PyObject* text = nullptr;
  unsigned short port = 0;
  if (!PyArg_ParseTuple(address, "UH", &text, &port) || !as_view(text, name)) return false;
  result.hosts = {Host(std::string(name), port)};
  return true;
}

/// Everything that says where and how to connect, there and nowhere else. False with a Python error set.
bool parse_options(PyObject* address, PyObject* options, PyObject* settings, PyObject* context,
                   ConnectOptions& result) {
  OptionError error;
  const auto set = [&](std::string_view key, std::string_view value) {
    return result.set(key, value, error) || (refuse(error), false);
  };
  const auto add_setting = [&](std::string_view key, std::string_view value) {
    result.server_settings.emplace_back(std::string(key), std::string(value));
    return true;
  };
  if (!for_each_pair(options, set) || !for_each_pair(settings, add_setting)) return false;
  if (!parse_address(address, result)) return false;
  if (context != Py_None) {
    const bool direct = result.tls.negotiation == SslNegotiation::direct;
    result.tls_context = std::make_shared<PyTlsContext>(Ref::borrow(context), direct);
  }
  return result.complete(error) || (refuse(error), false);
}

/// One for the process: whoever connects again is spared the derivation, with a pool or without. Only
/// loops' threads use it, while they hold the GIL.
const std::shared_ptr<ScramCache>& scram_cache() {
  static const auto cache = std::make_shared<ScramCache>();
  return cache;
}

}  // namespace

PyObject* connect(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (!expect_arguments(count, 11, "connect")) return nullptr;
  auto loop = PyLoop::make(args[0]);
  ConnectOptions options;
  CoreOptions core_options;
  if (!loop || !parse_options(args[1], args[2], args[3], args[10], options)) return nullptr;
  if (!parse_timeout(args[4], unlimited, options.connect_timeout)) return nullptr;
  if (!parse_timeout(args[5], unlimited, core_options.command_timeout)) return nullptr;
  if (options.connect_timeout <= Duration::zero()) {
    raise_failure({Errc::timed_out, {}}, nullptr);
    return nullptr;
  }
  options.statement_cache_size = PyLong_AsSize_t(args[6]);
  if (PyErr_Occurred()) return nullptr;
  core_options.record_class = Ref::borrow(args[7]);
  core_options.max_cacheable_statement_size = PyLong_AsSize_t(args[8]);
  if (PyErr_Occurred()) return nullptr;
  if (!parse_timeout(args[9], unlimited, core_options.max_cached_statement_lifetime)) return nullptr;
  options.scram_cache = scram_cache();

  PyLoop& loop_ref = *loop;
  ConnectRequest* request = nullptr;
  Ref self = Awaitable::make<ConnectRequest>(loop_ref, request, std::move(loop), std::move(options),
                                             std::move(core_options));
  if (self) request->start();
  return self.release();
}

ConnectRequest::ConnectRequest(std::unique_ptr<PyLoop> loop, ConnectOptions options, CoreOptions core_options)
    : core_options_(std::move(core_options)), tls_context_(options.tls_context), loop_(std::move(loop)) {
  ConnectHandler& handler = *this;
  loop_->set_end_listener(this);
  connector_ = std::make_unique<Connector>(*loop_, std::move(options), handler);
}

void ConnectRequest::on_connected(std::unique_ptr<Channel> channel) noexcept {
  channel_ = std::move(channel);
  connector_.reset();
  complete();
}

void ConnectRequest::on_connect_failed(Failure failure) noexcept {
  failure_ = std::move(failure);
  connector_.reset();
  complete();
}

PyObject* ConnectRequest::take_result() {
  if (failure_) {
    raise();
    return nullptr;
  }
  return make_core(std::make_unique<Core>(std::move(loop_), std::move(channel_), std::move(core_options_)))
      .release();
}

// What Python's ssl raised is raised as it is.
void ConnectRequest::raise() {
  const auto* context = dynamic_cast<const PyTlsContext*>(tls_context_.get());
  const bool is_tls = failure_->code == Errc::tls_failed || failure_->code == Errc::certificate_rejected;
  Ref error = context && is_tls ? context->take_error() : Ref();
  if (error) return restore_error(std::move(error));
  raise_failure(*failure_, nullptr);
}

bool CloseRequest::start(PyObject* timeout) {
  Core& core = core_of(core_.get());
  Duration limit;
  if (!parse_timeout(timeout, core.options().command_timeout, limit)) return false;
  if (!core.channel().is_open()) {
    complete_early();
    return true;
  }
  TimerHandler& handler = *this;
  timer_ = core.loop().timer(handler);
  core.wait_for_close(self());
  timer_->arm(deadline_after(core.loop().now(), limit));
  if (core.busy()) core.channel().interrupt();
  core.channel().terminate();
  return true;
}

void CloseRequest::on_timer() noexcept {
  timed_out_ = true;
  core_of(core_.get()).channel().abort({Errc::connection_lost, "closing it took too long"});
}

PyObject* CloseRequest::take_result() {
  if (!timed_out_) Py_RETURN_NONE;
  raise_failure({Errc::timed_out, {}}, nullptr);
  return nullptr;
}

void CloseRequest::give_up() noexcept {
  core_of(core_.get()).stop_waiting_for_close(self());
  core_of(core_.get()).channel().abort({Errc::connection_lost, "whoever closed it was cancelled"});
}

PyObject* options(PyObject*, PyObject*) {
  Ref names = Ref::steal(PyDict_New());
  for (const OptionRow& row : option_table()) {
    const Ref variable = row.variable ? Ref::steal(PyUnicode_FromString(row.variable)) : Ref::borrow(Py_None);
    const Ref keyword = Ref::steal(
        PyUnicode_FromStringAndSize(row.keyword.data(), static_cast<Py_ssize_t>(row.keyword.size())));
    if (!names || !variable || !keyword || PyDict_SetItem(names.get(), keyword.get(), variable.get()) < 0)
      return nullptr;
  }
  return names.release();
}

PyObject* session_variables(PyObject*, PyObject*) {
  Ref names = Ref::steal(PyDict_New());
  for (const SessionVariable& each : pgstride::session_variables()) {
    const Ref setting = Ref::steal(PyUnicode_FromString(each.setting));
    if (!names || !setting || PyDict_SetItemString(names.get(), each.variable, setting.get()) < 0)
      return nullptr;
  }
  return names.release();
}

PyObject* harmless_options(PyObject*, PyObject*) {
  Ref names = Ref::steal(PyFrozenSet_New(nullptr));
  for (const std::string_view name : ConnectOptions::strangers_may_say()) {
    const Ref text =
        Ref::steal(PyUnicode_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size())));
    if (!names || !text || PySet_Add(names.get(), text.get()) < 0) return nullptr;
  }
  return names.release();
}

}  // namespace pgstride::python
