// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Connecting from Python, and parting: the requests behind connect() and close().
#pragma once

#include <memory>
#include <optional>

#include "pgstride/driver/connector.hpp"
#include "pgstride/pybind/src/awaitable.hpp"
#include "pgstride/pybind/src/core.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

class ConnectRequest final : public Request, ConnectHandler, LoopEndListener {
 public:
  ConnectRequest(std::unique_ptr<PyLoop> loop, ConnectOptions options, CoreOptions core_options);

  void start() { connector_->start(); }

  PyObject* take_result() override;
  void give_up() noexcept override { connector_.reset(); }
  int traverse(visitproc visit, void* arg) const override {
    return core_options_.record_class.visit(visit, arg);
  }

 private:
  void on_connected(std::unique_ptr<Channel> channel) noexcept override;
  void on_connect_failed(Failure failure) noexcept override;
  void on_loop_closed() noexcept override {
    const KeepError keep;
    let_nobody_wait();
  }

  void raise();

  CoreOptions core_options_;
  std::shared_ptr<const TlsContext> tls_context_;
  std::unique_ptr<PyLoop> loop_;
  std::unique_ptr<Channel> channel_;
  std::optional<Failure> failure_;
  std::unique_ptr<Connector> connector_;
};

/// Says good-bye and waits for the server to hang up; aborts when that takes longer than allowed.
class CloseRequest final : public Request, TimerHandler {
 public:
  explicit CloseRequest(PyObject* core) noexcept : core_(Ref::borrow(core)) {}
  static CloseRequest& of(PyObject* awaitable) noexcept {
    return static_cast<CloseRequest&>(*reinterpret_cast<Awaitable*>(awaitable)->request);
  }

  /// False with a Python error set.
  bool start(PyObject* timeout);
  /// The connection has ended.
  void closed() noexcept { complete(); }

  PyObject* take_result() override;
  void give_up() noexcept override;
  int traverse(visitproc visit, void* arg) const override { return core_.visit(visit, arg); }

 private:
  void on_timer() noexcept override;

  Ref core_;
  std::unique_ptr<Timer> timer_;
  bool timed_out_ = false;
};

/// connect(loop, address, options, settings, connect_timeout, command_timeout, …): see _core.pyi.
PyObject* connect(PyObject* module, PyObject* const* args, Py_ssize_t count);
/// options(): the names of the driver's options, each with its environment variable or None.
PyObject* options(PyObject* module, PyObject* nothing);
/// session_variables(): environment variables that set a run-time parameter, each with its name.
PyObject* session_variables(PyObject* module, PyObject* nothing);
/// Those that may be left to an untrusted source, as a frozenset.
PyObject* harmless_options(PyObject* module, PyObject* nothing);

}  // namespace pgstride::python
