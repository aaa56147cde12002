# Run after linking: asks a Boost.Test PROGRAM for its top-level suites and writes LIST, the
# add_test() lines that ctest reads.

execute_process(COMMAND ${PROGRAM} --list_content=HRF ERROR_VARIABLE content RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} --list_content failed (${status}):\n${content}")
endif()

# Top-level entries are not indented; an asterisk marks what runs by default.
string(REGEX MATCHALL "(^|\n)[A-Za-z0-9_]+" names "${content}")
set(tests "")
foreach(name IN LISTS names)
  string(STRIP "${name}" name)
  string(APPEND tests
    "add_test([=[${KIND}.${name}]=] [=[${PROGRAM}]=] --run_test=${name} --color_output=no)\n"
    "set_tests_properties([=[${KIND}.${name}]=] PROPERTIES LABELS ${KIND} SKIP_RETURN_CODE 77)\n")
endforeach()
if(NOT tests)
  message(FATAL_ERROR "${PROGRAM} has no tests")
endif()
file(WRITE ${LIST} "${tests}")
