# The layering check finds what it is there to find: one tree for each forbidden include. KEEP: on top of what is there.
# Run as: cmake -D SCRATCH=<directory> -P layering_selftest.cmake

cmake_minimum_required(VERSION 3.22)
function(check_tree file include expected)
  if(NOT "KEEP" IN_LIST ARGN)
    file(REMOVE_RECURSE ${SCRATCH})
  endif()
  file(WRITE ${SCRATCH}/${file} "#pragma once\n#include <vector>\n  # include ${include}  // why\n")
  execute_process(COMMAND ${CMAKE_COMMAND} -D ROOT=${SCRATCH} -P ${CMAKE_CURRENT_LIST_DIR}/layering.cmake
    ERROR_VARIABLE report RESULT_VARIABLE status)
  string(FIND "${report}" "${file}:" named)
  if(expected STREQUAL "refused" AND (status EQUAL 0 OR named EQUAL -1))
    message(SEND_ERROR "${file} may include ${include}, says the check:\n${report}")
  elseif(expected STREQUAL "allowed" AND NOT status EQUAL 0)
    message(SEND_ERROR "${file} may not include ${include}, says the check:\n${report}")
  endif()
endfunction()

foreach(include <coroutine> <chrono> <thread> <functional> <iostream> <sys/socket.h> <unistd.h> <Python.h>
        <uv.h> <pybind11/pybind11.h> <openssl/ssl.h> "\"pgstride/driver/channel.hpp\"" "\"tests/support/x.hpp\"")
  check_tree(protocol/codec/room.cpp "${include}" refused)
endforeach()
foreach(include <uv.h> <Python.h> <pybind11/pybind11.h> "\"pgstride/pybind/src/ref.hpp\"")
  check_tree(driver/net/room.cpp "${include}" refused)
endforeach()
foreach(include <uv.h> <openssl/ssl.h> <functional>)
  check_tree(driver/loop/uv.hpp "${include}" refused)
endforeach()
foreach(include <uv.h> <coroutine> <pybind11/pybind11.h> "\"pgstride/driver/coro/task.hpp\"")
  check_tree(pybind/src/core.cpp "${include}" refused)
endforeach()

check_tree(protocol/scram.cpp <openssl/evp.h> allowed)
check_tree(driver/loop/uv.cpp <uv.h> allowed)
check_tree(driver/channel.cpp "\"pgstride/protocol/session.hpp\"" allowed)
check_tree(driver/coro/task.hpp <coroutine> allowed)
check_tree(pybind/src/module.cpp <pybind11/pybind11.h> allowed)

file(REMOVE_RECURSE ${SCRATCH})
# What is brought along counts as well, however far away it is included.
file(WRITE ${SCRATCH}/driver/far.hpp "#include <coroutine>\n")
file(WRITE ${SCRATCH}/driver/near.hpp "#include \"pgstride/driver/far.hpp\"\n#include \"pgstride/driver/near.hpp\"\n")
check_tree(pybind/src/core.cpp "\"pgstride/driver/near.hpp\"" refused KEEP)
file(WRITE ${SCRATCH}/driver/far.hpp "#include <vector>\n")
check_tree(pybind/src/core.cpp "\"pgstride/driver/near.hpp\"" allowed KEEP)
# And an exception is one for all who include it.
file(WRITE ${SCRATCH}/protocol/codec/chrono.hpp "#include <chrono>\n")
check_tree(protocol/codec/room.cpp "\"pgstride/protocol/codec/chrono.hpp\"" allowed KEEP)
file(REMOVE_RECURSE ${SCRATCH})
