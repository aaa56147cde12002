// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// pgstride._core: the one translation unit that includes pybind11. It registers; no logic.
#include <pybind11/pybind11.h>

#include "pgstride/pybind/src/awaitable.hpp"
#include "pgstride/pybind/src/codec.hpp"
#include "pgstride/pybind/src/codecs/probe.hpp"
#include "pgstride/pybind/src/connect.hpp"
#include "pgstride/pybind/src/copy.hpp"
#include "pgstride/pybind/src/core.hpp"
#include "pgstride/pybind/src/loop.hpp"
#include "pgstride/pybind/src/memory.hpp"
#include "pgstride/pybind/src/pool.hpp"
#include "pgstride/pybind/src/record.hpp"
#include "pgstride/pybind/src/row_stream.hpp"
#include "pgstride/pybind/src/statement.hpp"
#include "pgstride/pybind/src/type_codecs.hpp"
#include "pgstride/pybind/src/uuid.hpp"

namespace py = pybind11;
using namespace pgstride::python;

namespace {

PyMethodDef functions[] = {
    {"connect", guarded<pgstride::python::connect>(), METH_FASTCALL, nullptr},
    {"options", guarded<pgstride::python::options>(), METH_NOARGS, nullptr},
    {"session_variables", guarded<pgstride::python::session_variables>(), METH_NOARGS, nullptr},
    {"harmless_options", guarded<pgstride::python::harmless_options>(), METH_NOARGS, nullptr},
    {"builtin_types", guarded<pgstride::python::builtin_types>(), METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

void require(bool done) {
  if (!done) throw py::error_already_set();
}

}  // namespace

PYBIND11_MODULE(_core, module) {
  PyObject* raw = module.ptr();
  require(add_loop_types(raw));
  require(add_awaitable_type(raw));
  require(add_record_types(raw));
  require(add_uuid_type(raw));
  require(prepare_codecs());
  require(add_statement_type(raw));
  require(add_core_type(raw));
  require(add_pool_type(raw));
  require(add_codec_probe(raw));
  require(add_copy_functions(raw));
  require(add_stream_functions(raw));
  require(PyModule_AddFunctions(raw, functions) == 0);
  module.attr("__version__") = PGSTRIDE_VERSION;
}
