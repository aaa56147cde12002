# Builds and runs the consumer as strangers would. Run as:
#   cmake -D HOW=package|sources -D SOURCE=… -D BUILD=… -D SCRATCH=… -D CXX=… [-D FLAGS=…] [-D LAUNCHER=…]
#         -P run.cmake
# `package`: against what BUILD installs, found by CMake and by pkg-config, where it was installed and where it was
# moved to. `sources`: by FetchContent, with shared libraries.

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGN}\nended with ${status}:\n${output}")
  endif()
endfunction()

function(build_consumer)
  run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${SCRATCH}/build -G Ninja
    -D CMAKE_BUILD_TYPE=Debug -D CMAKE_CXX_COMPILER=${CXX} -D CMAKE_CXX_FLAGS=${FLAGS}
    -D CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER} ${ARGN})
  run(${CMAKE_COMMAND} --build ${SCRATCH}/build)
  run(${SCRATCH}/build/consumer)
  run(${SCRATCH}/build/core_only)
endfunction()

file(REMOVE_RECURSE ${SCRATCH})
if(HOW STREQUAL "sources")
  build_consumer(-D PGSTRIDE_SOURCE=${SOURCE} -D BUILD_SHARED_LIBS=ON)
  return()
endif()

function(build_by_pkg_config prefix)
  file(GLOB_RECURSE pc ${prefix}/pgstride-uv.pc)
  get_filename_component(pc_dir ${pc} DIRECTORY)
  set(ENV{PKG_CONFIG_PATH} ${pc_dir})
  execute_process(COMMAND pkg-config --cflags --libs --static pgstride-uv
    OUTPUT_VARIABLE words OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(words UNIX_COMMAND "${words}")
  separate_arguments(flags UNIX_COMMAND "${FLAGS}")
  run(${CXX} ${flags} ${CMAKE_CURRENT_LIST_DIR}/consumer.cpp -o ${SCRATCH}/by_pkg_config ${words})
  run(${SCRATCH}/by_pkg_config)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${SCRATCH}/prefix)
build_consumer(-D CMAKE_PREFIX_PATH=${SCRATCH}/prefix)
build_by_pkg_config(${SCRATCH}/prefix)

file(RENAME ${SCRATCH}/prefix ${SCRATCH}/moved)
file(REMOVE_RECURSE ${SCRATCH}/build)
build_consumer(-D CMAKE_PREFIX_PATH=${SCRATCH}/moved)
build_by_pkg_config(${SCRATCH}/moved)
