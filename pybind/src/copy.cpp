// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/copy.hpp"

#include "pgstride/pybind/src/call_arguments.hpp"
#include "pgstride/pybind/src/copy_in.hpp"
#include "pgstride/pybind/src/copy_out.hpp"
#include "pgstride/pybind/src/memory.hpp"
#include "pgstride/pybind/src/module_function.hpp"
#include "pgstride/pybind/src/statement.hpp"

namespace pgstride::python {
namespace {

StatementRef statement_ref(PyObject* statement) {
  return is_statement(statement) ? *statement_of(statement).statement : StatementRef();
}

PyObject* copy_timeout(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (!expect(args, count, {"copy_timeout", 2, is_core, "a Core"})) return nullptr;
  Duration limit;
  if (!parse_timeout(args[1], core_of(args[0]).options().command_timeout, limit)) return nullptr;
  if (limit == Duration::max()) Py_RETURN_NONE;
  return PyFloat_FromDouble(std::chrono::duration<double>(limit).count());
}

PyObject* copy_records(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (!expect(args, count, {"copy_records", 5, is_core, "a Core"})) return nullptr;
  CopyRecordsRequest* copy = nullptr;
  Ref awaitable = Awaitable::make<CopyRecordsRequest>(core_of(args[0]).loop(), copy, args[0], args[1],
                                                      statement_ref(args[2]));
  return Awaitable::started(awaitable, awaitable && copy->start(args[3], args[4]));
}

PyObject* copy_in(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (!expect(args, count, {"copy_in", 4, is_core, "a Core"})) return nullptr;
  CopyInRequest* copy = nullptr;
  Ref awaitable =
      Awaitable::make<CopyInRequest>(core_of(args[0]).loop(), copy, args[0], args[1], statement_ref(args[2]));
  return Awaitable::started(awaitable, awaitable && copy->start(args[3]));
}

PyObject* copy_write(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (!expect(args, count, {"copy_write", 2, is_request<CopyInRequest>, "what copy_in() has returned"}))
    return nullptr;
  return request_of<CopyInRequest>(args[0])->write(args[1]);
}

PyObject* copy_write_record(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (!expect(args, count,
              {"copy_write_record", 2, is_request<CopyInRequest>, "what copy_in() has returned"}))
    return nullptr;
  return request_of<CopyInRequest>(args[0])->write_record(args[1]);
}

PyObject* copy_end(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (!expect(args, count, {"copy_end", 1, is_request<CopyInRequest>, "what copy_in() has returned"}))
    return nullptr;
  return request_of<CopyInRequest>(args[0])->end();
}

PyObject* copy_break_off(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (!expect(args, count, {"copy_break_off", 2, is_request<CopyInRequest>, "what copy_in() has returned"}))
    return nullptr;
  const char* reason = PyUnicode_AsUTF8(args[1]);
  return reason ? request_of<CopyInRequest>(args[0])->break_off(reason) : nullptr;
}

PyObject* copy_give_up(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (!expect(args, count, {"copy_give_up", 2, is_awaitable, "a COPY's awaitable"})) return nullptr;
  const char* reason = PyUnicode_AsUTF8(args[1]);
  if (!reason) return nullptr;
  if (auto* in = request_of<CopyInRequest>(args[0])) {
    in->give_up(reason);
  } else if (auto* out = request_of<CopyOutRequest>(args[0])) {
    out->give_up();
  }
  Py_RETURN_NONE;
}

PyObject* copy_out(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (!expect(args, count, {"copy_out", 3, is_core, "a Core"})) return nullptr;
  CopyOutRequest* copy = nullptr;
  Ref awaitable = Awaitable::make<CopyOutRequest>(core_of(args[0]).loop(), copy, args[0], args[1]);
  return Awaitable::started(awaitable, awaitable && copy->start(args[2]));
}

PyObject* copy_next(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (!expect(args, count, {"copy_next", 1, is_request<CopyOutRequest>, "what copy_out() has returned"}))
    return nullptr;
  return request_of<CopyOutRequest>(args[0])->next();
}

PyMethodDef functions[] = {
    {"copy_timeout", guarded<copy_timeout>(), METH_FASTCALL, nullptr},
    {"copy_records", guarded<copy_records>(), METH_FASTCALL, nullptr},
    {"copy_in", guarded<copy_in>(), METH_FASTCALL, nullptr},
    {"copy_write", guarded<copy_write>(), METH_FASTCALL, nullptr},
    {"copy_write_record", guarded<copy_write_record>(), METH_FASTCALL, nullptr},
    {"copy_end", guarded<copy_end>(), METH_FASTCALL, nullptr},
    {"copy_break_off", guarded<copy_break_off>(), METH_FASTCALL, nullptr},
    {"copy_give_up", guarded<copy_give_up>(), METH_FASTCALL, nullptr},
    {"copy_out", guarded<copy_out>(), METH_FASTCALL, nullptr},
    {"copy_next", guarded<copy_next>(), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool add_copy_functions(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace pgstride::python
