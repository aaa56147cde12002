// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/tls.hpp"

#include "pgstride/driver/net/certificate.hpp"
#include "pgstride/pybind/src/failure.hpp"

namespace pgstride::python {
namespace {

/// The ssl module; None with a Python error set.
Ref ssl_module() { return Ref::steal(PyImport_ImportModule("ssl")); }

bool is_instance(const Ref& error, const char* type_name) {
  const Ref module = ssl_module();
  const Ref type = module ? attribute(module.get(), type_name) : Ref();
  const int answer = type ? PyObject_IsInstance(error.get(), type.get()) : -1;
  if (answer < 0) PyErr_Clear();
  return answer == 1;
}

std::string text_of(PyObject* object) {
  const Ref text = Ref::steal(object ? PyObject_Str(object) : nullptr);
  const char* utf8 = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
  if (!utf8) PyErr_Clear();
  return utf8 ? utf8 : "";
}

Ref view_of(Bytes bytes) {
  return Ref::steal(PyMemoryView_FromMemory(const_cast<char*>(as_text(bytes).data()),
                                            static_cast<Py_ssize_t>(bytes.size()), PyBUF_READ));
}

}  // namespace

class PyTlsEngine final : public TlsEngine {
 public:
  PyTlsEngine(const PyTlsContext& context, Ref incoming, Ref outgoing, Ref object) noexcept
      : context_(context),
        incoming_(std::move(incoming)),
        outgoing_(std::move(outgoing)),
        object_(std::move(object)) {}

  TlsState state() const noexcept override { return state_; }
  const Failure& failure() const noexcept override { return failure_; }
  WriteBuffer& output() noexcept override { return output_; }

  void feed(Bytes ciphertext) override {
    const Ref view = view_of(ciphertext);
    if (!view || !call_method(incoming_.get(), "write", view.get())) fail();
  }

  void handshake() override {
    if (state_ != TlsState::handshaking) return;
    const Ref done = call_method(object_.get(), "do_handshake");
    const bool goes_on = done || waits();
    take_output();
    if (!goes_on) return fail();
    if (!done) return;
    state_ = TlsState::open;
    if (!context_.direct_ || info().application == "postgresql") return;
    state_ = TlsState::failed;
    failure_ =
        Failure(Errc::tls_failed, "the server does not speak PostgreSQL over direct TLS (no ALPN answer)");
  }

  std::size_t read(std::span<std::byte> into) override {
    if (state_ != TlsState::open || into.empty()) return 0;
    const Ref view = Ref::steal(PyMemoryView_FromMemory(reinterpret_cast<char*>(into.data()),
                                                        static_cast<Py_ssize_t>(into.size()), PyBUF_WRITE));
    const Ref most = Ref::steal(PyLong_FromSize_t(into.size()));
    const Ref count = view && most ? call_method(object_.get(), "read", most.get(), view.get()) : Ref();
    const bool goes_on = count || waits();
    take_output();
    if (!goes_on) fail();
    if (!count) return 0;
    const std::size_t size = PyLong_AsSize_t(count.get());
    if (size == 0) state_ = TlsState::closed;
    return size;
  }

  bool write(Bytes plaintext) override {
    if (state_ != TlsState::open) return false;
    while (!plaintext.empty()) {
      const Ref view = view_of(plaintext);
      const Ref count = view ? call_method(object_.get(), "write", view.get()) : Ref();
      if (!count) {
        fail();
        return false;
      }
      plaintext = plaintext.subspan(PyLong_AsSize_t(count.get()));
    }
    take_output();
    return true;
  }

  void close() noexcept override {
    if (state_ != TlsState::open && state_ != TlsState::closed) return;
    const KeepError keep;
    state_ = TlsState::closed;
    // It would like to wait for the other end's good-bye.
    if (!call_method(object_.get(), "unwrap")) PyErr_Clear();
    take_output();
  }

  TlsInfo info() const override {
    TlsInfo info;
    const Ref version = call_method(object_.get(), "version");
    const Ref cipher = call_method(object_.get(), "cipher");
    const Ref application = call_method(object_.get(), "selected_alpn_protocol");
    PyErr_Clear();
    info.version = text_of(version.get());
    if (cipher && PyTuple_Check(cipher.get()) && PyTuple_GET_SIZE(cipher.get()) > 0)
      info.cipher = text_of(PyTuple_GET_ITEM(cipher.get(), 0));
    if (application && application.get() != Py_None) info.application = text_of(application.get());
    return info;
  }

  std::string server_end_point() const override {
    const Ref der = call_method(object_.get(), "getpeercert", Py_True);
    if (!der || !PyBytes_Check(der.get())) {
      PyErr_Clear();
      return {};
    }
    return certificate_end_point(as_bytes(std::string_view(
        PyBytes_AS_STRING(der.get()), static_cast<std::size_t>(PyBytes_GET_SIZE(der.get())))));
  }

 private:
  /// The Python error that is set says that there is too little ciphertext; clears it then.
  static bool waits() {
    const Ref error = pgstride::python::take_error();
    if (is_instance(error, "SSLWantReadError")) return true;
    restore_error(error);
    return false;
  }

  void take_output() {
    const KeepError keep;
    const Ref bytes = call_method(outgoing_.get(), "read");
    if (!bytes || !PyBytes_Check(bytes.get())) return PyErr_Clear();
    output_.append(as_bytes(std::string_view(PyBytes_AS_STRING(bytes.get()),
                                             static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get())))));
  }

  void fail() {
    const Ref error = pgstride::python::take_error();
    state_ = TlsState::failed;
    const Errc code =
        is_instance(error, "SSLCertVerificationError") ? Errc::certificate_rejected : Errc::tls_failed;
    failure_ = Failure(code, text_of(error.get()));
    context_.error_ = error;
  }

  const PyTlsContext& context_;  // kept by whoever keeps the connection
  Ref incoming_;
  Ref outgoing_;
  Ref object_;
  TlsState state_ = TlsState::handshaking;
  Failure failure_;
  WriteBuffer output_;
};

std::unique_ptr<TlsEngine> PyTlsContext::connect(const std::string& host, Failure& failure) const {
  const Ref module = ssl_module();
  const Ref incoming = module ? call_method(module.get(), "MemoryBIO") : Ref();
  const Ref outgoing = incoming ? call_method(module.get(), "MemoryBIO") : Ref();
  const Ref object =
      outgoing
          ? Ref::steal(PyObject_CallMethod(context_.get(), "wrap_bio", "OOOz", incoming.get(), outgoing.get(),
                                           Py_False, host.empty() ? nullptr : host.c_str()))
          : Ref();
  if (object) return std::make_unique<PyTlsEngine>(*this, incoming, outgoing, object);
  error_ = pgstride::python::take_error();
  failure = Failure(Errc::tls_failed, text_of(error_.get()));
  return nullptr;
}

}  // namespace pgstride::python
