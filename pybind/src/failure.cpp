// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/failure.hpp"

namespace pgstride::python {
namespace {

const char* kind_of(const Failure& failure) noexcept {
  if (failure.code.category() != pgstride_category()) return "system";
  switch (static_cast<Errc>(failure.code.value())) {
    case Errc::connection_lost: return "connection_lost";
    case Errc::connection_closed: return "connection_closed";
    case Errc::timed_out: return "timed_out";
    case Errc::cancelled: return "cancelled";
    case Errc::protocol_violation:
    case Errc::limit_exceeded: return "protocol_violation";
    case Errc::result_too_large: return "result_too_large";
    case Errc::server_error: return "server_error";
    case Errc::host_not_found: return "host_not_found";
    case Errc::tls_refused: return "tls_refused";
    case Errc::tls_failed: return "tls_failed";
    case Errc::certificate_rejected: return "certificate_rejected";
    default: return "interface";
  }
}

}  // namespace

Ref make_server_text(std::string_view s, const TextEncoding* encoding) {
  if (encoding) return encoding->decode(s, "replace");
  return Ref::steal(PyUnicode_DecodeUTF8(s.data(), static_cast<Py_ssize_t>(s.size()), "replace"));
}

Ref fields_of(const ServerError& error, const TextEncoding* encoding) {
  Ref fields = Ref::steal(PyDict_New());
  Reader in(error.fields());
  while (const auto letter = in.u8()) {
    const char code[] = {static_cast<char>(letter), '\0'};
    const Ref value = make_server_text(in.cstr(), encoding);
    if (!fields || !value || PyDict_SetItemString(fields.get(), code, value.get()) < 0) return {};
  }
  return fields;
}

void raise_failure(const Failure& failure, PyObject* query, const TextEncoding* encoding) {
  if (failure.thrown) {  // by a sink of ours: none throws anything but for memory
    PyErr_NoMemory();
    return;
  }
  const Ref module = Ref::steal(PyImport_ImportModule("pgstride._failures"));
  const Ref fields = failure.server ? fields_of(*failure.server, encoding) : Ref::borrow(Py_None);
  const Ref detail = make_server_text(failure.detail.empty() ? failure.code.message() : failure.detail);
  if (!module || !fields || !detail) return;
  const std::error_code system = failure.system ? failure.system : failure.code;
  const int number = system.category() == pgstride_category() ? 0 : system.value();
  const Ref exception = Ref::steal(PyObject_CallMethod(
      module.get(), "make_exception", "siOOOO", kind_of(failure), number, detail.get(), fields.get(),
      query ? query : Py_None, failure.outcome_unknown ? Py_True : Py_False));
  if (exception) restore_error(exception);
}

Ref take_error() {
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback) PyException_SetTraceback(value, traceback);
  Py_XDECREF(type);
  Py_XDECREF(traceback);
  return Ref::steal(value);
}

void restore_error(Ref exception) {
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.get())), exception.get());
}

}  // namespace pgstride::python
